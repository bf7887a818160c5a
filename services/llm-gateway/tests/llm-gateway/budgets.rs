//! Budgets: what may be spent, and that no crowd of questions spends more.

use std::time::Duration;

use contracts::{
    ErrorCode, Principal, Role, Service,
    id::{BudgetId, ExecutionId, FlowId, UserId},
    llm::{
        Budget, BudgetAlert, BudgetPeriod, BudgetScope, BudgetSpec, Complete, CreateBudget,
        CreateRoute, DeleteBudget, Embed, GetBudget, ListBudgets, RouteSpec, Unpriced,
        UpdateBudget,
    },
};
use futures::{StreamExt, future::join_all};
use rust_decimal::Decimal;
use sea_orm::{ConnectionTrait, Database};
use serde_json::{Value, json};
use testkit::fake_llm::{Answer, Usage};

use crate::{
    Fixture,
    http::{read, send},
    question,
};

/// What one answer of 11 and 7 tokens costs at 2.5 and 10 dollars per million.
const COST: &str = "0.0000975";

fn decimal(text: &str) -> Decimal {
    text.parse().unwrap()
}

fn spec(scope: BudgetScope, limit: &str) -> BudgetSpec {
    BudgetSpec {
        scope,
        limit: decimal(limit),
        ..BudgetSpec::example()
    }
}

/// A short question, whose answer has seven tokens at most.
fn short() -> Complete {
    let mut ask = question("vendor/fake-large", "hi");
    ask.max_tokens = Some(7);
    ask
}

struct Rich {
    fixture: Fixture,
    owner: Principal,
}

impl Rich {
    async fn start() -> Self {
        Self::of(Fixture::start().await).await
    }

    async fn of(fixture: Fixture) -> Self {
        let owner = fixture.owner().await;
        fixture.vendor_of(&owner).await;
        fixture.vendor.otherwise(Answer::text("hello"));
        Self { fixture, owner }
    }

    async fn budget(&self, spec: BudgetSpec) -> Budget {
        let made = self.fixture.ask(&self.owner, &CreateBudget { spec }).await;
        made.unwrap()
    }

    async fn figures(&self, id: BudgetId) -> Vec<(Option<String>, Decimal, Decimal)> {
        let get = GetBudget { budget_id: id };
        let usage = self.fixture.ask(&self.owner, &get).await.unwrap().usage;
        usage
            .into_iter()
            .map(|it| (it.subject, it.spent, it.reserved))
            .collect()
    }

    /// Once nothing is reserved any more: what was spent.
    async fn spent(&self, id: BudgetId) -> Decimal {
        testkit::eventually(Duration::from_secs(20), async || {
            let figures = self.figures(id).await;
            let is_quiet = figures.iter().all(|(_, _, reserved)| reserved.is_zero());
            let spent = figures.iter().map(|(_, spent, _)| *spent).sum();
            is_quiet.then_some(spent)
        })
        .await
    }

    async fn sql(&self, text: &str) {
        let schema = format!("t_{}", self.owner.tenant.uuid().simple());
        let rows = Database::connect(self.fixture.database.url())
            .await
            .unwrap();
        let text = text.replace("{schema}", &schema);
        rows.execute_unprepared(&text).await.unwrap();
    }
}

#[tokio::test]
async fn a_budget_is_made_shown_changed_and_removed() {
    let rich = Rich::start().await;
    let (fixture, owner) = (&rich.fixture, &rich.owner);
    let made = rich.budget(spec(BudgetScope::Organization, "1.50")).await;
    assert_eq!((made.usage.len(), made.period_start.is_some()), (0, true));
    let again = CreateBudget {
        spec: made.spec.clone(),
    };
    let problem = fixture.ask(owner, &again).await.unwrap_err();
    assert_eq!(problem.reason.as_deref(), Some("budget_exists"));
    let update = |spec| UpdateBudget {
        budget_id: made.id,
        spec,
        if_version: None,
    };
    let mut other = made.spec.clone();
    (other.name, other.limit) = ("another".into(), decimal("2"));
    let changed = fixture.ask(owner, &update(other.clone())).await.unwrap();
    assert_eq!(changed.spec, other);
    other.period = BudgetPeriod::Day;
    let problem = fixture
        .ask(owner, &update(other.clone()))
        .await
        .unwrap_err();
    assert_eq!(problem.errors[0].path, "/period");
    other.limit = decimal("-1");
    let problem = fixture.ask(owner, &update(other)).await.unwrap_err();
    assert_eq!(problem.errors[0].path, "/limit");
    let page = fixture.ask(owner, &ListBudgets::default()).await.unwrap();
    assert_eq!(page.items, [changed]);

    let get = GetBudget { budget_id: made.id };
    let delete = DeleteBudget { budget_id: made.id };
    let stranger = fixture.owner().await;
    let editor = testkit::principal(owner.tenant, Role::Editor);
    let refused = fixture.ask(&editor, &delete).await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::Forbidden);
    let codes = [
        fixture.ask(&stranger, &get).await.map(drop),
        fixture
            .ask(&stranger, &update(made.spec.clone()))
            .await
            .map(drop),
        fixture.ask(&stranger, &delete).await,
    ]
    .map(|outcome| outcome.unwrap_err().code);
    assert_eq!(codes, [ErrorCode::NotFound; 3]);
    fixture.ask(owner, &delete).await.unwrap();
    let gone = fixture.ask(owner, &get).await.unwrap_err();
    assert_eq!(gone.reason.as_deref(), Some("budget_not_found"));
}

#[tokio::test]
async fn calls_are_booked_to_the_exact_price() {
    let rich = Rich::start().await;
    let made = rich.budget(spec(BudgetScope::Organization, "1")).await;
    for _ in 0..3 {
        rich.fixture
            .complete(&rich.owner, &short())
            .await
            .1
            .unwrap();
    }
    assert_eq!(rich.spent(made.id).await, decimal(COST) * Decimal::from(3));
    // Who fails takes nothing; who is free neither.
    rich.fixture.vendor.script(Answer::status(500, "oh"));
    rich.fixture.refused(&rich.owner, &short()).await;
    let free = question("rehearsal", "hi");
    rich.fixture.complete(&rich.owner, &free).await.1.unwrap();
    assert_eq!(rich.spent(made.id).await, decimal(COST) * Decimal::from(3));
}

#[tokio::test]
async fn what_a_budget_has_not_left_is_refused_before_anybody_is_asked() {
    let rich = Rich::start().await;
    let made = rich.budget(spec(BudgetScope::Organization, "0.0001")).await;
    let problem = rich.fixture.refused(&rich.owner, &short()).await;
    assert_eq!(
        (problem.code, problem.status, problem.reason.as_deref()),
        (ErrorCode::Conflict, 402, Some("budget_exceeded"))
    );
    assert!(problem.detail.contains("all of us"), "{}", problem.detail);
    assert!(!problem.code.may_heal());
    assert!(rich.fixture.vendor.requests().is_empty());
    assert_eq!(rich.spent(made.id).await, Decimal::ZERO);

    let bearer = format!("Bearer {}", testkit::token(&rich.owner));
    let headers = [("authorization", bearer.as_str())];
    let body = json!({"model": "vendor/fake-large", "max_tokens": 7,
        "messages": [{"role": "user", "content": "hi"}]})
    .to_string();
    for (path, word) in [
        ("/chat/completions", "/error/code"),
        ("/messages", "/error/type"),
    ] {
        let sent = send(&rich.fixture, "POST", path, &headers, body.clone()).await;
        assert_eq!(sent.status, 402);
        let said = read(&sent);
        let said = said.pointer(word).and_then(Value::as_str).unwrap();
        assert!(
            ["budget_exceeded", "billing_error"].contains(&said),
            "{said}"
        );
    }
    // A higher limit counts at once.
    let mut spec = made.spec.clone();
    spec.limit = decimal("1");
    let update = UpdateBudget {
        budget_id: made.id,
        spec,
        if_version: None,
    };
    rich.fixture.ask(&rich.owner, &update).await.unwrap();
    rich.fixture
        .complete(&rich.owner, &short())
        .await
        .1
        .unwrap();
}

#[tokio::test]
async fn each_scope_counts_its_own() {
    let rich = Rich::start().await;
    let scopes = [
        BudgetScope::Organization,
        BudgetScope::Flow,
        BudgetScope::Execution,
        BudgetScope::User,
    ];
    let mut budgets = Vec::new();
    for scope in scopes {
        let mut spec = spec(scope, "1");
        spec.name = format!("{scope:?}");
        budgets.push(rich.budget(spec).await.id);
    }
    let mut only = spec(BudgetScope::User, "0");
    (only.name, only.user_id) = ("another".into(), Some(UserId::generate()));
    rich.budget(only).await;
    let (execution, flow) = (ExecutionId::generate(), FlowId::generate());
    let run = Principal {
        execution_id: Some(execution),
        ..rich.owner.clone()
    };
    let mut ask = short();
    ask.flow_id = Some(flow);
    rich.fixture.complete(&run, &ask).await.1.unwrap();
    rich.fixture
        .complete(&rich.owner, &short())
        .await
        .1
        .unwrap();
    let once = decimal(COST);
    let expect = [
        (None, once * Decimal::from(2)),
        (Some(flow.to_string()), once),
        (Some(execution.to_string()), once),
        (
            Some(rich.owner.user_id.to_string()),
            once * Decimal::from(2),
        ),
    ];
    for (id, (subject, spent)) in budgets.into_iter().zip(expect) {
        assert_eq!(rich.spent(id).await, spent);
        let figures = rich.figures(id).await;
        assert_eq!(figures, [(subject, spent, Decimal::ZERO)]);
    }
}

#[tokio::test]
async fn a_model_without_a_price_needs_a_budget_that_says_so() {
    let rich = Rich::start().await;
    let made = rich.budget(spec(BudgetScope::Organization, "1")).await;
    let mut ask = short();
    ask.model = Some("vendor/fake-small".into());
    let problem = rich.fixture.refused(&rich.owner, &ask).await;
    assert_eq!(
        (problem.status, problem.reason.as_deref()),
        (422, Some("price_unknown"))
    );
    // On a route, those with a price are asked.
    let route = RouteSpec::ordered("r", [("vendor", "fake-small"), ("vendor", "fake-large")]);
    let create = CreateRoute { spec: route };
    rich.fixture.ask(&rich.owner, &create).await.unwrap();
    ask.model = Some("r".into());
    let done = rich.fixture.complete(&rich.owner, &ask).await.1.unwrap();
    assert_eq!(done.model, "fake-large");
    let mut spec = made.spec;
    spec.unpriced = Unpriced::Ignore;
    let update = UpdateBudget {
        budget_id: made.id,
        spec,
        if_version: None,
    };
    rich.fixture.ask(&rich.owner, &update).await.unwrap();
    ask.model = Some("vendor/fake-small".into());
    rich.fixture.complete(&rich.owner, &ask).await.1.unwrap();
    assert_eq!(rich.spent(made.id).await, decimal(COST));
}

#[tokio::test]
async fn a_crowd_of_questions_at_four_replicas_never_spends_more() {
    let rich = Rich::of(Fixture::patient().await).await;
    let (fixture, owner) = (&rich.fixture, &rich.owner);
    let made = rich.budget(spec(BudgetScope::Organization, "0.01")).await;
    let mut user = spec(BudgetScope::User, "0.009");
    user.name = "each".into();
    let user = rich.budget(user).await;
    let mut replicas = Vec::new();
    for _ in 0..3 {
        let runtime = testkit::runtime(&fixture.bus).await;
        let state = llm_gateway::State::connect(&fixture.config).await.unwrap();
        replicas.push(llm_gateway::service(state).start(&runtime).await.unwrap());
    }
    fixture
        .vendor
        .otherwise(Answer::text("hello").slow(Duration::from_millis(20), Duration::ZERO));
    let crowd = join_all((0..256).map(|_| async { fixture.complete(owner, &short()).await.1 }));
    let outcomes = crowd.await;
    let answered = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
    for problem in outcomes.iter().filter_map(|outcome| outcome.as_ref().err()) {
        assert_eq!(
            problem.reason.as_deref(),
            Some("budget_exceeded"),
            "{problem:?}"
        );
    }
    assert_eq!(fixture.vendor.requests().len(), answered);
    // 0.009 dollars are 92 answers; while others are under way, less than that may be had.
    assert!((10..=92).contains(&answered), "{answered}");
    let expect = decimal(COST) * Decimal::from(u64::try_from(answered).unwrap());
    assert_eq!(rich.spent(made.id).await, expect);
    assert_eq!(rich.spent(user.id).await, expect);
    // What is left is still to be had, to the last answer that fits.
    let mut more = answered;
    while fixture.complete(owner, &short()).await.1.is_ok() {
        more += 1;
        rich.spent(made.id).await;
        assert!(more <= 92, "{more}");
    }
    assert!(rich.spent(user.id).await <= decimal("0.009"));
    assert!(more >= 88, "{more}");
    for replica in replicas {
        replica.drain().await;
    }
}

#[tokio::test]
async fn what_dead_processes_held_back_is_free_again() {
    let rich = Rich::start().await;
    let made = rich.budget(spec(BudgetScope::Organization, "0.0004")).await;
    rich.fixture
        .complete(&rich.owner, &short())
        .await
        .1
        .unwrap();
    rich.spent(made.id).await;
    // As a process leaves it that dies in the middle of a call.
    let id = made.id.uuid();
    rich.sql(&format!(
        "UPDATE {{schema}}.llm_budget_counters SET reserved = 0.0003;
         INSERT INTO {{schema}}.llm_reservations (call_id, budget_id, subject, period, amount, least, expires_at)
         SELECT '{}', budget_id, subject, period, 0.0003, 0.00001, now() + interval '1 hour'
         FROM {{schema}}.llm_budget_counters WHERE budget_id = '{id}'",
        FlowId::generate().uuid()
    ))
    .await;
    let problem = rich.fixture.refused(&rich.owner, &short()).await;
    assert_eq!(problem.reason.as_deref(), Some("budget_exceeded"));
    rich.sql("UPDATE {schema}.llm_reservations SET expires_at = now() - interval '1 second'")
        .await;
    // Within a second it is looked for again.
    testkit::eventually(Duration::from_secs(20), async || {
        rich.fixture.complete(&rich.owner, &short()).await.1.ok()
    })
    .await;
    // Its question counts as paid for.
    let expect = decimal(COST) * Decimal::from(2) + decimal("0.00001");
    assert_eq!(rich.spent(made.id).await, expect);
}

#[tokio::test]
async fn a_caller_that_leaves_frees_what_it_held() {
    let rich = Rich::start().await;
    let made = rich.budget(spec(BudgetScope::Organization, "1")).await;
    let slow = Answer::text("one ".repeat(50)).slow(Duration::ZERO, Duration::from_millis(100));
    rich.fixture.vendor.otherwise(slow);
    let token = testkit::token(&rich.owner);
    let call = bus::Call {
        token: Some(&token),
        deadline: Duration::from_secs(2),
    };
    let ask = short();
    let answers = rich
        .fixture
        .bus
        .call_stream(rich.owner.tenant, &ask, call)
        .await;
    let mut answers = Box::pin(answers.unwrap());
    answers.next().await.unwrap().unwrap();
    let held = rich.figures(made.id).await;
    assert!(held[0].2 > Decimal::ZERO, "{held:?}");
    assert!(answers.collect::<Vec<_>>().await.pop().unwrap().is_err());
    // What was said is paid by estimate.
    assert!(rich.spent(made.id).await > Decimal::ZERO);
}

#[tokio::test]
async fn alerts_are_told_once_a_step() {
    let rich = Rich::start().await;
    let made = rich.budget(spec(BudgetScope::Organization, "0.0004")).await;
    let bus = &rich.fixture.bus;
    let alerts = bus.events::<BudgetAlert>(Service::Chat, 10).await;
    let mut alerts = Box::pin(alerts.unwrap());
    let mut next = async || {
        let delivery = tokio::time::timeout(Duration::from_secs(20), alerts.next()).await;
        let delivery = delivery.unwrap().unwrap().unwrap();
        let alert: BudgetAlert = serde_json::from_slice(delivery.payload()).unwrap();
        delivery.done().await.unwrap();
        alert
    };
    let expensive = |tokens| {
        Answer::text("hello").usage(Usage {
            prompt_tokens: 0,
            completion_tokens: tokens,
        })
    };
    // 0.0002 of 0.0004, then more than was held back for it.
    for (tokens, percent) in [(20, 50), (15, 80)] {
        rich.fixture.vendor.script(expensive(tokens));
        rich.fixture
            .complete(&rich.owner, &short())
            .await
            .1
            .unwrap();
        let alert = next().await;
        assert_eq!((alert.budget_id, alert.percent), (made.id, percent));
        assert!(!alert.refused && alert.subject.is_none());
        rich.spent(made.id).await;
    }
    for _ in 0..2 {
        let problem = rich.fixture.refused(&rich.owner, &short()).await;
        assert_eq!(problem.reason.as_deref(), Some("budget_exceeded"));
    }
    let alert = next().await;
    assert_eq!((alert.percent, alert.refused), (100, true));
    assert_eq!(alert.spent, decimal("0.00035"));
}

#[tokio::test]
async fn texts_that_become_vectors_count_too() {
    let rich = Rich::start().await;
    rich.budget(spec(BudgetScope::Organization, "0.00001"))
        .await;
    let ask = Embed {
        model: Some("vendor/fake-large".into()),
        input: vec!["some text".into()],
        ..Embed::default()
    };
    let problem = rich.fixture.ask(&rich.owner, &ask).await.unwrap_err();
    assert_eq!(problem.reason.as_deref(), Some("budget_exceeded"));
}
