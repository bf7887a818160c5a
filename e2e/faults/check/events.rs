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
        let last = events.last().cloned().unwrap_or_default();
        match state {
            "succeeded" => self.counted.succeeded += 1,
            "cancelled" => self.counted.cancelled += 1,
            _ => self.counted.failed += 1,
        }
        if !is_end_of(run.kind, state, &last) {
            self.wrong(
                "I1",
                run,
                format!("a run of this kind ends otherwise: {last}"),
            );
        }
    }

    /// I2: one result for each step; nothing begins after a cancel.
    fn check_steps(&mut self, run: &Run, events: &[Value]) {
        let mut results: BTreeMap<String, usize> = BTreeMap::new();
        let mut is_cancelled = false;
        for event in events {
            is_cancelled |= is_of(event, "cancel_asked");
            let node = event["node"].as_str().unwrap_or_default();
            if is_of(event, "step_succeeded") || is_of(event, "answer_given") {
                *results.entry(node.to_owned()).or_default() += 1;
            }
            if is_of(event, "iteration_succeeded") {
                let iteration = format!("{node}:{}", event["index"]);
                *results.entry(iteration).or_default() += 1;
            }
            if is_cancelled && is_of(event, "step_started") {
                let text = format!("a step began after the cancel: {event}");
                self.wrong("I2", run, text);
            }
        }
        for (node, count) in results.iter().filter(|(_, count)| **count > 1) {
            self.wrong("I2", run, format!("step `{node}` has {count} results"));
        }
        let is_cut = events
            .last()
            .is_some_and(|event| is_of(event, "execution_cancelled"));
        for step in run.kind.calls().iter().filter(|_| !is_cut) {
            if results.get(*step) != Some(&1) {
                self.wrong("I2", run, format!("it ended without step `{step}`"));
            }
        }
        if run.kind == Kind::Undo {
            self.check_undone(run, events);
        }
    }

    /// I2: what had succeeded is undone once, the last first, and then the handler runs.
    fn check_undone(&mut self, run: &Run, events: &[Value]) {
        let told = events.iter().filter_map(|event| {
            let node = event["node"].as_str().unwrap_or_default();
            let is_undoing = node.starts_with("undo_") || node == "sorry" || node == "said";
            match event["type"].as_str()? {
                "compensation_started" => Some(event["steps"].to_string()),
                "handler_started" => Some("handler".to_owned()),
                "step_succeeded" if is_undoing => Some(node.to_owned()),
                _ => None,
            }
        });
        let told: Vec<String> = told.collect();
        let undone = r#"["two","one"]"#;
        let wanted = [undone, "undo_two", "undo_one", "handler", "sorry", "said"];
        if told != wanted {
            self.wrong("I2", run, format!("it was undone otherwise: {told:?}"));
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
            // A tool gives the body alone.
            let output = &result["output"];
            let answered = output["body"]["call"].as_u64();
            let answered = answered.or_else(|| output["call"].as_u64());
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

/// Whether a run of this kind may end so.
fn is_end_of(kind: Kind, state: &str, last: &Value) -> bool {
    match kind {
        Kind::Undo => {
            let left = last["uncompensated"].as_array().map_or(0, Vec::len);
            state == "failed"
                && last["error"]["node"] == "bad"
                && left == 0
                && last["handled"] == true
        }
        Kind::Cancel => matches!(state, "succeeded" | "cancelled"),
        _ => state == "succeeded",
    }
}

fn recorded_at(event: &Value) -> Option<SystemTime> {
    let text = event["ts"].as_str()?;
    DateTime::parse_from_rfc3339(text)
        .ok()
        .map(|at| at.with_timezone(&Utc).into())
}
