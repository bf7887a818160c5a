//! Routes: made, shown, changed; and whom they ask when somebody fails.

use std::time::{Duration, Instant};

use contracts::{
    ErrorCode, Principal, Role,
    id::{CallId, RouteId},
    llm::{
        CallRecord, CreateRoute, DeleteRoute, Fallback, GetCall, GetRoute, ListCalls, ListModels,
        ListRoutes, Route, RouteSpec, UpdateProvider, UpdateRoute,
    },
    page::Paging,
};
use llm_gateway::Settings;
use serde_json::json;
use testkit::{FakeLlm, fake_llm::Answer};

use crate::{
    Fixture,
    http::{read, send},
    question, text,
};

const LARGE: (&str, &str) = ("vendor", "fake-large");
const SMALL: (&str, &str) = ("vendor", "fake-small");

/// First the large model of the vendor, then the small one.
fn careful() -> RouteSpec {
    RouteSpec::ordered("careful", [LARGE, SMALL])
}

struct Routed {
    fixture: Fixture,
    owner: Principal,
}

impl Routed {
    async fn start(spec: RouteSpec) -> Self {
        Self::with(spec, Settings::default()).await
    }

    async fn with(spec: RouteSpec, settings: Settings) -> Self {
        let fixture = Fixture::with(&[], settings).await;
        let owner = fixture.owner().await;
        fixture.vendor_of(&owner).await;
        fixture.ask(&owner, &CreateRoute { spec }).await.unwrap();
        Self { fixture, owner }
    }

    /// The large model answers with `large`, the small one with its name.
    fn large_says(&self, large: Answer) {
        self.fixture.vendor.answer_by(move |body| {
            match body["model"].as_str() == Some("fake-large") {
                true => large.clone(),
                false => Answer::text("small"),
            }
        });
    }

    async fn answer(&self) -> String {
        let ask = question("careful", "hi");
        let done = self.fixture.complete(&self.owner, &ask).await.1.unwrap();
        done.message.content.as_str().unwrap().to_owned()
    }

    async fn reason(&self) -> String {
        let ask = question("careful", "hi");
        let problem = self.fixture.refused(&self.owner, &ask).await;
        problem.reason.unwrap()
    }

    /// The models that were asked, in order.
    fn asked(&self) -> Vec<String> {
        let requests = self.fixture.vendor.requests();
        requests
            .iter()
            .map(|request| request.body["model"].as_str().unwrap().to_owned())
            .collect()
    }

    /// The newest call, once the archive has as many.
    async fn call(&self, count: usize) -> CallRecord {
        testkit::eventually(Duration::from_secs(20), async || {
            let calls = ListCalls::default();
            let page = self.fixture.ask(&self.owner, &calls).await.unwrap();
            let newest = page.items.first().cloned();
            newest.filter(|_| page.items.len() == count)
        })
        .await
    }
}

fn errors(call: &CallRecord) -> Vec<(&str, Option<&str>)> {
    let attempts = call.attempts.iter();
    attempts
        .map(|attempt| (attempt.model.as_str(), attempt.error.as_deref()))
        .collect()
}

#[tokio::test]
async fn a_route_is_made_shown_changed_and_removed() {
    let fixture = Fixture::start().await;
    let owner = fixture.owner().await;
    fixture.vendor_of(&owner).await;
    let create = CreateRoute { spec: careful() };
    let made = fixture.ask(&owner, &create).await.unwrap();
    let get = GetRoute { route_id: made.id };
    assert_eq!(fixture.ask(&owner, &get).await.unwrap().spec, made.spec);
    let again = fixture.ask(&owner, &create).await.unwrap_err();
    assert_eq!(again.reason.as_deref(), Some("route_exists"));
    let models = fixture.ask(&owner, &ListModels {}).await.unwrap().items;
    assert!(models.iter().any(|model| model.id == "route/careful"));

    let update = |spec| UpdateRoute {
        route_id: made.id,
        spec,
        if_version: None,
    };
    let spec = RouteSpec::ordered("careful", [SMALL]);
    let changed: Route = fixture.ask(&owner, &update(spec.clone())).await.unwrap();
    assert_eq!((changed.id, &changed.spec), (made.id, &spec));
    assert_eq!((made.version, changed.version), (1, 2));
    let seen = |version| UpdateRoute {
        if_version: Some(version),
        ..update(spec.clone())
    };
    let refusal = fixture.ask(&owner, &seen(1)).await.unwrap_err();
    assert_eq!((refusal.status, refusal.code), (412, ErrorCode::Conflict));
    assert_eq!(refusal.reason.as_deref(), Some("version_mismatch"));
    assert_eq!(fixture.ask(&owner, &seen(2)).await.unwrap().version, 3);
    let odd = RouteSpec::ordered("other", [("vendor", "nobody")]);
    let problem = fixture.ask(&owner, &update(odd)).await.unwrap_err();
    assert_eq!(problem.errors[0].path, "/deployments/0/model");
    let renamed = RouteSpec::ordered("other", [SMALL]);
    let problem = fixture.ask(&owner, &update(renamed)).await.unwrap_err();
    assert_eq!(problem.errors[0].path, "/name");

    for name in ["b", "c"] {
        let spec = RouteSpec::ordered(name, [SMALL]);
        fixture.ask(&owner, &CreateRoute { spec }).await.unwrap();
    }
    let paging = |cursor| Paging {
        cursor,
        limit: Some(2),
    };
    let list = |cursor| ListRoutes {
        paging: paging(cursor),
    };
    let first = fixture.ask(&owner, &list(None)).await.unwrap();
    let rest = fixture.ask(&owner, &list(first.next)).await.unwrap();
    let names: Vec<_> = first.items.iter().chain(&rest.items).collect();
    let names: Vec<_> = names.iter().map(|it| it.spec.name.as_str()).collect();
    assert_eq!(
        (names.as_slice(), rest.next),
        (&["careful", "b", "c"][..], None)
    );

    let delete = DeleteRoute { route_id: made.id };
    fixture.ask(&owner, &delete).await.unwrap();
    let gone = fixture.ask(&owner, &get).await.unwrap_err();
    assert_eq!(gone.reason.as_deref(), Some("route_not_found"));
    let problem = fixture.refused(&owner, &question("careful", "hi")).await;
    assert_eq!(problem.reason.as_deref(), Some("model_not_found"));
}

#[tokio::test]
async fn routes_are_the_business_of_admins_of_their_organization() {
    let fixture = Fixture::start().await;
    let owner = fixture.owner().await;
    fixture.vendor_of(&owner).await;
    let create = CreateRoute { spec: careful() };
    let made = fixture.ask(&owner, &create).await.unwrap();
    let editor = testkit::principal(owner.tenant, Role::Editor);
    let refused = fixture.ask(&editor, &create).await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::Forbidden);
    let stranger = fixture.owner().await;
    let get = GetRoute { route_id: made.id };
    let (route_id, spec) = (made.id, careful());
    let codes = [
        fixture.ask(&stranger, &get).await.map(drop),
        fixture
            .ask(
                &stranger,
                &UpdateRoute {
                    route_id,
                    spec,
                    if_version: None,
                },
            )
            .await
            .map(drop),
        fixture.ask(&stranger, &DeleteRoute { route_id }).await,
    ]
    .map(|outcome| outcome.unwrap_err().code);
    assert_eq!(codes, [ErrorCode::NotFound; 3]);
    let absent = GetRoute {
        route_id: RouteId::EXAMPLE,
    };
    let absent = fixture.ask(&owner, &absent).await.unwrap_err();
    assert_eq!(absent.code, ErrorCode::NotFound);
    let problem = fixture.refused(&stranger, &question("careful", "hi")).await;
    assert_eq!(problem.code, ErrorCode::NotFound);
}

#[tokio::test]
async fn another_answers_where_one_fails_and_the_record_tells_both() {
    let routed = Routed::start(careful()).await;
    let failures = [
        (Answer::status(500, "oh"), "upstream_failed"),
        (
            Answer::status(404, "no such model"),
            "upstream_model_not_found",
        ),
        (
            Answer::status(400, "maximum context length is 8"),
            "context_length_exceeded",
        ),
        (Answer::garbage("<html>"), "upstream_garbage"),
        // The role alone is nothing that a caller hears.
        (Answer::text("never heard").cut_after(1), "upstream_cut"),
        (Answer::rate_limited("1"), "upstream_rate_limited"),
    ];
    for (count, (failure, reason)) in (1..).zip(failures) {
        routed.large_says(failure);
        assert_eq!(routed.answer().await, "small", "{reason}");
        let call = routed.call(count).await;
        assert_eq!(
            errors(&call),
            [("fake-large", Some(reason)), ("fake-small", None)]
        );
        assert_eq!(call.route.as_deref(), Some("careful"));
        assert_eq!(
            (call.model.as_str(), call.error.as_deref()),
            ("fake-small", None)
        );
        assert_eq!(call.usage.completion_tokens, 7);
    }
    let newest = routed.call(6).await;
    let get = GetCall { call_id: newest.id };
    let fixture = &routed.fixture;
    assert_eq!(fixture.ask(&routed.owner, &get).await.unwrap(), newest);
    let stranger = fixture.owner().await;
    let problem = fixture.ask(&stranger, &get).await.unwrap_err();
    assert_eq!(problem.reason.as_deref(), Some("call_not_found"));
    let absent = GetCall {
        call_id: CallId::EXAMPLE,
    };
    assert!(fixture.ask(&routed.owner, &absent).await.is_err());
    let first_page = ListCalls {
        route: Some("careful".into()),
        failed: Some(false),
        paging: Paging {
            cursor: None,
            limit: Some(4),
        },
        ..ListCalls::default()
    };
    let page = fixture.ask(&routed.owner, &first_page).await.unwrap();
    let rest = ListCalls {
        paging: Paging {
            cursor: page.next.clone(),
            limit: None,
        },
        ..first_page
    };
    let rest = fixture.ask(&routed.owner, &rest).await.unwrap();
    assert_eq!((page.items.len(), rest.items.len()), (4, 2));
}

#[tokio::test]
async fn what_lies_with_the_question_is_asked_of_nobody_else() {
    let routed = Routed::start(careful()).await;
    routed.large_says(Answer::status(400, "bad temperature"));
    assert_eq!(routed.reason().await, "upstream_refused");
    assert_eq!(routed.asked(), ["fake-large"]);

    let mut spec = careful();
    spec.fallback_on = vec![Fallback::RateLimit];
    let routed = Routed::start(spec).await;
    routed.large_says(Answer::status(500, "oh"));
    assert_eq!(routed.reason().await, "upstream_failed");
    assert_eq!(routed.asked(), ["fake-large"]);
}

#[tokio::test]
async fn who_asked_for_a_pause_is_left_alone_until_its_end() {
    let routed = Routed::start(careful()).await;
    routed.large_says(Answer::rate_limited("60"));
    for _ in 0..3 {
        assert_eq!(routed.answer().await, "small");
    }
    let asked = routed.asked();
    assert_eq!(
        asked,
        ["fake-large", "fake-small", "fake-small", "fake-small"]
    );
    // Of another organization nothing was asked yet.
    let other = routed.fixture.owner().await;
    routed.fixture.vendor_of(&other).await;
    let create = CreateRoute { spec: careful() };
    routed.fixture.ask(&other, &create).await.unwrap();
    let ask = question("careful", "hi");
    routed.fixture.complete(&other, &ask).await.1.unwrap();
    assert_eq!(routed.asked()[4..], ["fake-large", "fake-small"]);
}

#[tokio::test]
async fn a_pause_is_waited_for_within_bounds() {
    let mut spec = RouteSpec::ordered("careful", [LARGE]);
    spec.backoff_ms = 1;
    let routed = Routed::start(spec).await;
    let vendor = &routed.fixture.vendor;
    vendor.script(Answer::rate_limited("1"));
    vendor.script(Answer::text("at last"));
    let begun = Instant::now();
    assert_eq!(routed.answer().await, "at last");
    assert!(begun.elapsed() >= Duration::from_millis(1000));
    vendor.script(Answer::rate_limited("11"));
    let ask = question("careful", "hi");
    let problem = routed.fixture.refused(&routed.owner, &ask).await;
    assert_eq!(
        (problem.status, problem.retry_after_ms),
        (429, Some(11_000))
    );
    // Meanwhile nobody is asked.
    let problem = routed.fixture.refused(&routed.owner, &ask).await;
    assert_eq!(
        (problem.status, problem.reason.as_deref()),
        (503, Some("route_rests"))
    );
    let pause = problem.retry_after_ms.unwrap();
    assert!((1..=11_000).contains(&pause), "{pause}");
    assert_eq!(routed.asked().len(), 3);
}

#[tokio::test]
async fn attempts_have_an_end() {
    let mut spec = careful();
    (spec.max_attempts, spec.backoff_ms) = (3, 1);
    let routed = Routed::start(spec).await;
    routed
        .fixture
        .vendor
        .answer_by(|_| Answer::status(500, "oh"));
    assert_eq!(routed.reason().await, "upstream_failed");
    assert_eq!(routed.asked(), ["fake-large", "fake-small", "fake-large"]);
}

#[tokio::test]
async fn who_fails_again_and_again_is_not_asked_for_a_while() {
    let routed = Routed::start(careful()).await;
    routed.large_says(Answer::status(500, "oh"));
    for _ in 0..8 {
        assert_eq!(routed.answer().await, "small");
    }
    let asked = routed.asked();
    let large = asked.iter().filter(|model| *model == "fake-large").count();
    assert_eq!((large, asked.len()), (5, 13));
}

#[tokio::test]
async fn what_a_caller_has_heard_is_never_said_by_another() {
    let routed = Routed::start(careful()).await;
    routed.large_says(Answer::text("one two three").cut_after(2));
    let ask = question("careful", "hi");
    let (chunks, done) = routed.fixture.complete(&routed.owner, &ask).await;
    assert_eq!(text(&chunks), "one ");
    assert_eq!(done.unwrap_err().reason.as_deref(), Some("upstream_cut"));
    assert_eq!(routed.asked(), ["fake-large"]);
    let call = routed.call(1).await;
    assert_eq!(call.error.as_deref(), Some("upstream_cut"));
    assert!(call.estimated);
}

#[tokio::test]
async fn who_is_slow_to_begin_is_left_for_another() {
    let mut spec = careful();
    spec.first_token_timeout_ms = Some(150);
    spec.token_timeout_ms = Some(150);
    let routed = Routed::start(spec).await;
    let never = Duration::from_secs(600);
    routed.large_says(Answer::text("late").slow(never, Duration::ZERO));
    assert_eq!(routed.answer().await, "small");
    // In mid-sentence nobody else can go on.
    routed.large_says(Answer::text("late in between").slow(Duration::ZERO, never));
    assert_eq!(routed.answer().await, "small");
    let call = routed.call(2).await;
    assert_eq!(
        errors(&call),
        [
            ("fake-large", Some("upstream_timeout")),
            ("fake-small", None)
        ]
    );
}

#[tokio::test]
async fn a_refused_key_rests_and_the_next_one_is_used() {
    let fixture = Fixture::start().await;
    let owner = fixture.owner().await;
    let made = fixture.vendor_of(&owner).await;
    let update = UpdateProvider {
        provider_id: made.id,
        base_url: None,
        api_key: Some("sk-refused-canary-1".into()),
        more_api_keys: vec!["sk-refused-canary-2".into(), FakeLlm::API_KEY.into()],
        limits: None,
        models: None,
    };
    let changed = fixture.ask(&owner, &update).await.unwrap();
    assert_eq!(
        (changed.keys, changed.key_hint.as_deref()),
        (3, Some("ry-1"))
    );
    fixture.vendor.otherwise(Answer::text("hello"));
    for _ in 0..12 {
        let ask = question("vendor/fake-large", "hi");
        fixture.complete(&owner, &ask).await.1.unwrap();
    }
    // Each bad key was tried once at most.
    let requests = fixture.vendor.requests();
    assert!((12..=14).contains(&requests.len()), "{}", requests.len());
    // All of them bad: the caller is told, and no key.
    let update = UpdateProvider {
        more_api_keys: vec!["sk-refused-canary-2".into()],
        ..update
    };
    fixture.ask(&owner, &update).await.unwrap();
    let ask = question("vendor/fake-large", "hi");
    let problem = fixture.refused(&owner, &ask).await;
    assert_eq!(problem.reason.as_deref(), Some("upstream_auth"));
    assert!(!json!(problem).to_string().contains("canary"));
    let odd = UpdateProvider {
        api_key: None,
        ..update
    };
    let problem = fixture.ask(&owner, &odd).await.unwrap_err();
    assert_eq!(problem.errors[0].path, "/more_api_keys");
}

#[tokio::test]
async fn a_key_that_is_limited_makes_room_for_the_next() {
    let fixture = Fixture::start().await;
    let owner = fixture.owner().await;
    let made = fixture.vendor_of(&owner).await;
    let update = UpdateProvider {
        provider_id: made.id,
        base_url: None,
        api_key: Some(FakeLlm::API_KEY.into()),
        more_api_keys: vec![FakeLlm::API_KEY.into()],
        limits: None,
        models: None,
    };
    fixture.ask(&owner, &update).await.unwrap();
    fixture.vendor.script(Answer::rate_limited("60"));
    fixture.vendor.script(Answer::text("by the other"));
    let ask = question("vendor/fake-large", "hi");
    let done = fixture.complete(&owner, &ask).await.1.unwrap();
    assert_eq!(done.message.content, "by the other");
    // Without a third key the refusal is the caller's, with the time of the first key that may be used again.
    fixture.vendor.script(Answer::rate_limited("60"));
    let problem = fixture.refused(&owner, &ask).await;
    assert_eq!(problem.reason.as_deref(), Some("upstream_rate_limited"));
    let problem = fixture.refused(&owner, &ask).await;
    assert_eq!(
        (problem.status, problem.reason.as_deref()),
        (429, Some("upstream_rate_limited"))
    );
    assert!(problem.retry_after_ms.unwrap() <= 60_000);
    assert_eq!(fixture.vendor.requests().len(), 3);
}

#[tokio::test]
async fn over_http_a_route_is_a_model_and_the_headers_tell_who_answered() {
    let routed = Routed::start(careful()).await;
    routed.large_says(Answer::status(500, "oh"));
    let bearer = format!("Bearer {}", testkit::token(&routed.owner));
    let headers = [("authorization", bearer.as_str())];
    let body = |stream: bool| {
        let body = json!({"model": "route/careful", "stream": stream,
            "messages": [{"role": "user", "content": "hi"}]});
        body.to_string()
    };
    let path = "/chat/completions";
    for streamed in [false, true] {
        let sent = send(&routed.fixture, "POST", path, &headers, body(streamed)).await;
        assert_eq!(sent.status, 200);
        assert_eq!(sent.header("x-gateway-model"), Some("vendor/fake-small"));
        assert_eq!(sent.header("x-gateway-attempts"), Some("2"));
        let said = String::from_utf8_lossy(&sent.body).into_owned();
        assert!(said.contains("vendor/fake-small") && said.contains("small"));
    }
    let models = send(&routed.fixture, "GET", "/models", &headers, "").await;
    let listed = read(&models);
    let ids = listed["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| &it["id"]);
    assert!(ids.into_iter().any(|id| *id == "route/careful"));
    let one = send(&routed.fixture, "GET", "/models/careful", &headers, "").await;
    assert_eq!(read(&one)["id"], "route/careful");
}

#[tokio::test]
async fn an_answer_that_does_not_fit_is_asked_of_another() {
    let routed = Routed::start(careful()).await;
    let vendor = &routed.fixture.vendor;
    for said in ["no JSON", "no JSON either", r#"{"n": 1}"#] {
        vendor.script(Answer::text(said));
    }
    let mut ask = question("careful", "hi");
    ask.response_format = Some(json!({"type": "json_schema", "json_schema": {"name": "n",
        "schema": {"type": "object", "required": ["n"]}}}));
    let done = routed
        .fixture
        .complete(&routed.owner, &ask)
        .await
        .1
        .unwrap();
    assert_eq!(done.message.content, r#"{"n": 1}"#);
    assert_eq!(routed.asked(), ["fake-large", "fake-large", "fake-small"]);
}
