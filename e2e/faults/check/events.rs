//! What must hold for the history of one execution, beside what the ledger saw of it.

use std::{
    collections::BTreeMap,
    time::{Duration, SystemTime},
};

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::{Checker, Effects, differing, ends, is_of};
use crate::{flows::Kind, follow::is_final, history::Run};

/// What the model takes for each answer.
pub(crate) const PROMPT_TOKENS: u64 = 11;
pub(crate) const COMPLETION_TOKENS: u64 = 3;
/// A call may be under way while the result of the same step is recorded: its message was delivered twice.
const UNDER_WAY: Duration = Duration::from_secs(1);

impl Checker<'_> {
    pub(super) fn check_events(
        &mut self,
        run: &Run,
        view: &Value,
        events: &[Value],
        effects: &Effects,
    ) {
        self.counted.events += events.len();
        self.check_order(run, view, events);
        self.check_steps(run, events);
        self.check_effects(run, events, effects);
        self.check_usage(run, view, events);
        if let Some(frames) = &run.followed {
            self.counted.followed += 1;
            if frames != events {
                let text = format!(
                    "a follower saw something else: {}",
                    differing(events, frames)
                );
                self.wrong("I3", run, text);
            }
        }
    }

    /// I1 and I3: numbered from 1 without gaps, one terminal event, the last, and the state says the same.
    fn check_order(&mut self, run: &Run, view: &Value, events: &[Value]) {
        let numbers = events.iter().filter_map(|event| event["n"].as_u64());
        if !numbers.eq(1..=events.len() as u64) {
            self.wrong("I3", run, "its events are not numbered from 1 without gaps");
        }
        if ends(events) != 1 || !events.last().is_some_and(is_final) {
            let text = format!("{} terminal events, or not at the end", ends(events));
            self.wrong("I1", run, text);
        }
        let state = view["state"].as_str().unwrap_or_default();
        let end = events.last().and_then(|event| event["type"].as_str());
        if end.and_then(|end| end.strip_prefix("execution_")) != Some(state) {
            self.wrong(
                "I3",
                run,
                format!("it is {state}, and its last event {end:?}"),
            );
        }
        match state {
            "succeeded" => self.counted.succeeded += 1,
            "cancelled" => self.counted.cancelled += 1,
            _ => {
                self.counted.failed += 1;
                let last = events.last().map(Value::to_string).unwrap_or_default();
                self.wrong(
                    "I1",
                    run,
                    format!("no step of it can fail, and it failed: {last}"),
                );
            }
        }
        if (state == "cancelled") && run.kind != Kind::Cancel {
            self.wrong("I1", run, "nobody has cancelled it");
        }
    }

    /// I2: one result for each step; nothing begins after a cancel.
    fn check_steps(&mut self, run: &Run, events: &[Value]) {
        let mut results: BTreeMap<&str, usize> = BTreeMap::new();
        let mut is_cancelled = false;
        for event in events {
            is_cancelled |= is_of(event, "cancel_asked");
            if is_of(event, "step_succeeded") || is_of(event, "answer_given") {
                let node = event["node"].as_str().unwrap_or_default();
                *results.entry(node).or_default() += 1;
            }
            if is_cancelled && is_of(event, "step_started") {
                let text = format!("a step began after the cancel: {event}");
                self.wrong("I2", run, text);
            }
        }
        for (node, count) in results.iter().filter(|(_, count)| **count > 1) {
            self.wrong("I2", run, format!("step `{node}` has {count} results"));
        }
        let succeeded = events
            .last()
            .is_some_and(|event| is_of(event, "execution_succeeded"));
        for step in run.kind.calls().iter().filter(|_| succeeded) {
            if results.get(step) != Some(&1) {
                self.wrong("I2", run, format!("it succeeded without step `{step}`"));
            }
        }
    }

    /// I2: what was recorded is what the outside answered, under one key; nothing recorded is done again. I4: in the name
    /// of its organization.
    fn check_effects(&mut self, run: &Run, events: &[Value], effects: &Effects) {
        for step in run.kind.calls() {
            let empty = Vec::new();
            let calls = effects
                .get(&(run.number, (*step).to_owned()))
                .unwrap_or(&empty);
            let of_step = |kind: &str| {
                let found = events
                    .iter()
                    .find(|event| is_of(event, kind) && event["node"] == **step);
                found.cloned()
            };
            let key =
                of_step("step_started").and_then(|event| event["key"].as_str().map(str::to_owned));
            if calls
                .iter()
                .any(|effect| effect.call.idempotency_key != key)
            {
                self.wrong("I2", run, format!("step `{step}` called with several keys"));
            }
            let organization = &self.users[run.user].client.organization;
            if calls
                .iter()
                .any(|effect| effect.organization != *organization)
            {
                self.wrong(
                    "I4",
                    run,
                    format!("step `{step}` called for another organization"),
                );
            }
            let Some(result) = of_step("step_succeeded") else {
                continue;
            };
            let answered = result["output"]["body"]["call"].as_u64();
            if !calls
                .iter()
                .any(|effect| Some(effect.number as u64) == answered)
            {
                self.wrong(
                    "I2",
                    run,
                    format!("the result of `{step}` is no answer of the outside: {result}"),
                );
            }
            let late = match recorded_at(&result) {
                Some(recorded) => calls
                    .iter()
                    .filter(|effect| effect.call.at > recorded + UNDER_WAY)
                    .count(),
                None => 0,
            };
            self.counted.late_effects += late;
            if late > 0 && !self.was_paused {
                self.wrong(
                    "I2",
                    run,
                    format!("step `{step}` was recorded, and done again"),
                );
            }
        }
    }

    /// I5: an answer of the model is recorded with what the vendor charges for it, and the sum is that of the parts.
    fn check_usage(&mut self, run: &Run, view: &Value, events: &[Value]) {
        let tokens = |usage: &Value| {
            let count = |name: &str| usage[name].as_u64().unwrap_or(0);
            (count("prompt_tokens"), count("completion_tokens"))
        };
        let mut sum = (0, 0);
        for event in events.iter().filter(|event| event["node"].is_string()) {
            let (prompt, completion) = tokens(&event["usage"]);
            sum = (sum.0 + prompt, sum.1 + completion);
            let is_answer = is_of(event, "step_succeeded") && event["node"] == "model";
            if is_answer && (prompt, completion) != (PROMPT_TOKENS, COMPLETION_TOKENS) {
                self.wrong(
                    "I5",
                    run,
                    format!("an answer of the model counts {}", event["usage"]),
                );
            }
        }
        if tokens(&view["usage"]) != sum {
            self.wrong(
                "I5",
                run,
                format!("it counts {}, its steps {sum:?}", view["usage"]),
            );
        }
    }
}

fn recorded_at(event: &Value) -> Option<SystemTime> {
    let text = event["ts"].as_str()?;
    DateTime::parse_from_rfc3339(text)
        .ok()
        .map(|at| at.with_timezone(&Utc).into())
}
