//! Which budgets a call counts for, in which period, and what it may cost at most.
//!
//! **Invariant:** a bound is never less than what a provider charges for the texts of the question and for an answer of
//! the length that the question allows.

use chrono::{DateTime, Datelike, NaiveDate, Utc};
use contracts::{
    FieldProblem,
    id::{BudgetId, ExecutionId, FlowId, UserId},
    llm::{BudgetPeriod, BudgetScope, BudgetSpec, Complete, Message},
};
use rust_decimal::Decimal;
use serde_json::{Map, Value};

use super::{
    price::{Most, Tariff},
    settings::problem,
    texts::Input,
};

/// Tokens of an answer whose question sets no limit, where nobody knows how long its model's may be.
pub(crate) const OPEN_ANSWER: u64 = 8_192;
/// Tokens that the form of one message takes beside its words.
const MESSAGE_TOKENS: u64 = 16;
/// Tokens of an image or a file, at least.
const MEDIA_TOKENS: u64 = 5_000;
/// Bytes of a file, in base64, that make a token.
const MEDIA_BYTES: u64 = 8;
const MAX_NAME: usize = 100;
const MAX_LIMIT: u32 = 1_000_000_000;
const MAX_DECIMALS: u32 = 10;
/// The percentages that are told of.
const STEPS: [u8; 3] = [50, 80, 100];

/// A budget without its figures.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Kept {
    pub(crate) id: BudgetId,
    pub(crate) spec: BudgetSpec,
    pub(crate) version: u32,
    pub(crate) created_at: DateTime<Utc>,
    pub(crate) updated_at: DateTime<Utc>,
}

/// On whose account a call goes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Payer {
    pub(crate) user: UserId,
    pub(crate) flow: Option<FlowId>,
    pub(crate) execution: Option<ExecutionId>,
}

/// Where a call counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Subject {
    Organization,
    Flow(FlowId),
    Execution(ExecutionId),
    User(UserId),
}

impl Subject {
    /// None where the budget is not for this call.
    pub(crate) fn of(spec: &BudgetSpec, payer: Payer) -> Option<Self> {
        match spec.scope {
            BudgetScope::Organization => Some(Self::Organization),
            BudgetScope::Execution => payer.execution.map(Self::Execution),
            BudgetScope::Flow => payer
                .flow
                .filter(|flow| spec.flow_id.is_none_or(|only| only == *flow))
                .map(Self::Flow),
            BudgetScope::User => Some(payer.user)
                .filter(|user| spec.user_id.is_none_or(|only| only == *user))
                .map(Self::User),
        }
    }
}

/// The first day of a period; none for ever.
pub(crate) fn period_start(period: BudgetPeriod, now: DateTime<Utc>) -> Option<NaiveDate> {
    let today = now.date_naive();
    match period {
        BudgetPeriod::Day => Some(today),
        BudgetPeriod::Month => today.with_day(1),
        BudgetPeriod::Total => None,
    }
}

/// Tokens of a call at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bound {
    pub(crate) prompt: u64,
    pub(crate) completion: u64,
    /// It asks for terms that may be dearer than the usual ones.
    pub(crate) any_terms: bool,
    /// It asks a vendor's cache to keep some of it for an hour.
    pub(crate) is_kept_long: bool,
}

/// Names under which questions ask for a vendor's terms, and what asks for the usual ones.
const TERMS: [&str; 2] = ["service_tier", "inference_geo"];
const CACHE_CONTROL: &str = "cache_control";
const USUAL: [&str; 4] = ["default", "standard", "standard_only", "global"];

impl Bound {
    /// Of a question, and of the one after an answer that does not fit the form asked for. `open` is how long an answer
    /// may be where the question sets no limit.
    pub(crate) fn of(ask: &Complete, is_shaped: bool, open: u64) -> Self {
        let messages: u64 = ask.messages.iter().map(tokens_of_message).sum();
        let said = [
            serde_json::to_string(&ask.tools),
            serde_json::to_string(&ask.response_format),
            serde_json::to_string(&ask.extra),
        ];
        let said = said.into_iter().flatten().map(|text| bytes(&text));
        let prompt = messages + said.sum::<u64>();
        let most = ["max_completion_tokens", "max_output_tokens"]
            .iter()
            .find_map(|name| ask.extra.get(*name)?.as_u64());
        let most = ask.max_tokens.map(u64::from).or(most);
        let completion = most.unwrap_or(open);
        let mut terms = TERMS
            .iter()
            .filter_map(|name| ask.extra.get(*name)?.as_str());
        let any_terms = terms.any(|term| !USUAL.contains(&term));
        let is_kept_long = is_kept_long(ask);
        match is_shaped {
            false => Self {
                prompt,
                completion,
                any_terms,
                is_kept_long,
            },
            // The second question holds the first one, its answer and what is wrong with it.
            true => Self {
                prompt: prompt * 2 + completion + OPEN_ANSWER,
                completion: completion * 2,
                any_terms,
                is_kept_long,
            },
        }
    }

    pub(crate) fn of_input(input: &Input) -> Self {
        let prompt = match input {
            Input::Texts(texts) => texts.iter().map(|text| bytes(text) + MESSAGE_TOKENS).sum(),
            Input::Tokens(_) => input.tokens(),
        };
        Self {
            prompt,
            completion: 0,
            any_terms: false,
            is_kept_long: false,
        }
    }

    /// The most that any of these may ask for it.
    pub(crate) fn cost<'a>(self, tariffs: impl Iterator<Item = &'a Tariff>) -> Decimal {
        let most = Most {
            prompt: self.prompt,
            completion: self.completion,
            is_kept_long: self.is_kept_long,
        };
        let cost = |tariff: &Tariff| match self.any_terms {
            false => tariff.bound(most),
            true => tariff.bound_of_all(most),
        };
        tariffs.filter_map(cost).max().unwrap_or_default()
    }
}

/// Whether a part of it has a `cache_control` with a time to live of an hour.
fn is_kept_long(ask: &Complete) -> bool {
    let is_long = |control: &Value| control["ttl"] == "1h";
    let in_field = |fields: &Map<String, Value>| fields.get(CACHE_CONTROL).is_some_and(is_long);
    let in_content = |content: &Value| {
        let parts = content.as_array().into_iter().flatten();
        parts
            .filter_map(|part| part.get(CACHE_CONTROL))
            .any(is_long)
    };
    let mut messages = ask.messages.iter();
    in_field(&ask.extra)
        || ask.tools.iter().any(|tool| in_field(&tool.function.extra))
        || messages.any(|message| in_field(&message.extra) || in_content(&message.content))
}

/// A token is a byte at least.
fn tokens_of_message(message: &Message) -> u64 {
    let calls = serde_json::to_string(&message.tool_calls).map_or(0, |text| bytes(&text));
    let extra = serde_json::to_string(&message.extra).map_or(0, |text| bytes(&text));
    MESSAGE_TOKENS + calls + extra + tokens_of_content(&message.content)
}

fn tokens_of_content(content: &Value) -> u64 {
    match content {
        Value::String(text) => bytes(text),
        Value::Array(parts) => parts.iter().map(tokens_of_part).sum(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => 0,
    }
}

fn tokens_of_part(part: &Value) -> u64 {
    match part.get("text").and_then(Value::as_str) {
        Some(text) => bytes(text),
        None => (bytes(&part.to_string()) / MEDIA_BYTES).max(MEDIA_TOKENS),
    }
}

fn bytes(text: &str) -> u64 {
    u64::try_from(text.len()).unwrap_or(u64::MAX)
}

/// The step that is to be told of, where one was reached that was not told yet.
pub(crate) fn alert(spent: Decimal, limit: Decimal, told: u8) -> Option<u8> {
    let reached = |step: &u8| {
        let share = limit.checked_mul(Decimal::new(i64::from(*step), 2));
        *step > told && share.is_some_and(|share| spent >= share)
    };
    if limit.is_zero() {
        return None;
    }
    STEPS.into_iter().rev().find(reached)
}

/// What is wrong with a budget.
pub(crate) fn check(spec: &BudgetSpec) -> Vec<FieldProblem> {
    let mut problems = Vec::new();
    let characters = spec.name.chars().count();
    let is_name = (1..=MAX_NAME).contains(&characters) && !spec.name.chars().any(char::is_control);
    if !is_name || spec.name.trim() != spec.name {
        problems.push(problem(
            "/name",
            "1 to 100 characters, no space around them",
        ));
    }
    if spec.flow_id.is_some() && spec.scope != BudgetScope::Flow {
        problems.push(problem("/flow_id", "only with the scope `flow`"));
    }
    if spec.user_id.is_some() && spec.scope != BudgetScope::User {
        problems.push(problem("/user_id", "only with the scope `user`"));
    }
    let limit = spec.limit;
    let is_limit = (Decimal::ZERO..=Decimal::from(MAX_LIMIT)).contains(&limit)
        && limit.normalize().scale() <= MAX_DECIMALS;
    if !is_limit {
        let text = "0 to 1000000000 US dollars with at most 10 decimals";
        problems.push(problem("/limit", text));
    }
    problems
}

#[cfg(test)]
mod tests {
    use contracts::llm::Price;
    use serde_json::json;

    use super::*;
    use crate::domain::question::ask;

    #[test]
    fn a_bound_is_no_less_than_the_bytes() {
        let mut hello = ask("hello".into());
        hello.max_tokens = Some(10);
        let bound = Bound::of(&hello, false, OPEN_ANSWER);
        assert!(bound.prompt >= 5 + MESSAGE_TOKENS);
        assert_eq!(bound.completion, 10);
        let shaped = Bound::of(&hello, true, OPEN_ANSWER);
        assert!(shaped.prompt > 2 * bound.prompt + bound.completion);
        assert_eq!(shaped.completion, 20);
        // A tool, a call and an image count as well.
        let image = json!([{"type": "text", "text": "what is it?"}, {"type": "image_url", "image_url": {"url": "https://x/y.png"}}]);
        assert!(Bound::of(&ask(image), false, OPEN_ANSWER).prompt >= MEDIA_TOKENS + 11);
        let mut open = ask("hello".into());
        assert_eq!(Bound::of(&open, false, OPEN_ANSWER).completion, OPEN_ANSWER);
        assert_eq!(Bound::of(&open, false, 64_000).completion, 64_000);
        open.extra.insert("max_completion_tokens".into(), 7.into());
        assert_eq!(Bound::of(&open, false, OPEN_ANSWER).completion, 7);
        for (tier, expect) in [("default", false), ("auto", true), ("priority", true)] {
            open.extra.insert("service_tier".into(), tier.into());
            assert_eq!(
                Bound::of(&open, false, OPEN_ANSWER).any_terms,
                expect,
                "{tier}"
            );
        }
        let part = |ttl: &str| json!([{"type": "text", "text": "x", "cache_control": {"type": "ephemeral", "ttl": ttl}}]);
        assert!(!Bound::of(&ask(part("5m")), false, OPEN_ANSWER).is_kept_long);
        assert!(Bound::of(&ask(part("1h")), false, OPEN_ANSWER).is_kept_long);
        assert_eq!(
            Bound::of_input(&Input::Texts(vec!["ab".into()])).prompt,
            2 + MESSAGE_TOKENS
        );
    }

    #[test]
    fn the_dearest_price_counts() {
        let tariff = |prompt: u32, completion: u32| {
            Tariff::new(Price {
                prompt: prompt.into(),
                completion: completion.into(),
                ..Price::default()
            })
        };
        let bound = Bound {
            prompt: 1_000_000,
            completion: 1_000_000,
            any_terms: false,
            is_kept_long: false,
        };
        let dearest = bound.cost([tariff(1, 2), tariff(2, 3)].iter());
        assert_eq!(dearest, Decimal::from(5));
        assert_eq!(bound.cost(std::iter::empty()), Decimal::ZERO);
    }

    #[test]
    fn calls_count_where_they_belong() {
        let payer = Payer {
            user: UserId::EXAMPLE,
            flow: Some(FlowId::EXAMPLE),
            execution: None,
        };
        let spec = |scope| BudgetSpec {
            scope,
            ..BudgetSpec::example()
        };
        let of = |spec: &BudgetSpec| Subject::of(spec, payer);
        assert_eq!(
            of(&spec(BudgetScope::Organization)),
            Some(Subject::Organization)
        );
        assert_eq!(of(&spec(BudgetScope::Execution)), None);
        let mut flow = spec(BudgetScope::Flow);
        assert_eq!(of(&flow), Some(Subject::Flow(FlowId::EXAMPLE)));
        flow.flow_id = Some(FlowId::generate());
        assert_eq!(of(&flow), None);
        let mut user = spec(BudgetScope::User);
        user.user_id = Some(UserId::EXAMPLE);
        assert_eq!(of(&user), Some(Subject::User(UserId::EXAMPLE)));
    }

    #[test]
    fn periods_begin_at_midnight_utc() {
        let now = "2026-02-28T23:59:59Z".parse().unwrap();
        let start = |period| period_start(period, now).map(|day| day.to_string());
        assert_eq!(start(BudgetPeriod::Day).as_deref(), Some("2026-02-28"));
        assert_eq!(start(BudgetPeriod::Month).as_deref(), Some("2026-02-01"));
        assert_eq!(start(BudgetPeriod::Total), None);
    }

    #[test]
    fn each_step_is_told_once() {
        let alert = |spent: u32, told| alert(spent.into(), Decimal::from(200), told);
        assert_eq!(alert(99, 0), None);
        assert_eq!(alert(100, 0), Some(50));
        assert_eq!(alert(159, 50), None);
        assert_eq!(alert(160, 50), Some(80));
        assert_eq!(alert(400, 0), Some(100));
        assert_eq!(alert(400, 100), None);
        assert_eq!(super::alert(Decimal::ONE, Decimal::ZERO, 0), None);
    }

    #[test]
    fn odd_budgets_are_refused_with_their_fields() {
        let spec = BudgetSpec {
            name: " ".into(),
            flow_id: Some(FlowId::EXAMPLE),
            user_id: Some(UserId::EXAMPLE),
            limit: "-1".parse().unwrap(),
            ..BudgetSpec::example()
        };
        let paths: Vec<_> = check(&spec).into_iter().map(|it| it.path).collect();
        assert_eq!(paths, ["/name", "/flow_id", "/user_id", "/limit"]);
        assert_eq!(check(&BudgetSpec::example()), []);
    }
}
