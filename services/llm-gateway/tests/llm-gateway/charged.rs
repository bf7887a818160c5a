//! Answers that were of no use and are paid all the same: each at the price of whoever gave it.

use std::time::Duration;

use contracts::{
    Principal, Problem,
    execution::Usage,
    id::{BudgetId, ExecutionId},
    llm::{
        BudgetScope, BudgetSpec, CallRecord, Complete, CreateBudget, CreateRoute, GetBudget,
        Guardrails, Price, RouteSpec,
    },
};
use rust_decimal::Decimal;
use serde_json::json;
use testkit::fake_llm::{self, Answer};

use crate::{Fixture, question, vendor_at};

/// What an answer of 11 and 7 tokens costs at `vendor`, and at `cheap`.
const DEAR: &str = "0.0000975";
const CHEAP: &str = "0.000025";

fn decimal(text: &str) -> Decimal {
    text.parse().unwrap()
}

fn took(prompt_tokens: u64, completion_tokens: u64, cost: Option<Decimal>) -> Usage {
    Usage {
        prompt_tokens,
        completion_tokens,
        cost,
    }
}

/// Two providers at one vendor, which differ in their price, and a route over both.
struct Charged {
    fixture: Fixture,
    run: Principal,
    owner: Principal,
    budget: BudgetId,
}

impl Charged {
    async fn start(rails: Option<Guardrails>) -> Self {
        let fixture = Fixture::start().await;
        let owner = fixture.owner().await;
        fixture.vendor_of(&owner).await;
        let mut cheap = vendor_at(&fixture.vendor.base_url());
        cheap.name = "cheap".into();
        cheap.models[0].price = Some(Price {
            prompt: 1.into(),
            completion: 2.into(),
            ..Price::default()
        });
        fixture.ask(&owner, &cheap).await.unwrap();
        let models = [("vendor", "fake-large"), ("cheap", "fake-large")];
        let mut spec = RouteSpec::ordered("r", models);
        spec.guardrails = rails;
        spec.backoff_ms = 1;
        fixture.ask(&owner, &CreateRoute { spec }).await.unwrap();
        let spec = BudgetSpec {
            scope: BudgetScope::Organization,
            limit: decimal("1"),
            ..BudgetSpec::example()
        };
        let made = fixture.ask(&owner, &CreateBudget { spec }).await.unwrap();
        let run = Principal {
            execution_id: Some(ExecutionId::generate()),
            ..owner
        };
        Self {
            fixture,
            run,
            owner,
            budget: made.id,
        }
    }

    fn asking(&self) -> Complete {
        let mut ask = question("r", "a number");
        ask.max_tokens = Some(50);
        ask
    }

    async fn refused(&self, ask: &Complete) -> Problem {
        self.fixture.refused(&self.run, ask).await
    }

    /// What the budget says was spent, once nothing is held back any more.
    async fn spent(&self) -> Decimal {
        let get = GetBudget {
            budget_id: self.budget,
        };
        testkit::eventually(Duration::from_secs(5), async || {
            let budget = self.fixture.ask(&self.owner, &get).await.unwrap();
            let is_settled = budget.usage.iter().all(|it| it.reserved.is_zero());
            is_settled.then(|| budget.usage.iter().map(|it| it.spent).sum())
        })
        .await
    }

    async fn record(mut self) -> CallRecord {
        self.fixture.drain().await;
        let execution = self.run.execution_id.unwrap();
        let calls = self.fixture.archive.calls(self.run.tenant, execution, 10);
        let [record] = calls.await.unwrap().try_into().unwrap();
        record
    }
}

#[tokio::test]
async fn an_answer_that_is_withheld_is_paid() {
    let rails = Guardrails {
        blocked: vec!["Project X".into()],
        ..Guardrails::default()
    };
    let charged = Charged::start(Some(rails)).await;
    let said = Answer::text("It is Project X.");
    charged.fixture.vendor.script(said);
    let problem = charged.refused(&charged.asking()).await;
    let expect = took(11, 7, Some(decimal(DEAR)));
    assert_eq!(problem.reason.as_deref(), Some("guardrail"));
    assert_eq!(problem.usage.as_deref(), Some(&expect));
    assert_eq!(charged.spent().await, decimal(DEAR));
    let record = charged.record().await;
    assert_eq!((record.usage, record.estimated), (expect, false));
    assert_eq!(record.attempts[0].usage, Some(expect));
}

#[tokio::test]
async fn each_of_three_answers_is_paid_at_its_own_price() {
    let charged = Charged::start(None).await;
    let mut ask = charged.asking();
    let schema =
        json!({"type": "object", "required": ["n"], "properties": {"n": {"type": "integer"}}});
    let format = json!({"name": "n", "schema": schema});
    ask.response_format = Some(json!({"type": "json_schema", "json_schema": format}));
    for said in ["no JSON", "none again", r#"{"n": 1}"#] {
        charged.fixture.vendor.script(Answer::text(said));
    }
    let done = charged
        .fixture
        .complete(&charged.run, &ask)
        .await
        .1
        .unwrap();
    assert_eq!(done.message.content, r#"{"n": 1}"#);
    let (twice, once) = (decimal(DEAR) * Decimal::TWO, decimal(CHEAP));
    let expect = took(33, 21, Some(twice + once));
    assert_eq!(done.usage, expect);
    assert_eq!(charged.spent().await, twice + once);
    let record = charged.record().await;
    assert_eq!((record.usage, record.estimated), (expect, false));
    let attempts: Vec<_> = record.attempts.iter().map(|it| it.usage).collect();
    let expect = [took(22, 14, Some(twice)), took(11, 7, Some(once))];
    assert_eq!(attempts, expect.map(Some));
}

#[tokio::test]
async fn an_answer_that_broke_off_is_estimated_and_one_that_was_refused_is_free() {
    let charged = Charged::start(None).await;
    let vendor = &charged.fixture.vendor;
    vendor.script(Answer::text("never heard").cut_after(1));
    vendor.script(Answer::status(400, "bad temperature"));
    let problem = charged.refused(&charged.asking()).await;
    assert_eq!(problem.reason.as_deref(), Some("upstream_refused"));
    // The price of a guess is not told, but counts.
    let usage = problem.usage.unwrap();
    assert!(usage.prompt_tokens > 0 && usage.cost.is_none(), "{usage:?}");
    let spent = charged.spent().await;
    assert!(spent > Decimal::ZERO);
    let record = charged.record().await;
    assert!(record.estimated);
    assert_eq!(record.usage.cost, Some(spent));
    let [cut, refused] = record.attempts.try_into().unwrap();
    assert_eq!(cut.usage.unwrap().cost, Some(spent));
    assert_eq!(refused.usage, Some(Usage::ZERO));
}

#[tokio::test]
async fn a_budget_that_stops_the_second_attempt_tells_what_the_first_took() {
    let charged = Charged::start(None).await;
    let long = Answer::text("no JSON").usage(fake_llm::Usage {
        prompt_tokens: 20_000,
        completion_tokens: 100_000,
    });
    charged.fixture.vendor.script(long.clone());
    charged.fixture.vendor.script(long);
    let mut ask = charged.asking();
    ask.response_format = Some(json!({"type": "json_object"}));
    let problem = charged.refused(&ask).await;
    assert_eq!(
        problem.reason.as_deref(),
        Some("budget_exceeded"),
        "{problem:?}"
    );
    let usage = *problem.usage.unwrap();
    assert_eq!(usage.completion_tokens, 200_000);
    assert_eq!(Some(charged.spent().await), usage.cost);
    assert_eq!(charged.record().await.usage, usage);
}
