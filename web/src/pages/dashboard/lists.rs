//! Executions in progress, and those that failed lately.

use contracts::{execution::ExecutionSummary, page::Page as ListPage};
use dioxus::prelude::*;

use crate::{
    api::{
        names::{Names, use_names},
        query::{Query, View},
    },
    format,
    routes::Route,
    ui::{
        badge::StateBadge,
        icon::Icon,
        problem::{ProblemView, sentence},
        skeleton::Skeleton,
        time::Ago,
    },
};

#[component]
pub(super) fn InProgress(
    running: Query<ListPage<ExecutionSummary>>,
    waiting: Query<ListPage<ExecutionSummary>>,
) -> Element {
    let names = use_names();
    let pages = [running.data(), waiting.data()];
    let executions: Vec<_> = pages
        .iter()
        .flatten()
        .flat_map(|page| page.items.iter())
        .collect();
    rsx! {
        if executions.is_empty() {
            p { class: "muted", "Nothing runs at present." }
        }
        ul { class: "board-list",
            for execution in executions {
                li { key: "{execution.id}",
                    Subject { execution: execution.clone(), names: names.clone() }
                    StateBadge { state: execution.state }
                    span { class: "num muted spread", {elapsed(execution)} }
                }
            }
        }
    }
}

#[component]
pub(super) fn Failures(failed: Query<ListPage<ExecutionSummary>>) -> Element {
    let names = use_names();
    match failed.view() {
        View::Loading => rsx! { Skeleton { rows: 2 } },
        View::Failed(problem) => {
            rsx! { ProblemView { problem, onretry: move |()| failed.refetch() } }
        }
        View::Ready(page) if page.items.is_empty() => {
            rsx! { p { class: "muted", "Nothing failed." } }
        }
        View::Ready(page) => rsx! {
            ul { class: "board-list",
                for execution in page.items.iter() {
                    li { key: "{execution.id}",
                        Subject { execution: execution.clone(), names: names.clone() }
                        span { class: "board-error", {reason(execution)} }
                        span { class: "muted spread", Ago { at: execution.created_at } }
                    }
                }
            }
        },
    }
}

#[component]
fn Subject(execution: ExecutionSummary, names: Names) -> Element {
    let (name, _, glyph) = names.origin(&execution.origin);
    rsx! {
        Link { to: Route::execution(execution.id), class: "board-subject",
            Icon { glyph }
            span { "{name}" }
        }
    }
}

/// The step and what it said.
fn reason(execution: &ExecutionSummary) -> String {
    let Some(error) = &execution.error else {
        return String::new();
    };
    match &error.node {
        Some(node) => format!("{node}: {}", sentence(&error.message)),
        None => sentence(&error.message),
    }
}

fn elapsed(execution: &ExecutionSummary) -> String {
    let end = execution.finished_at.unwrap_or_else(chrono::Utc::now);
    let ms = (end - execution.created_at).num_milliseconds();
    format::duration(u64::try_from(ms).unwrap_or_default())
}
