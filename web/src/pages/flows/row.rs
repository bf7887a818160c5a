//! One flow of the list, with what can be done to it.

use contracts::{
    Problem,
    execution::{ExecutionState, ExecutionSummary},
    flow::{CreateFlow, Flow, FlowSummary},
    id::FlowId,
    page::Page,
};
use dioxus::prelude::*;

use super::file;
use crate::{
    api::{
        self,
        names::use_member_names,
        query::{self, use_get},
    },
    params::Params,
    routes::Route,
    ui::{
        Tone,
        badge::state_look,
        confirm::Confirm,
        icon::{Glyph, Icon},
        menu::{Menu, MenuItem, MenuLine},
        time::Ago,
        toast,
    },
};

/// How many of a flow's last executions its row shows.
const DOTS: usize = 10;

/// The last executions of one flow, the newest last.
type Dots = Vec<(String, ExecutionState)>;

#[component]
pub(super) fn FlowRow(flow: FlowSummary, may_write: bool) -> Element {
    let navigator = navigator();
    let owner = use_member_names().of(flow.created_by);
    let latest = use_get::<Page<ExecutionSummary>>("/executions?limit=200".into());
    let dots = latest
        .data()
        .map(|page| dots(&page.items, flow.id))
        .unwrap_or_default();
    let mut deleting = use_signal(|| false);
    let id = flow.id;
    let filter = Params::one("flow_id", &id.to_string());
    rsx! {
        tr {
            td {
                Link { to: Route::flow(id), "{flow.name}" }
                if !flow.description.is_empty() {
                    p { class: "hint clip", "{flow.description}" }
                }
            }
            td { DotStrip { dots } }
            td { class: "num wide-only",
                match flow.revision {
                    Some(revision) => rsx! { "{revision}" },
                    None => rsx! { span { class: "muted", "draft" } },
                }
            }
            td { class: "muted wide-only", "{owner}" }
            td { class: "muted wide-only", Ago { at: flow.updated_at } }
            td { class: "end",
                Menu { label: "Actions for {flow.name}", trigger: rsx! { Icon { glyph: Glyph::More } },
                    MenuItem { glyph: Glyph::Execution, onclick: move |()| { navigator.push(Route::Executions { params: filter.clone() }); }, "Show executions" }
                    MenuItem { glyph: Glyph::Download, onclick: move |()| { spawn(async move { file::export(&format!("/flows/{id}")).await }); }, "Export as JSON" }
                    if may_write {
                        MenuItem { glyph: Glyph::Copy, onclick: move |()| { spawn(duplicate(id.to_string())); }, "Duplicate" }
                        MenuLine {}
                        MenuItem { glyph: Glyph::Trash, tone: Tone::Err, onclick: move |()| deleting.set(true), "Delete" }
                    }
                }
                if deleting() {
                    DeleteFlow { flow, onclose: move |()| deleting.set(false) }
                }
            }
        }
    }
}

fn dots(executions: &[ExecutionSummary], flow_id: FlowId) -> Dots {
    let own = executions
        .iter()
        .filter(|execution| execution.origin.flow_id == Some(flow_id));
    let mut dots: Dots = own
        .take(DOTS)
        .map(|execution| (execution.id.to_string(), execution.state))
        .collect();
    dots.reverse();
    dots
}

/// The shape says the state as well as the colour; each dot leads to its execution.
#[component]
fn DotStrip(dots: Dots) -> Element {
    rsx! {
        if dots.is_empty() {
            span { class: "muted", "none lately" }
        }
        div { class: "dots",
            for (id , state) in dots {
                Link { key: "{id}", to: Route::execution(&id), class: "dot", "data-tone": state_look(state).0.as_str(), "aria-label": "Execution, {state.as_str()}", title: "{state.as_str()}",
                    Icon { glyph: state_look(state).1, size: 14 }
                }
            }
        }
    }
}

#[component]
fn DeleteFlow(flow: FlowSummary, onclose: EventHandler<()>) -> Element {
    let mut busy = use_signal(|| false);
    let mut problem = use_signal(|| None::<Problem>);
    let (id, name) = (flow.id, flow.name.clone());
    let delete = move |()| {
        let name = name.clone();
        spawn(async move {
            busy.set(true);
            match api::delete(&format!("/flows/{id}")).await {
                Ok(()) => {
                    toast::done(format!("Deleted “{name}”."));
                    query::invalidate("/flows");
                    onclose.call(());
                }
                Err(refusal) => {
                    problem.set(Some(refusal));
                    busy.set(false);
                }
            }
        });
    };
    rsx! {
        Confirm { title: "Delete “{flow.name}”?", act: "Delete flow", busy: busy(), problem: problem(), onconfirm: delete, onclose,
            p { "It can be neither opened nor executed any more. Its executions stay readable." }
        }
    }
}

async fn duplicate(id: String) {
    let copied = async {
        let flow: Flow = api::get(&format!("/flows/{id}")).await?;
        let name = format!("{} (copy)", flow.name).chars().take(200).collect();
        let copy = CreateFlow {
            name,
            description: flow.description,
            definition: flow.definition,
        };
        api::post::<Flow>("/flows", &copy).await
    };
    match copied.await {
        Ok(flow) => {
            toast::done(format!("Created “{}”.", flow.name));
            query::invalidate("/flows");
        }
        Err(problem) => toast::problem(&problem),
    }
}
