//! What an agent said and what its tools answered, in the order in which it happened.

use contracts::{live::StepCall, payload::reference_of};
use dioxus::prelude::*;
use graph::view::NodeView;
use serde_json::Value;

use super::watch::Watch;
use crate::pages::value::ValueView;

#[derive(Clone, Debug, PartialEq)]
struct Message {
    /// The step that it comes from.
    path: String,
    from: String,
    text: Option<String>,
    calls: Vec<String>,
    result: Option<Value>,
}

/// Messages shown at most: the last ones.
const MOST: usize = 100;

/// Of the step itself, or of the steps inside of it.
#[component]
pub(crate) fn Messages(path: String) -> Element {
    let watch = use_context::<Watch>();
    let mut messages = read(watch, &path);
    let earlier = messages.len().saturating_sub(MOST);
    messages.drain(..earlier);
    if messages.is_empty() {
        return rsx! {};
    }
    rsx! {
        section { class: "details-part",
            h3 { "Messages" }
            if earlier > 0 {
                p { class: "hint", "The last {MOST}; {earlier} earlier ones are at their steps." }
            }
            ol { class: "messages",
                for message in messages {
                    li { key: "{message.path}", class: "message",
                        span { class: "message-from", "{message.from}" }
                        if let Some(text) = &message.text {
                            p { class: "message-text", "{text}" }
                        }
                        for (index , call) in message.calls.iter().enumerate() {
                            p { key: "{index}", class: "message-call", "calls {call}" }
                        }
                        if let Some(result) = message.result {
                            ValueView { execution: watch.id(), label: "Result", value: result }
                        }
                    }
                }
            }
        }
    }
}

fn read(watch: Watch, path: &str) -> Vec<Message> {
    let n = watch.n();
    let record = watch.record.read();
    let view = record.view_at(n);
    let Some(span) = record.spans().get(path) else {
        return Vec::new();
    };
    let own = std::iter::once(span);
    let inner = span
        .children
        .iter()
        .map(|&child| &record.spans().list()[child]);
    let is_alone = span.children.is_empty();
    own.chain(inner)
        .filter_map(|span| {
            let node = view.nodes.get(&span.path)?;
            match span.call.as_ref()? {
                StepCall::Llm { agent } => said(&span.path, agent, node),
                // The result of a tool that is looked at alone is its output.
                StepCall::Tool { name, .. } if !is_alone => answered(&span.path, name, node),
                StepCall::Knowledge { .. } if !is_alone => answered(&span.path, "knowledge", node),
                StepCall::Tool { .. }
                | StepCall::Knowledge { .. }
                | StepCall::Recall { .. }
                | StepCall::Remember { .. } => None,
            }
        })
        .collect()
}

fn said(path: &str, agent: &str, node: &NodeView) -> Option<Message> {
    let output = node.output.as_ref()?;
    if reference_of(output).is_some() {
        // What it says is read with the value.
        return Some(Message {
            path: path.to_owned(),
            from: agent.to_owned(),
            text: None,
            calls: Vec::new(),
            result: Some(output.clone()),
        });
    }
    let message = output.get("message")?;
    let calls = message.get("tool_calls").and_then(Value::as_array);
    let call = |call: &Value| {
        let function = call.get("function")?;
        let name = function.get("name")?.as_str()?;
        let arguments = function
            .get("arguments")
            .and_then(Value::as_str)
            .unwrap_or_default();
        Some(format!("{name}({arguments})"))
    };
    let text = message.get("content").and_then(Value::as_str);
    Some(Message {
        path: path.to_owned(),
        from: agent.to_owned(),
        text: text.filter(|text| !text.is_empty()).map(str::to_owned),
        calls: calls.into_iter().flatten().filter_map(call).collect(),
        result: None,
    })
}

fn answered(path: &str, name: &str, node: &NodeView) -> Option<Message> {
    let failed = node.error.as_ref().map(|error| error.message.clone());
    if node.output.is_none() && failed.is_none() {
        return None;
    }
    Some(Message {
        path: path.to_owned(),
        from: name.to_owned(),
        text: failed,
        calls: Vec::new(),
        result: node.output.clone(),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn answers_of_models_are_read() {
        let output = json!({"message": {"content": "I add.", "tool_calls": [{"function": {"name": "add", "arguments": "{\"a\":1}"}}]}});
        let node = NodeView {
            output: Some(output),
            ..NodeView::default()
        };
        let message = said("w/llm:0", "clerk", &node).unwrap();
        assert_eq!(message.text.as_deref(), Some("I add."));
        assert_eq!(message.calls, ["add({\"a\":1})"]);
        assert_eq!(said("w/llm:0", "clerk", &NodeView::default()), None);
    }
}
