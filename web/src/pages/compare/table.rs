//! The nodes of both executions, in a table: what the pictures show to the eye.

use contracts::execution::{Comparison, NodeComparison, NodeOutcome};
use dioxus::prelude::*;

use super::words::{pair, reason, told};
use crate::{
    format,
    ui::{Tone, badge::Badge, icon::Glyph},
};

#[component]
pub(super) fn Table(compared: Comparison, chosen: Signal<Option<String>>) -> Element {
    rsx! {
        div { class: "table-scroll", tabindex: "0", role: "region", "aria-label": "Nodes of both executions",
            table { class: "table",
                thead {
                    tr {
                        th { scope: "col", "Node" }
                        th { scope: "col", "A" }
                        th { scope: "col", "B" }
                        th { scope: "col", "Difference" }
                        th { scope: "col", class: "end wide-only", "Time" }
                        th { scope: "col", class: "end wide-only", "Tokens" }
                        th { scope: "col", class: "end wide-only", "Price" }
                    }
                }
                tbody {
                    for node in compared.nodes {
                        Row { key: "{node.node}", node, chosen }
                    }
                }
            }
        }
    }
}

#[component]
fn Row(node: NodeComparison, chosen: Signal<Option<String>>) -> Element {
    let id = node.node.clone();
    let is_chosen = chosen.read().as_ref() == Some(&id);
    let each = |of: fn(&NodeOutcome) -> String| {
        let text = |outcome: &Option<NodeOutcome>| outcome.as_ref().map_or("–".to_owned(), of);
        pair(text(&node.execution), text(&node.with))
    };
    let tone = if node.same {
        Tone::Neutral
    } else {
        Tone::Accent
    };
    rsx! {
        tr { "data-chosen": is_chosen.then_some(""),
            td {
                button {
                    class: "link-button",
                    r#type: "button",
                    "aria-pressed": is_chosen.to_string(),
                    onclick: move |_| chosen.set((!is_chosen).then(|| id.clone())),
                    code { "{node.node}" }
                }
            }
            td { {told(node.execution.as_ref())} }
            td { {told(node.with.as_ref())} }
            td {
                Badge { tone, glyph: (!node.same).then_some(Glyph::Warning), {reason(&node)} }
            }
            td { class: "end num wide-only", {each(|it| format::duration(it.duration_ms))} }
            td { class: "end num wide-only", {each(|it| format::tokens(&it.usage))} }
            td { class: "end num wide-only", {each(|it| format::cost(&it.usage))} }
        }
    }
}
