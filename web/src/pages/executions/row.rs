//! One execution in the list.

use chrono::Utc;
use contracts::execution::{ExecutionSummary, Origin};
use dioxus::prelude::*;

use crate::{
    api::names::Names,
    format,
    live::{axis::millis, words},
    routes::Route,
    ui::{badge::StateBadge, time::Ago},
};

#[component]
pub(crate) fn Row(execution: ExecutionSummary, names: Names) -> Element {
    let (name, _, _) = names.origin(&execution.origin);
    let kind = kind_of(&execution.origin);
    let end = execution.finished_at.unwrap_or_else(Utc::now);
    let took = words::duration(millis(end) - millis(execution.created_at));
    let version = match (execution.origin.revision, execution.origin.version) {
        (Some(n), _) => format!("r{n}"),
        (None, Some(n)) => format!("v{n}"),
        (None, None) => "draft".to_owned(),
    };
    let error = execution.error.as_ref().map(|error| match &error.node {
        Some(node) => format!("{node}: {}", error.message),
        None => error.message.clone(),
    });
    rsx! {
        tr { "data-state": execution.state.as_str(),
            td { StateBadge { state: execution.state } }
            td { class: "what",
                Link { to: Route::execution(execution.id), "{name}" }
                span { class: "hint", " {kind} {version}" }
                if execution.asks > 0 {
                    p { class: "row-asks", "Waits for {format::plural(execution.asks as usize, \"answer\", \"answers\")}" }
                }
                if let Some(error) = error {
                    p { class: "row-error", title: "{error}", "{error}" }
                }
            }
            td { Ago { at: execution.created_at } }
            td { class: "end num", "{took}" }
            td { class: "end num", {format::tokens(&execution.usage)} }
            td { class: "end num", {words::money(&execution.usage)} }
        }
    }
}

fn kind_of(origin: &Origin) -> &'static str {
    match (origin.flow_id, origin.agent_id, origin.crew_id) {
        (Some(_), _, _) => "flow",
        (_, Some(_), _) => "agent",
        (_, _, Some(_)) => "crew",
        (None, None, None) => "",
    }
}
