//! Each node by itself: id, type, name, configuration, retry, timeout.

use std::collections::HashSet;

use contracts::{
    flow::{Definition, Node, Retry},
    subject::Token,
};

use super::{Problems, short};
use crate::{
    node_types::{self, Kind, WORKING},
    schema::Schema,
};

const MAX_NAME: usize = 200;
const MAX_TIMEOUT_MS: u64 = 24 * 60 * 60 * 1000;
const MAX_ATTEMPTS: u32 = 100;
const MAX_BACKOFF_MS: u64 = 24 * 60 * 60 * 1000;
const MAX_ELAPSED_MS: u64 = 365 * 24 * 60 * 60 * 1000;
/// The longest time for which an output may be taken again: 30 days.
const MAX_TTL_SECONDS: u64 = 30 * 24 * 60 * 60;
/// Codes of errors that a retry policy may name.
const MAX_CODES: usize = 20;
const MAX_CODE: usize = 64;
/// Of the many ways one configuration can be wrong, this many are told.
const MAX_PER_NODE: usize = 20;

pub(super) fn check(definition: &Definition, problems: &mut Problems) {
    let mut seen = HashSet::new();
    for (position, node) in definition.nodes.iter().enumerate() {
        let mut place = Place {
            node,
            at: format!("/nodes/{position}"),
            problems,
        };
        place.identity(seen.insert(node.id.as_str()));
        match node_types::find(node) {
            Some(kind) => place.config(kind),
            None => place.unknown_type(),
        }
        place.patience();
    }
}

struct Place<'a> {
    node: &'a Node,
    at: String,
    problems: &'a mut Problems,
}

impl Place<'_> {
    fn tell(&mut self, path: &str, code: &str, message: String) {
        let path = format!("{}{path}", self.at);
        self.problems.node(&self.node.id, path, code, message);
    }

    fn identity(&mut self, is_first: bool) {
        let id = short(&self.node.id);
        if Token::new(&self.node.id).is_none() {
            let message = format!("node id `{id}` must be 1 to 64 letters, digits, `_` or `-`");
            self.tell("/id", "invalid_node_id", message);
        } else if !is_first {
            let message = format!("two nodes have the id `{id}`");
            self.tell("/id", "duplicate_node_id", message);
        }
        let length = |name: &String| name.chars().count();
        if self.node.name.as_ref().map_or(0, length) > MAX_NAME {
            let message = format!("the name of `{id}` must have at most {MAX_NAME} characters");
            self.tell("/name", "invalid_node_name", message);
        }
    }

    fn unknown_type(&mut self) {
        let unknown = node_types::kinds().unknown(&self.node.kind, self.node.version());
        let (path, message) = match unknown.known.is_empty() {
            true => ("/type", unknown.to_string()),
            false => (
                "/type_version",
                format!("`{}`: {unknown}", short(&self.node.id)),
            ),
        };
        self.tell(path, unknown.code(), message);
    }

    fn config(&mut self, kind: &Kind) {
        let misfits = kind.draft_problems(&self.node.config);
        for (path, reason) in misfits.into_iter().take(MAX_PER_NODE) {
            let message = format!("the configuration of `{}`: {reason}", short(&self.node.id));
            self.tell(&format!("/config{path}"), "invalid_config", message);
        }
        for key in kind.schemas {
            let schema = self
                .node
                .config
                .get(*key)
                .filter(|schema| schema.is_object());
            if let Some(Err(reason)) = schema.map(Schema::new) {
                let message = format!("`{key}` of `{}`: {reason}", short(&self.node.id));
                self.tell(&format!("/config/{key}"), "invalid_schema", message);
            }
        }
    }

    fn patience(&mut self) {
        let fits = |timeout: u64| (1..=MAX_TIMEOUT_MS).contains(&timeout);
        if !self.node.timeout_ms.is_none_or(fits) {
            let message = format!(
                "`timeout_ms` of `{}` must be 1 to {MAX_TIMEOUT_MS}",
                short(&self.node.id)
            );
            self.tell("/timeout_ms", "invalid_timeout", message);
        }
        self.idleness();
        self.cache();
        self.idempotency();
        for (field, rule) in self.node.retry.iter().flat_map(broken_rules) {
            let message = format!("`{field}` in `retry` of `{}` {rule}", short(&self.node.id));
            self.tell(&format!("/retry/{field}"), "invalid_retry", message);
        }
    }
}

impl Place<'_> {
    fn idleness(&mut self) {
        let Some(limit) = self.node.idle_timeout_ms else {
            return;
        };
        let (id, kind) = (short(&self.node.id), short(&self.node.kind));
        if !node_types::SHOWING_PROGRESS.contains(&self.node.kind.as_str()) {
            let message = format!(
                "`idle_timeout_ms` of `{id}`: nodes of type `{kind}` say nothing before their end, `timeout_ms` limits them"
            );
            self.tell("/idle_timeout_ms", "invalid_timeout", message);
        } else if !(1..=MAX_TIMEOUT_MS).contains(&limit) {
            let message = format!("`idle_timeout_ms` of `{id}` must be 1 to {MAX_TIMEOUT_MS}");
            self.tell("/idle_timeout_ms", "invalid_timeout", message);
        }
    }

    fn idempotency(&mut self) {
        if self.node.idempotency.is_keyed() {
            return;
        }
        let id = short(&self.node.id);
        if !node_types::may_be_unknown(&self.node.kind) {
            let message = format!("`idempotency` of `{id}`: it does nothing outside the execution");
            self.tell("/idempotency", "invalid_idempotency", message);
        } else if self.node.retry.is_some() {
            let message = format!("`retry` of `{id}` does not go with `at_most_once`");
            self.tell("/retry", "invalid_retry", message);
        }
    }

    fn cache(&mut self) {
        let Some(cache) = self.node.cache else {
            return;
        };
        let id = short(&self.node.id);
        if !WORKING.contains(&self.node.kind.as_str()) || self.node.compensates.is_some() {
            let message = format!("`cache` of `{id}`: its output cannot be taken again");
            self.tell("/cache", "invalid_cache", message);
        } else if !(1..=MAX_TTL_SECONDS).contains(&cache.ttl_seconds) {
            let message =
                format!("`ttl_seconds` in `cache` of `{id}` must be 1 to {MAX_TTL_SECONDS}");
            self.tell("/cache/ttl_seconds", "invalid_cache", message);
        }
    }
}

/// The fields of a retry policy that are out of bounds, each with its rule.
fn broken_rules(retry: &Retry) -> impl Iterator<Item = (&'static str, &'static str)> + use<> {
    let is_code = |code: &String| (1..=MAX_CODE).contains(&code.len());
    let are_codes =
        |codes: &Vec<String>| (1..=MAX_CODES).contains(&codes.len()) && codes.iter().all(is_code);
    let rules = [
        (
            "max_attempts",
            (1..=MAX_ATTEMPTS).contains(&retry.max_attempts),
            "must be 1 to 100",
        ),
        (
            "backoff_ms",
            retry.backoff_ms <= MAX_BACKOFF_MS,
            "must be at most a day",
        ),
        (
            "max_backoff_ms",
            (retry.backoff_ms..=MAX_BACKOFF_MS).contains(&retry.max_backoff_ms),
            "must be at least `backoff_ms` and at most a day",
        ),
        (
            "jitter",
            (0.0..=1.0).contains(&retry.jitter),
            "must be 0 to 1",
        ),
        (
            "max_elapsed_ms",
            retry
                .max_elapsed_ms
                .is_none_or(|limit| (1..=MAX_ELAPSED_MS).contains(&limit)),
            "must be 1 ms to 365 days",
        ),
        (
            "on",
            retry.on.as_ref().is_none_or(are_codes),
            "must be 1 to 20 codes of errors",
        ),
    ];
    let broken = rules.into_iter().filter(|(_, fine, _)| !fine);
    broken.map(|(field, _, rule)| (field, rule))
}
