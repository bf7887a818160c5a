//! The flows that name an agent, and a new one around it.

use contracts::{
    Permission,
    flow::{AgentFlow, Flow},
    page::Page as ListPage,
};
use dioxus::prelude::*;
use serde_json::json;

use crate::{
    api::{
        self,
        query::{View, use_get},
        session,
    },
    routes::Route,
    ui::{
        badge::Badge, button::Button, empty::EmptyState, icon::Glyph, problem::ProblemView,
        skeleton::Skeleton, time::Ago, toast,
    },
};

#[component]
pub(crate) fn Flows(path: String) -> Element {
    let list = use_get::<ListPage<AgentFlow>>(format!("{path}/workflows?limit=100"));
    let may_write = session::may(Permission::FlowWrite);
    rsx! {
        if may_write {
            NewFlow { path }
        }
        match list.view() {
            View::Loading => rsx! { Skeleton {} },
            View::Failed(problem) => rsx! { ProblemView { problem, onretry: move |()| list.refetch() } },
            View::Ready(page) if page.items.is_empty() => rsx! { EmptyState { glyph: Glyph::Flow, text: "No flow names this agent yet." } },
            View::Ready(page) => rsx! {
                ul { class: "rows",
                    for flow in page.items.iter() {
                        li { key: "{flow.id}", class: "list-item",
                            div { class: "row",
                                Link { to: Route::flow(flow.id), "{flow.name}" }
                                if flow.draft {
                                    Badge { "draft" }
                                }
                                if let Some(revision) = flow.revision.filter(|_| flow.published) {
                                    Badge { "revision {revision}" }
                                }
                                span { class: "spread muted", Ago { at: flow.updated_at } }
                            }
                        }
                    }
                }
            },
        }
    }
}

/// Makes the draft of a flow from a chat trigger over the agent to an output, and opens it.
#[component]
fn NewFlow(path: String) -> Element {
    let navigator = navigator();
    let mut busy = use_signal(|| false);
    rsx! {
        div { class: "row",
            Button {
                icon: Glyph::Plus,
                busy: busy(),
                onclick: move |_| {
                    let path = format!("{path}/workflows");
                    async move {
                        busy.set(true);
                        match api::post::<Flow>(&path, &json!({})).await {
                            Ok(flow) => {
                                navigator.push(Route::flow(flow.id));
                            }
                            Err(problem) => toast::problem(&problem),
                        }
                        busy.set(false);
                    }
                },
                "New flow around this agent"
            }
        }
    }
}
