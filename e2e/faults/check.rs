//! The checker: asks the platform, after it has healed, what became of every acknowledged start, and compares.
//!
//! What it checks is numbered as in the table of invariants in `docs/faults.md`.

mod events;
mod leftovers;
mod values;

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use e2e::Client;
use serde_json::Value;
use testkit::{Ledger, ledger::Call};

use crate::{
    follow::{self, Way, is_final},
    history::{History, Run},
    load::User,
    report::Violation,
};

pub(crate) use self::{
    events::{COMPLETION_TOKENS, PROMPT_TOKENS},
    leftovers::Streams,
};

/// Every accepted execution is over so long after the last fault.
const END: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(50);
/// Of the runs, one in so many is read once more over SSE and WebSocket.
const SAMPLE: usize = 8;

/// The calls of each step of each run, by run and path.
pub(crate) type Effects = BTreeMap<(u64, String), Vec<Effect>>;

/// A call that the ledger wrote down.
#[derive(Clone, Debug)]
pub(crate) struct Effect {
    /// Its number, as its answer named it.
    pub(crate) number: usize,
    pub(crate) call: Call,
    pub(crate) organization: String,
}

pub(crate) struct Checker<'a> {
    pub(crate) users: &'a [User],
    pub(crate) gateway: &'a str,
    pub(crate) ledger: &'a Ledger,
    /// Whether a process was stopped between asking whether a step is wanted and doing it: then a step may be repeated
    /// after its result was recorded, with the same key.
    pub(crate) was_paused: bool,
    pub(crate) violations: Vec<Violation>,
    pub(crate) counted: Counted,
}

/// What was seen, right or wrong.
#[derive(Clone, Debug, Default, serde::Serialize)]
pub(crate) struct Counted {
    pub(crate) runs: usize,
    pub(crate) succeeded: usize,
    pub(crate) cancelled: usize,
    pub(crate) failed: usize,
    pub(crate) events: usize,
    pub(crate) followed: usize,
    /// Large values that were read back.
    pub(crate) values: usize,
    pub(crate) effects: usize,
    /// Calls of steps beyond the first, all with its key.
    pub(crate) repeated_effects: usize,
    /// Of those, the ones that came after the step's result was recorded.
    pub(crate) late_effects: usize,
}

/// The history of each execution, for a later comparison.
pub(crate) type Histories = BTreeMap<String, Vec<Value>>;

impl Checker<'_> {
    /// All of it, for the runs of one scenario.
    pub(crate) async fn check(&mut self, history: &History) -> Histories {
        let runs = history.runs();
        let deadline = Instant::now() + END;
        let mut histories = Histories::new();
        let mut over = Vec::new();
        self.counted.runs = runs.len();
        for run in &runs {
            let Some((view, events)) = self.read(run, deadline).await else {
                continue;
            };
            over.push((run.clone(), view, events));
            let Some(begun) = self.begun_by(run, deadline).await else {
                continue;
            };
            if let Some((view, events)) = self.read(&begun, deadline).await {
                over.push((begun, view, events));
            }
        }
        // Only now has everything been called that the results speak of.
        let effects = self.effects(&runs);
        for (run, view, events) in over {
            self.check_events(&run, &view, &events, &effects);
            self.check_values(&run, &view, &events).await;
            self.check_walls(&run).await;
            histories.insert(run.execution, events);
        }
        for run in runs.iter().step_by(SAMPLE) {
            if let Some(events) = histories.get(&run.execution) {
                self.check_replay(run, events).await;
            }
        }
        self.check_keys(&effects);
        self.check_lists(&runs, deadline).await;
        histories
    }

    pub(crate) fn wrong(&mut self, invariant: &'static str, run: &Run, text: impl Into<String>) {
        let violation = Violation::new(invariant, text).of_run(run.number);
        self.violations.push(violation.of_execution(&run.execution));
    }

    /// The execution once it is over, and its history.
    async fn read(&mut self, run: &Run, deadline: Instant) -> Option<(Value, Vec<Value>)> {
        let client = &self.users[run.user].client;
        let path = format!("/api/v1/executions/{}", run.execution);
        let mut seen = String::new();
        let view = loop {
            match client.get(&path).await {
                Ok(answer) if answer.status == 200 => {
                    let state = answer.body["state"].as_str().unwrap_or_default();
                    if is_over(state) {
                        break Some(answer.body);
                    }
                    seen = format!("it is {state}");
                }
                Ok(answer) => seen = format!("{answer:?}"),
                Err(error) => seen = error.to_string(),
            }
            if Instant::now() > deadline {
                break None;
            }
            tokio::time::sleep(POLL).await;
        };
        let Some(view) = view else {
            let events = events_of(client, &run.execution, deadline).await;
            let last = events.ok().and_then(|events| events.last().cloned());
            let text = format!(
                "acknowledged, and not over {} s after the last fault: {seen}, after {}",
                END.as_secs(),
                last.unwrap_or_default()
            );
            self.wrong("I1", run, text);
            return None;
        };
        match events_of(client, &run.execution, deadline).await {
            Ok(events) => Some((view, events)),
            Err(text) => {
                self.wrong("I3", run, text);
                None
            }
        }
    }

    /// The execution that a step of this one began, where its flow has such a step. I2: there is one.
    async fn begun_by(&mut self, run: &Run, deadline: Instant) -> Option<Run> {
        let kind = run.kind.begins()?;
        let path = format!("/api/v1/executions?parent_id={}", run.execution);
        let client = self.users[run.user].client.clone();
        let begun = loop {
            let page = client.get(&path).await;
            let begun = page.map(|page| ids(&page.body)).unwrap_or_default();
            if !begun.is_empty() || Instant::now() > deadline {
                break begun;
            }
            tokio::time::sleep(POLL).await;
        };
        let [execution] = &begun[..] else {
            let text = format!("its step began {} executions: {begun:?}", begun.len());
            self.wrong("I2", run, text);
            return None;
        };
        Some(Run {
            kind,
            execution: execution.clone(),
            followed: None,
            ..run.clone()
        })
    }

    /// The ledger by run and step; calls of other scenarios are left out.
    fn effects(&mut self, runs: &[Run]) -> Effects {
        let numbers: BTreeSet<u64> = runs.iter().map(|run| run.number).collect();
        let mut effects = Effects::new();
        for (at, call) in self.ledger.calls().into_iter().enumerate() {
            let body: Value = serde_json::from_str(&call.body).unwrap_or_default();
            let Some(run) = body["run"].as_u64().filter(|run| numbers.contains(run)) else {
                continue;
            };
            let organization = body["org"].as_str().unwrap_or_default().to_owned();
            let step = call.path.trim_start_matches('/').to_owned();
            let number = at + 1;
            self.counted.effects += 1;
            effects.entry((run, step)).or_default().push(Effect {
                number,
                call,
                organization,
            });
        }
        effects
    }

    /// I2: a key belongs to one step of one run.
    fn check_keys(&mut self, effects: &Effects) {
        let mut owners: BTreeMap<String, (u64, String)> = BTreeMap::new();
        for (step, calls) in effects {
            self.counted.repeated_effects += calls.len() - 1;
            for effect in calls {
                let Some(key) = &effect.call.idempotency_key else {
                    let text = format!("step `{}` called without a key", step.1);
                    self.violations
                        .push(Violation::new("I2", text).of_run(step.0));
                    continue;
                };
                let owner = owners.entry(key.clone()).or_insert_with(|| step.clone());
                if owner != step {
                    let text = format!(
                        "`{}` and `{}` of run {} share a key",
                        step.1, owner.1, owner.0
                    );
                    self.violations
                        .push(Violation::new("I2", text).of_run(step.0));
                }
            }
        }
    }

    /// I3: the same over SSE and over WebSocket as over REST.
    async fn check_replay(&mut self, run: &Run, events: &[Value]) {
        let client = self.users[run.user].client.clone();
        for way in [Way::Sse, Way::Socket] {
            let replay = follow::follow(&client, self.gateway, &run.execution, way);
            match tokio::time::timeout(END, replay).await {
                Ok(frames) if frames == events => {}
                Ok(frames) => {
                    let text = format!(
                        "{way:?} says something else than REST: {}",
                        differing(events, &frames)
                    );
                    self.wrong("I3", run, text);
                }
                Err(_) => self.wrong("I3", run, format!("{way:?} brings no terminal event")),
            }
        }
    }

    /// I4: it does not exist for the other organization.
    async fn check_walls(&mut self, run: &Run) {
        let other = &self.users[(run.user + 1) % self.users.len()].client;
        let path = format!("/api/v1/executions/{}/events", run.execution);
        match other.get(&path).await {
            Ok(answer) if answer.status == 404 => {}
            told => self.wrong(
                "I4",
                run,
                format!("the other organization is told {told:?}"),
            ),
        }
    }

    /// I9 and I4: the list of an organization has every acknowledged execution, over, and none of another. I2: none that
    /// nobody started.
    async fn check_lists(&mut self, runs: &[Run], deadline: Instant) {
        for at in 0..self.users.len() {
            let mine: BTreeMap<&str, &Run> = runs
                .iter()
                .filter(|run| run.user == at)
                .map(|run| (run.execution.as_str(), run))
                .collect();
            let missing = loop {
                let listed = listed(&self.users[at].client).await;
                let missing: Vec<&Run> = mine
                    .iter()
                    .filter(|(id, _)| !listed.get(**id).is_some_and(|state| is_over(state)))
                    .map(|(_, run)| *run)
                    .collect();
                for run in runs.iter().filter(|run| run.user != at) {
                    if listed.contains_key(&run.execution) {
                        self.wrong("I4", run, "it stands in the other organization's list");
                    }
                }
                if missing.is_empty() || Instant::now() > deadline {
                    break missing;
                }
                tokio::time::sleep(POLL * 10).await;
            };
            for run in missing {
                self.wrong(
                    "I9",
                    run,
                    "it is not in the list of its organization, or not as over",
                );
            }
        }
    }
}

/// The executions of a page.
fn ids(page: &Value) -> Vec<String> {
    let items = page["items"].as_array().into_iter().flatten();
    let ids = items.filter_map(|item| item["id"].as_str());
    ids.map(str::to_owned).collect()
}

fn is_over(state: &str) -> bool {
    matches!(state, "succeeded" | "failed" | "cancelled")
}

/// Every execution of an organization, with its state.
async fn listed(client: &Client) -> BTreeMap<String, String> {
    let mut listed = BTreeMap::new();
    let mut cursor = String::new();
    loop {
        let path = format!("/api/v1/executions?limit=200{cursor}");
        let Ok(page) = client.get(&path).await else {
            return listed;
        };
        for item in page.body["items"].as_array().into_iter().flatten() {
            let text = |key: &str| item[key].as_str().unwrap_or_default().to_owned();
            listed.insert(text("id"), text("state"));
        }
        match page.body["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return listed,
        }
    }
}

/// The whole history over REST.
pub(crate) async fn events_of(
    client: &Client,
    execution: &str,
    deadline: Instant,
) -> Result<Vec<Value>, String> {
    let mut events: Vec<Value> = Vec::new();
    loop {
        let after = events
            .last()
            .and_then(|event| event["n"].as_u64())
            .unwrap_or(0);
        let path = format!("/api/v1/executions/{execution}/events?limit=1000&after={after}");
        let refused = match client.get(&path).await {
            Ok(page) if page.status == 200 => {
                events.extend(page.body["items"].as_array().into_iter().flatten().cloned());
                if page.body["next"].is_null() {
                    return Ok(events);
                }
                continue;
            }
            Ok(answer) => format!("{answer:?}"),
            Err(error) => error.to_string(),
        };
        if Instant::now() > deadline {
            return Err(format!("the history cannot be read: {refused}"));
        }
        tokio::time::sleep(POLL).await;
    }
}

/// Where two histories differ, for people.
pub(crate) fn differing(one: &[Value], other: &[Value]) -> String {
    let at = one.iter().zip(other).position(|(one, other)| one != other);
    let at = at.unwrap_or(one.len().min(other.len()));
    let show = |events: &[Value]| {
        events
            .get(at)
            .map_or("nothing".to_owned(), Value::to_string)
    };
    let (has_one, has_other) = (one.len(), other.len());
    format!(
        "{has_one} and {has_other} events; at {at}: {} against {}",
        show(one),
        show(other)
    )
}

pub(crate) fn is_of(event: &Value, kind: &str) -> bool {
    event["type"] == *kind
}

pub(crate) fn ends(events: &[Value]) -> usize {
    events.iter().filter(|event| is_final(event)).count()
}
