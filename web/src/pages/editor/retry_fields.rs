//! How a failed node is tried again.

use contracts::flow::{Backoff, Retry};
use dioxus::prelude::*;

use crate::{
    canvas::board::{Board, NodeHandle},
    pages::editor::properties::change,
    ui::{field::TextField, select::SelectField},
};

#[component]
pub(super) fn RetryFields(node: NodeHandle) -> Element {
    let board = use_context::<Board>();
    let data = node.data.read();
    let attempts = data.retry.as_ref().map_or(1, |retry| retry.max_attempts);
    rsx! {
        TextField {
            label: "Attempts",
            kind: "number",
            value: "{attempts}",
            min: "1",
            max: "100",
            oninput: move |text: String| set_attempts(board, node, text.parse().unwrap_or(1)),
        }
        if let Some(retry) = data.retry.clone() {
            Pauses { node, retry: retry.clone() }
            TextField {
                label: "No attempt begins later than, ms",
                hint: "After the first one; no limit when empty.",
                kind: "number",
                value: retry.max_elapsed_ms.map(|ms| ms.to_string()).unwrap_or_default(),
                min: "1",
                oninput: move |text: String| of(board, node, "retry", move |retry| retry.max_elapsed_ms = text.parse().ok()),
            }
            Codes { node, on: retry.on }
        }
    }
}

#[component]
fn Pauses(node: NodeHandle, retry: Retry) -> Element {
    let board = use_context::<Board>();
    let fixed = retry.backoff == Backoff::Fixed;
    let choices = [
        ("exponential", "Doubles each time"),
        ("fixed", "Stays the same"),
    ];
    rsx! {
        TextField {
            label: "Pause before the second attempt, ms",
            kind: "number",
            value: "{retry.backoff_ms}",
            min: "0",
            oninput: move |text: String| of(board, node, "pause", move |retry| {
                if let Ok(pause) = text.parse() {
                    retry.backoff_ms = pause;
                    retry.max_backoff_ms = retry.max_backoff_ms.max(pause);
                }
            }),
        }
        SelectField {
            label: "The pause",
            value: if fixed { "fixed" } else { "exponential" },
            options: choices.map(|(key, text)| (key.to_owned(), text.to_owned())).to_vec(),
            onchange: move |choice: String| of(board, node, "pauses", move |retry| {
                retry.backoff = if choice == "fixed" { Backoff::Fixed } else { Backoff::Exponential };
            }),
        }
        if !fixed {
            TextField {
                label: "Longest pause, ms",
                kind: "number",
                value: "{retry.max_backoff_ms}",
                min: "{retry.backoff_ms}",
                oninput: move |text: String| of(board, node, "pause", move |retry| {
                    if let Ok(pause) = text.parse() {
                        retry.max_backoff_ms = pause;
                    }
                }),
            }
        }
    }
}

/// The codes of errors, separated by commas.
#[component]
fn Codes(node: NodeHandle, on: Option<Vec<String>>) -> Element {
    let board = use_context::<Board>();
    let mut text = use_signal(|| on.unwrap_or_default().join(", "));
    rsx! {
        TextField {
            label: "Only after these errors",
            hint: "Codes, for example upstream_rate_limited, timeout; all that another attempt may heal when empty.",
            value: "{text}",
            oninput: move |typed: String| {
                let codes = codes(&typed);
                text.set(typed);
                of(board, node, "retry", move |retry| retry.on = codes);
            },
        }
    }
}

fn codes(text: &str) -> Option<Vec<String>> {
    let codes = text
        .split(',')
        .map(str::trim)
        .filter(|code| !code.is_empty());
    let codes: Vec<_> = codes.map(str::to_owned).collect();
    (!codes.is_empty()).then_some(codes)
}

/// Changes what the node has of a retry.
fn of(board: Board, node: NodeHandle, what: &'static str, edit: impl FnOnce(&mut Retry)) {
    change(board, node, what, |data| {
        if let Some(retry) = &mut data.retry {
            edit(retry);
        }
    });
}

fn set_attempts(board: Board, node: NodeHandle, attempts: u32) {
    change(board, node, "attempts", |data| {
        let retry = data.retry.take().unwrap_or(Retry {
            max_attempts: 1,
            backoff: Backoff::Exponential,
            backoff_ms: 1_000,
            max_backoff_ms: 60_000,
            jitter: 0.1,
            max_elapsed_ms: None,
            on: None,
        });
        data.retry = (attempts > 1).then_some(Retry {
            max_attempts: attempts,
            ..retry
        });
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_separated_by_commas() {
        assert_eq!(codes(" , "), None);
        let expected = vec!["timeout".to_owned(), "upstream_cut".to_owned()];
        assert_eq!(codes("timeout,, upstream_cut "), Some(expected));
    }
}
