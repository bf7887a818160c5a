//! Says what is waited for: a person, or a place among the executions of the flow.

use contracts::execution::ExecutionState;
use dioxus::prelude::*;
use graph::view::NodeState;

use super::watch::Watch;
use crate::{
    live::spans::Span,
    ui::{
        button::Button,
        icon::{Glyph, Icon},
    },
};

/// Says at the top what an execution waits for before it goes on.
#[component]
pub(crate) fn Waiting() -> Element {
    let mut watch = use_context::<Watch>();
    let record = watch.record.read();
    let view = record.view();
    let asking: Vec<(String, String)> = record
        .spans()
        .list()
        .iter()
        .filter(|span| {
            view.nodes
                .get(&span.path)
                .is_some_and(|node| node.state == NodeState::Asking)
        })
        .filter_map(|span| Some((span.path.clone(), said(span)?)))
        .collect();
    rsx! {
        if view.state == ExecutionState::Queued {
            div { class: "waiting-bar", role: "status",
                Icon { glyph: Glyph::Waiting }
                span { "Waits for its turn: as many executions of its flow run as may run at a time." }
            }
        }
        for (path , said) in asking {
            div { key: "{path}", class: "waiting-bar", role: "status",
                Icon { glyph: Glyph::Waiting }
                span { "{said}" }
                Button { small: true, onclick: move |_| watch.select(Some(path.clone())), "Review" }
            }
        }
    }
}

fn said(span: &Span) -> Option<String> {
    let call = span.asked.as_ref();
    let question = span.question.as_ref();
    call.map(|asked| format!("The call of {} waits for approval.", asked.name))
        .or_else(|| question.map(|asked| format!("Waits for an answer: {}", asked.title)))
}
