//! A call of a tool on one line that opens to its arguments and its result.

use contracts::{id::ExecutionId, payload::reference_of};
use dioxus::prelude::*;
use serde_json::Value;

use super::answer::{Call, Outcome};
use crate::{
    pages::value::ValueView,
    ui::{
        Tone,
        badge::Badge,
        code::{CodeBlock, pretty},
        icon::{Glyph, Icon},
    },
};

/// Characters of a result that are shown; the execution has all of it.
const SHOWN: usize = 20_000;

#[component]
pub(super) fn ToolLine(call: Call, execution: Option<ExecutionId>) -> Element {
    let (tone, glyph, state) = look(&call.outcome);
    let name = if call.name.is_empty() {
        "tool"
    } else {
        &call.name
    };
    let gist = gist(&call.arguments);
    rsx! {
        details { class: "chat-call",
            summary {
                Icon { glyph: Glyph::Right, size: 14 }
                Icon { glyph: Glyph::Tool, size: 14 }
                code { "{name}" }
                if !call.agent.is_empty() {
                    span { class: "hint", "by {call.agent}" }
                }
                span { class: "clip muted mono", "{gist}" }
                Badge { tone, glyph, "{state}" }
            }
            div { class: "chat-call-body",
                h3 { "Arguments" }
                Given { label: "Arguments", execution, value: call.arguments.clone() }
                match &call.outcome {
                    Outcome::Returned(result) => rsx! {
                        h3 { "Result" }
                        Given { label: "Result", execution, value: result.clone() }
                    },
                    Outcome::Failed(error) => rsx! {
                        h3 { "Error" }
                        p { code { "{error.code}" } " {error.message}" }
                    },
                    Outcome::Running | Outcome::Waiting | Outcome::Dropped => rsx! {},
                }
            }
        }
    }
}

/// Arguments or a result.
#[component]
fn Given(label: String, execution: Option<ExecutionId>, value: Value) -> Element {
    match execution.filter(|_| reference_of(&value).is_some()) {
        Some(id) => rsx! { ValueView { execution: id.to_string(), label, value } },
        None => rsx! { CodeBlock { label, text: shown(&value) } },
    }
}

const fn look(outcome: &Outcome) -> (Tone, Glyph, &'static str) {
    match outcome {
        Outcome::Running => (Tone::Run, Glyph::Play, "Running"),
        Outcome::Waiting => (Tone::Warn, Glyph::Waiting, "Waits for approval"),
        Outcome::Returned(_) => (Tone::Ok, Glyph::Success, "Done"),
        Outcome::Failed(_) => (Tone::Err, Glyph::Error, "Failed"),
        Outcome::Dropped => (Tone::Neutral, Glyph::Cancel, "Not finished"),
    }
}

/// The arguments on a part of a line.
fn gist(arguments: &Value) -> String {
    let text = match arguments {
        Value::Object(fields) if fields.len() == 1 => match fields.values().next() {
            Some(Value::String(only)) => only.clone(),
            only => only.map(Value::to_string).unwrap_or_default(),
        },
        Value::Null => String::new(),
        other => other.to_string(),
    };
    text.chars().take(120).collect()
}

fn shown(value: &Value) -> String {
    let text = match value {
        Value::String(text) => text.clone(),
        other => pretty(other),
    };
    match text.char_indices().nth(SHOWN) {
        None => text,
        Some((at, _)) => format!("{}\n… the rest is in the execution", &text[..at]),
    }
}
