//! Micro services on NATS that answer at this moment, each to be made a tool of.

use contracts::{
    Problem, Role,
    tool::{Approval, DiscoveredTool, DiscoveredTools, Tool, ToolKind, ToolSpec},
};
use dioxus::prelude::*;
use serde_json::json;

use crate::{
    api::{
        self,
        query::{self, View, use_get},
    },
    routes::Route,
    ui::{
        button::Button,
        dialog::Dialog,
        empty::EmptyState,
        icon::Glyph,
        problem::{ProblemLine, ProblemView, sentence},
        skeleton::Skeleton,
    },
};

#[component]
pub(crate) fn Discover(onclose: EventHandler<()>) -> Element {
    let found = use_get::<DiscoveredTools>("/tools/discover".into());
    let again = found.clone();
    rsx! {
        Dialog { title: "Micro services on NATS", wide: true, onclose,
            match found.view() {
                View::Loading => rsx! { Skeleton { rows: 3 } },
                View::Failed(problem) => rsx! { ProblemView { problem, onretry: move |()| found.refetch() } },
                View::Ready(found) if found.items.is_empty() => rsx! {
                    EmptyState { glyph: Glyph::Search, text: "No micro service of this organization answers at this moment.",
                        Button { icon: Glyph::Refresh, onclick: move |_| again.refetch(), "Look again" }
                    }
                },
                View::Ready(found) => rsx! {
                    ul { class: "rows",
                        for tool in found.items.iter() {
                            Found { key: "{tool.name}", tool: tool.clone() }
                        }
                    }
                },
            }
        }
    }
}

#[component]
fn Found(tool: DiscoveredTool) -> Element {
    let navigator = navigator();
    let (mut busy, mut problem) = (use_signal(|| false), use_signal(|| None::<Problem>));
    let spec = ToolSpec {
        name: tool.name.clone(),
        kind: ToolKind::Nats,
        description: match tool.description.is_empty() {
            true => format!("The micro service {}.", tool.name),
            false => tool.description.clone(),
        },
        input_schema: tool.input_schema.clone(),
        output_schema: None,
        config: json!({"name": tool.name}),
        approval: Approval::None,
        timeout_ms: None,
        least_role: Role::Operator,
    };
    rsx! {
        li { class: "stack list-item",
            div { class: "row",
                strong { class: "mono", "{tool.name}" }
                span { class: "muted", "{tool.description}" }
                span { class: "spread",
                    Button {
                        small: true,
                        busy: busy(),
                        icon: Glyph::Plus,
                        onclick: move |_| {
                            let spec = spec.clone();
                            async move {
                                busy.set(true);
                                match api::post::<Tool>("/tools", &spec).await {
                                    Ok(tool) => {
                                        query::invalidate("/tools");
                                        navigator.push(Route::tool(tool.id));
                                    }
                                    Err(refused) => problem.set(Some(refused)),
                                }
                                busy.set(false);
                            }
                        },
                        "Make a tool"
                    }
                }
            }
            if let Some(note) = &tool.problem {
                p { class: "hint", {sentence(note)} }
            }
            if let Some(problem) = problem() {
                ProblemLine { problem }
            }
        }
    }
}
