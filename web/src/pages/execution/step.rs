//! What a step is called, and what it is.

use contracts::live::StepCall;

use super::subject::Subject;
use graph::path;

use crate::live::spans::Span;

/// `Clerk`, `model`, `add`, `task read`.
pub(crate) fn label(span: &Span, subject: Option<&Subject>) -> String {
    match &span.call {
        Some(StepCall::Llm { agent }) => return format!("{agent}: model"),
        Some(StepCall::Tool { name, .. }) => return name.clone(),
        Some(StepCall::Knowledge { query, .. }) => return format!("“{query}”"),
        Some(StepCall::Recall { .. }) => return "recall".into(),
        Some(StepCall::Remember { .. }) => return "remember".into(),
        None => {}
    }
    if let Some(asked) = &span.asked {
        return format!("approval of {}", asked.name);
    }
    if let (Some(name), false) = (&span.waits_for, span.spoken) {
        return name.clone();
    }
    let name = span.name();
    if let Some(task) = name.strip_prefix("task:") {
        return task.to_owned();
    }
    if path::is_iteration(&span.path) {
        let (_, index) = name.rsplit_once(':').unwrap_or_default();
        return format!("number {index}");
    }
    if span.parent.is_some() && path::node_path(&span.path) != span.path {
        return name.to_owned();
    }
    subject
        .map_or(name, |subject| subject.name_of(name))
        .to_owned()
}

/// A word for what it is.
pub(crate) fn kind(span: &Span, subject: Option<&Subject>) -> String {
    match &span.call {
        Some(StepCall::Llm { .. }) => return "llm".into(),
        Some(StepCall::Tool { .. }) => return "tool".into(),
        Some(StepCall::Knowledge { .. }) => return "knowledge".into(),
        Some(StepCall::Recall { .. } | StepCall::Remember { .. }) => return "memory".into(),
        None => {}
    }
    if span.asked.is_some() {
        return "approval".into();
    }
    let name = span.name();
    match name.split_once(':') {
        Some((kind, _)) => kind.to_owned(),
        None => {
            let known = subject.and_then(|subject| subject.kind_of(name));
            known.unwrap_or_default().to_owned()
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::live::{
        spans::Spans,
        testing::{frame, started, with},
    };

    #[test]
    fn steps_have_names() {
        let mut spans = Spans::default();
        spans.apply(&started());
        spans.apply(&frame(2, "step_started", "crew/task:read/llm:0"));
        let call = json!({"type": "tool", "agent": "clerk", "tool_id": contracts::id::ToolId::EXAMPLE, "name": "add", "arguments": {}});
        spans.apply(&with(
            3,
            "step_started",
            json!({"node": "w/tool:0.1", "attempt": 1, "key": "k", "call": call}),
        ));
        let names: Vec<_> = spans
            .list()
            .iter()
            .map(|span| (label(span, None), kind(span, None)))
            .collect();
        let names: Vec<_> = names
            .iter()
            .map(|(label, kind)| (label.as_str(), kind.as_str()))
            .collect();
        assert_eq!(
            names,
            [
                ("crew", ""),
                ("read", "task"),
                ("llm:0", "llm"),
                ("w", ""),
                ("add", "tool")
            ]
        );
    }
}
