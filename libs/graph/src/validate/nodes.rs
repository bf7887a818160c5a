//! Each node by itself: id, type, configuration, retry, timeout.

use std::collections::HashSet;

use contracts::{
    flow::{Definition, Node, Retry},
    subject::Token,
};
use serde_json::Value;

use super::Problems;
use crate::node_types;

const MAX_TIMEOUT_MS: u64 = 24 * 60 * 60 * 1000;
const MAX_ATTEMPTS: u32 = 100;
const MAX_BACKOFF_MS: u64 = 24 * 60 * 60 * 1000;
/// Of the many ways one configuration can be wrong, this many are told.
const MAX_PER_NODE: usize = 20;

pub(super) fn check(definition: &Definition, problems: &mut Problems) {
    let mut seen = HashSet::new();
    for (position, node) in definition.nodes.iter().enumerate() {
        let at = format!("/nodes/{position}");
        if Token::new(&node.id).is_none() {
            let message = format!(
                "node id `{}` must be 1 to 64 letters, digits, `_` or `-`",
                shown(&node.id)
            );
            problems.node(&node.id, format!("{at}/id"), "invalid_node_id", message);
        } else if !seen.insert(node.id.as_str()) {
            problems.node(
                &node.id,
                format!("{at}/id"),
                "duplicate_node_id",
                format!("two nodes have the id `{}`", node.id),
            );
        }
        config(node, &at, problems);
        if let Some(retry) = &node.retry {
            check_retry(node, retry, &at, problems);
        }
        if node
            .timeout_ms
            .is_some_and(|timeout| !(1..=MAX_TIMEOUT_MS).contains(&timeout))
        {
            let message = format!(
                "`timeout_ms` of `{}` must be 1 to {MAX_TIMEOUT_MS}",
                node.id
            );
            problems.node(
                &node.id,
                format!("{at}/timeout_ms"),
                "invalid_timeout",
                message,
            );
        }
    }
}

fn config(node: &Node, at: &str, problems: &mut Problems) {
    let Some(kind) = node_types::find(&node.kind) else {
        let message = format!("`{}` is not a node type", shown(&node.kind));
        problems.node(&node.id, format!("{at}/type"), "unknown_node_type", message);
        return;
    };
    let config = Value::Object(node.config.clone().into_iter().collect());
    let errors = kind.schema.iter_errors(&config);
    // A string with an expression may become anything; it is checked again once it is rendered.
    let real = errors.filter(|error| {
        !error
            .instance()
            .as_str()
            .is_some_and(|text| text.contains("{{"))
    });
    for error in real.take(MAX_PER_NODE) {
        let path = format!("{at}/config{}", error.instance_path());
        problems.node(
            &node.id,
            path,
            "invalid_config",
            format!("`{}`: {}", node.id, shown(&error.to_string())),
        );
    }
}

fn check_retry(node: &Node, retry: &Retry, at: &str, problems: &mut Problems) {
    let checks = [
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
    ];
    for (field, fine, rule) in checks {
        if !fine {
            let message = format!("`{field}` in `retry` of `{}` {rule}", node.id);
            problems.node(
                &node.id,
                format!("{at}/retry/{field}"),
                "invalid_retry",
                message,
            );
        }
    }
}

/// As much of a user's text as a message needs.
fn shown(text: &str) -> String {
    text.chars().take(200).collect()
}
