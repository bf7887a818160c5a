//! RateLimits: what is too much is refused with the time to come back, before anybody is asked.

use std::time::Duration;

use contracts::{
    ErrorCode, Principal, Problem, Role,
    llm::{CreateRoute, GetLimits, RateLimits, RouteSpec, SetLimits, UpdateProvider},
};
use futures::{StreamExt, future::join_all};
use testkit::fake_llm::Answer;

use crate::{Fixture, question};

fn requests(most: u32) -> RateLimits {
    RateLimits {
        requests_per_minute: Some(most),
        ..RateLimits::default()
    }
}

fn reached(problem: &Problem) -> u64 {
    assert_eq!(
        (problem.code, problem.status, problem.reason.as_deref()),
        (ErrorCode::RateLimited, 429, Some("limit_reached")),
        "{problem:?}"
    );
    problem.retry_after_ms.unwrap()
}

async fn ready() -> (Fixture, Principal) {
    let fixture = Fixture::start().await;
    let owner = fixture.owner().await;
    fixture.vendor_of(&owner).await;
    fixture.vendor.otherwise(Answer::text("hello"));
    (fixture, owner)
}

async fn limit(fixture: &Fixture, owner: &Principal, limits: RateLimits) {
    fixture.ask(owner, &SetLimits { limits }).await.unwrap();
}

#[tokio::test]
async fn an_organization_asks_so_often_in_a_minute() {
    let (fixture, owner) = ready().await;
    assert_eq!(
        fixture.ask(&owner, &GetLimits {}).await.unwrap(),
        RateLimits::default()
    );
    limit(&fixture, &owner, requests(3)).await;
    assert_eq!(
        fixture.ask(&owner, &GetLimits {}).await.unwrap(),
        requests(3)
    );
    let ask = question("vendor/fake-large", "hi");
    let crowd = join_all((0..8).map(|_| async { fixture.complete(&owner, &ask).await.1 }));
    let outcomes = crowd.await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 3);
    for problem in outcomes.into_iter().filter_map(Result::err) {
        let pause = reached(&problem);
        assert!((50_000..=60_000).contains(&pause), "{pause}");
    }
    assert_eq!(fixture.vendor.requests().len(), 3);
    // Another organization is not concerned.
    let other = fixture.owner().await;
    fixture.vendor_of(&other).await;
    fixture.complete(&other, &ask).await.1.unwrap();
    // Without limits it goes on at once.
    limit(&fixture, &owner, RateLimits::default()).await;
    fixture.complete(&owner, &ask).await.1.unwrap();
}

#[tokio::test]
async fn tokens_count_as_they_were_in_the_end() {
    let (fixture, owner) = ready().await;
    let limits = RateLimits {
        tokens_per_minute: Some(60),
        ..RateLimits::default()
    };
    limit(&fixture, &owner, limits).await;
    let mut ask = question("vendor/fake-large", "hi");
    // Thought to have about 30 tokens, each has 18.
    ask.max_tokens = Some(28);
    for _ in 0..2 {
        fixture.complete(&owner, &ask).await.1.unwrap();
    }
    let problem = fixture.refused(&owner, &ask).await;
    reached(&problem);
    ask.max_tokens = Some(20);
    fixture.complete(&owner, &ask).await.1.unwrap();
}

#[tokio::test]
async fn so_many_questions_at_the_same_time() {
    let (fixture, owner) = ready().await;
    let limits = RateLimits {
        parallel: Some(1),
        ..RateLimits::default()
    };
    limit(&fixture, &owner, limits).await;
    let slow = Answer::text("one ".repeat(50)).slow(Duration::ZERO, Duration::from_millis(100));
    fixture.vendor.script(slow);
    let token = testkit::token(&owner);
    let ask = question("vendor/fake-large", "hi");
    let call = bus::Call {
        token: Some(&token),
        deadline: Duration::from_secs(2),
    };
    let answers = fixture.bus.call_stream(owner.tenant, &ask, call).await;
    let mut answers = Box::pin(answers.unwrap());
    answers.next().await.unwrap().unwrap();
    reached(&fixture.refused(&owner, &ask).await);
    // Whoever leaves makes room.
    assert!(answers.collect::<Vec<_>>().await.pop().unwrap().is_err());
    testkit::eventually(Duration::from_secs(20), async || {
        fixture.complete(&owner, &ask).await.1.ok()
    })
    .await;
}

#[tokio::test]
async fn a_route_goes_round_a_provider_at_its_limit() {
    let (fixture, owner) = ready().await;
    let mut second = crate::vendor_at(&fixture.vendor.base_url());
    second.name = "second".into();
    second.limits = Some(requests(1));
    let second = fixture.ask(&owner, &second).await.unwrap();
    assert_eq!(second.limits, Some(requests(1)));
    let spec = RouteSpec::ordered("r", [("second", "fake-large"), ("vendor", "fake-large")]);
    fixture.ask(&owner, &CreateRoute { spec }).await.unwrap();
    let mut providers = Vec::new();
    for _ in 0..3 {
        let done = fixture.complete(&owner, &question("r", "hi")).await.1;
        providers.push(done.unwrap().provider);
    }
    assert_eq!(providers, ["second", "vendor", "vendor"]);
    let direct = question("second/fake-large", "hi");
    reached(&fixture.refused(&owner, &direct).await);
    let update = UpdateProvider {
        provider_id: second.id,
        base_url: None,
        api_key: None,
        more_api_keys: Vec::new(),
        limits: Some(RateLimits::default()),
        models: None,
    };
    fixture.ask(&owner, &update).await.unwrap();
    fixture.complete(&owner, &direct).await.1.unwrap();
}

#[tokio::test]
async fn a_route_has_limits_of_its_own() {
    let (fixture, owner) = ready().await;
    let mut spec = RouteSpec::ordered("r", [("vendor", "fake-large")]);
    spec.limits = Some(requests(1));
    fixture.ask(&owner, &CreateRoute { spec }).await.unwrap();
    let ask = question("r", "hi");
    fixture.complete(&owner, &ask).await.1.unwrap();
    let problem = fixture.refused(&owner, &ask).await;
    reached(&problem);
    assert!(problem.detail.contains("route `r`"), "{}", problem.detail);
    let direct = question("vendor/fake-large", "hi");
    fixture.complete(&owner, &direct).await.1.unwrap();
}

#[tokio::test]
async fn limits_are_the_business_of_admins() {
    let (fixture, owner) = ready().await;
    let editor = testkit::principal(owner.tenant, Role::Editor);
    let set = SetLimits {
        limits: requests(1),
    };
    let problem = fixture.ask(&editor, &set).await.unwrap_err();
    assert_eq!(problem.code, ErrorCode::Forbidden);
    let odd = SetLimits {
        limits: requests(0),
    };
    let problem = fixture.ask(&owner, &odd).await.unwrap_err();
    assert_eq!(problem.errors[0].path, "/requests_per_minute");
}
