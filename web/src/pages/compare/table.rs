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
            // As cards, where the page is narrow: the roles say that it is a table all the same.
            table { class: "table comparison", role: "table",
                thead { role: "rowgroup",
                    tr { role: "row",
                        th { scope: "col", role: "columnheader", "Node" }
                        th { scope: "col", role: "columnheader", "A" }
                        th { scope: "col", role: "columnheader", "B" }
                        th { scope: "col", role: "columnheader", "Difference" }
                        th { scope: "col", role: "columnheader", class: "end", "Time" }
                        th { scope: "col", role: "columnheader", class: "end", "Tokens" }
                        th { scope: "col", role: "columnheader", class: "end", "Price" }
                    }
                }
                tbody { role: "rowgroup",
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
        tr {
            role: "row",
            "data-chosen": is_chosen.then_some(""),
            "data-changed": (!node.same).then_some(""),
            td { role: "cell",
                button {
                    class: "link-button",
                    r#type: "button",
                    "aria-pressed": is_chosen.to_string(),
                    onclick: move |_| chosen.set((!is_chosen).then(|| id.clone())),
                    code { "{node.node}" }
                }
            }
            td { role: "cell", "data-label": "A", {told(node.execution.as_ref())} }
            td { role: "cell", "data-label": "B", {told(node.with.as_ref())} }
            td { role: "cell",
                Badge { tone, glyph: (!node.same).then_some(Glyph::Warning), {reason(&node)} }
            }
            td { role: "cell", class: "end num", "data-label": "Time", {each(|it| format::duration(it.duration_ms))} }
            td { role: "cell", class: "end num", "data-label": "Tokens", {each(|it| format::tokens(&it.usage))} }
            td { role: "cell", class: "end num", "data-label": "Price", {each(|it| format::cost(&it.usage))} }
        }
    }
}
