//! What a node gave in both executions, read from their histories.

use std::collections::BTreeMap;

use contracts::{Problem, execution::Events};
use dioxus::prelude::*;
use graph::view::ExecutionView;
use serde_json::Value;

use crate::{
    api::{
        self,
        query::{View, use_query},
    },
    pages::value::ValueView,
    ui::{problem::ProblemView, skeleton::Skeleton},
};

const HISTORY_PAGE: usize = 1000;

#[component]
pub(super) fn Outputs(id: String, with: String, node: String) -> Element {
    rsx! {
        section { class: "stack-s", "aria-label": "Outputs of {node}",
            h2 { "What " code { "{node}" } " gave" }
            div { class: "sides",
                Output { name: "A", id, node: node.clone() }
                Output { name: "B", id: with, node: node.clone() }
            }
        }
    }
}

#[component]
fn Output(name: &'static str, id: String, node: String) -> Element {
    let key = format!("outputs:{id}");
    let execution = id.clone();
    let outputs = use_query(key, move || {
        let id = id.clone();
        async move { read(&id).await }
    });
    rsx! {
        div { class: "side",
            h3 { "{name}" }
            match outputs.view() {
                View::Loading => rsx! { Skeleton { rows: 2 } },
                View::Failed(problem) => rsx! { ProblemView { problem, onretry: move |()| outputs.refetch() } },
                View::Ready(outputs) => match outputs.get(&node) {
                    Some(output) => rsx! { ValueView { execution, label: "Output of {node} in {name}", value: output.clone() } },
                    None => rsx! { p { class: "hint", "Nothing." } },
                },
            }
        }
    }
}

/// The outputs of all nodes at the end of an execution.
async fn read(id: &str) -> Result<BTreeMap<String, Value>, Problem> {
    let (mut view, mut after) = (ExecutionView::default(), 0);
    loop {
        let path = format!("/executions/{id}/events?after={after}&limit={HISTORY_PAGE}");
        let events: Events = api::get(&path).await?;
        for frame in &events.items {
            view.apply(frame);
        }
        match events.next.filter(|_| !events.items.is_empty()) {
            Some(next) => after = next,
            None => break,
        }
    }
    let nodes = view.nodes.into_iter();
    Ok(nodes
        .filter_map(|(path, node)| Some((path, node.output?)))
        .collect())
}
