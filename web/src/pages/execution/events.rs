//! The lens of raw events: the log as it is on the wire.

use dioxus::prelude::*;

use super::{
    timeline::{chosen, on_key, pick},
    virtual_list::VirtualList,
    watch::Watch,
};
use crate::live::spans::node_of;

const ROW: usize = 28;
/// Letters of an event's JSON in its row.
const PEEK: usize = 240;

#[component]
pub(crate) fn Events() -> Element {
    let watch = use_context::<Watch>();
    let total = watch.record.read().frames().len();
    rsx! {
        div { class: "event-head", "aria-hidden": "true",
            span { class: "event-n", "n" }
            span { class: "event-time", "Time (UTC)" }
            span { class: "event-kind", "Type" }
            span { class: "event-node", "Step" }
            span { class: "event-data", "Data" }
        }
        VirtualList {
            id: "events",
            label: "Events",
            role: "listbox",
            total,
            row_height: ROW,
            chosen: chosen(watch),
            onkeydown: move |event| on_key(watch, &event),
            render: move |row| rsx! { Row { row } },
        }
    }
}

#[component]
fn Row(row: usize) -> Element {
    let watch = use_context::<Watch>();
    let n = watch.n();
    let record = watch.record.read();
    let Some(frame) = record.frames().get(row) else {
        return rsx! {};
    };
    let node = node_of(&frame.event).unwrap_or_default();
    let data = data_of(&serde_json::to_value(&**frame).unwrap_or_default());
    rsx! {
        div {
            id: "events-{row}",
            class: "event-row",
            role: "option",
            "aria-selected": if frame.n == n { "true" } else { "false" },
            "data-past": if frame.n <= n { "true" } else { "false" },
            onclick: move |_| pick(watch, row),
            span { class: "event-n", "{frame.n}" }
            span { class: "event-time", {frame.ts.format("%H:%M:%S%.3f").to_string()} }
            span { class: "event-kind", {frame.event.kind()} }
            span { class: "event-node", title: "{node}", "{node}" }
            span { class: "event-data", "{data}" }
        }
    }
}

/// What the other columns do not show.
fn data_of(frame: &serde_json::Value) -> String {
    let Some(fields) = frame.as_object() else {
        return String::new();
    };
    let shown = ["n", "ts", "type", "node", "key"];
    let rest: serde_json::Map<_, _> = fields
        .iter()
        .filter(|(name, value)| !shown.contains(&name.as_str()) && !value.is_null())
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    let text = serde_json::Value::Object(rest).to_string();
    match text.char_indices().nth(PEEK) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_data_is_cut_between_letters() {
        let frame = serde_json::json!({"n": 1, "node": "a", "x": null, "output": "é".repeat(500)});
        let text = data_of(&frame);
        assert!(text.starts_with("{\"output\":\"é") && text.ends_with("é…"));
        assert_eq!(text.chars().count(), PEEK + 1);
    }
}
