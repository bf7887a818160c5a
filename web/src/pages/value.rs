//! A value of an execution. One that stands apart is shown by its size and its start, until it is asked for.

use contracts::{
    Problem,
    payload::{PayloadRef, reference_of},
};
use dioxus::prelude::*;
use serde_json::Value;

use crate::{
    api::payload,
    format,
    ui::{button::Button, code::CodeBlock, data::Data, icon::Glyph, problem::ProblemLine, toast},
};

#[component]
pub(crate) fn ValueView(
    execution: String,
    label: String,
    value: Value,
    /// Hears that a value which stands apart was read.
    #[props(default)]
    onread: EventHandler<()>,
) -> Element {
    match reference_of(&value) {
        Some(reference) => rsx! { Apart { execution, label, reference, onread } },
        None => rsx! { Data { label, value } },
    }
}

/// The values that stand apart in an event.
#[component]
pub(crate) fn ValuesApart(execution: String, event: Value) -> Element {
    let mut found = Vec::new();
    collect("value", &event, &mut found);
    rsx! {
        for (name , reference) in found {
            Apart { key: "{reference.hash}", execution: execution.clone(), label: name, reference }
        }
    }
}

fn collect(name: &str, value: &Value, found: &mut Vec<(String, PayloadRef)>) {
    if let Some(reference) = reference_of(value) {
        return found.push((name.to_owned(), reference));
    }
    for (name, value) in value.as_object().into_iter().flatten() {
        collect(name, value, found);
    }
}

#[component]
fn Apart(
    execution: String,
    label: String,
    reference: PayloadRef,
    #[props(default)] onread: EventHandler<()>,
) -> Element {
    // By their hash: another value may take this one's place on the screen.
    let mut loaded = use_signal(|| None::<(String, Value)>);
    let mut problem = use_signal(|| None::<(String, Problem)>);
    let mut busy = use_signal(|| false);
    let hash = reference.hash.clone();
    let known = loaded.read().clone().filter(|(of, _)| *of == hash);
    if let Some((_, value)) = known {
        return rsx! { Data { label, value } };
    }
    let failed = problem.read().clone().filter(|(of, _)| *of == hash);
    let size = format::bytes(reference.bytes);
    let items = reference.items.map(|n| format!(", {n} items"));
    let items = items.unwrap_or_default();
    let start = format!("{}…", reference.preview);
    let is_shown = payload::is_shown(&reference);
    let (act, glyph) = match (is_shown, failed.is_some()) {
        (_, true) => ("Try again", Glyph::Refresh),
        (true, false) => ("Load", Glyph::Download),
        (false, false) => ("Download", Glyph::Download),
    };
    let read = move |_| {
        let (execution, reference) = (execution.clone(), reference.clone());
        async move {
            let of = reference.hash.clone();
            busy.set(true);
            problem.set(None);
            let outcome = match is_shown {
                true => payload::load(&execution, &reference)
                    .await
                    .map(|value| loaded.set(Some((of.clone(), value)))),
                false => payload::save(&execution, &reference)
                    .await
                    .map(|()| toast::done("Saved as a file.")),
            };
            if outcome.is_ok() {
                onread.call(());
            }
            problem.set(outcome.err().map(|problem| (of, problem)));
            busy.set(false);
        }
    };
    rsx! {
        div { class: "stack-s", role: "group", "aria-label": "{label}, {size}",
            p { class: "hint", "{size} of JSON{items}, kept apart. It begins with:" }
            CodeBlock { text: start, label: "Start of {label}" }
            if let Some((_, problem)) = failed {
                ProblemLine { problem }
            }
            div { class: "row",
                Button { small: true, icon: glyph, busy: busy(), onclick: read, "aria-label": "{act}: {label}, {size}", "{act}" }
                span { class: "hint", role: "status",
                    if busy() { "Loading {size}…" }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use contracts::payload::{INLINE, Payload};
    use serde_json::json;

    use super::*;

    #[test]
    fn what_stands_apart_in_an_event_is_found_by_its_field() {
        let large = Payload::of(&json!("x".repeat(INLINE + 1))).expect("it is large");
        let reference = large.reference;
        let event = json!({
            "type": "step_started",
            "call": {"name": "add", "arguments": reference.to_value()},
            "items": [1, 2],
        });
        let mut found = Vec::new();
        collect("value", &event, &mut found);
        assert_eq!(found, [("arguments".to_owned(), reference)]);
    }
}
