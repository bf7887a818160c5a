//! The organization's flows: search and page in the address, create, duplicate, delete.

mod create;
pub(crate) mod file;
mod row;

use contracts::{
    Permission,
    execution::{ExecutionState, ExecutionSummary},
    flow::FlowSummary,
    id::FlowId,
    page::Page as ListPage,
};
use dioxus::prelude::*;

use self::{create::CreateFlowDialog, file::ImportButton, row::FlowRow};
use super::listing::{ListSearch, Pager, query};
use crate::{
    api::{
        names::use_member_names,
        query::{View, use_get},
        session,
    },
    params::Params,
    routes::Route,
    ui::{
        button::{Button, ButtonLink, Variant},
        empty::EmptyState,
        icon::Glyph,
        page::Page,
        problem::ProblemView,
        skeleton::Skeleton,
    },
};

const ROWS: &str = "25";
/// How many of a flow's last executions its row shows.
const DOTS: usize = 10;

/// The last executions of one flow, the newest last.
type Dots = Vec<(String, ExecutionState)>;

fn to(params: Params) -> Route {
    Route::Flows { params }
}

#[component]
pub(crate) fn Flows(params: Params) -> Element {
    let navigator = navigator();
    let mut creating = use_signal(|| false);
    let asked_new = params.get("new").is_some();
    use_effect(use_reactive!(|asked_new| {
        if asked_new {
            creating.set(true);
        }
    }));
    let asked = query(&params.with("limit", ROWS), &["search", "cursor", "limit"]);
    let flows = use_get::<ListPage<FlowSummary>>(format!("/flows{asked}"));
    let may_write = session::may(Permission::FlowWrite);
    let searched = params.get("search").is_some();
    rsx! {
        Page {
            title: "Flows",
            loaded: flows.is_settled(),
            actions: may_write.then(|| rsx! {
                ImportButton {}
                Button { variant: Variant::Primary, icon: Glyph::Plus, onclick: move |_| creating.set(true), "data-new": "", "New flow" }
            }),
            ListSearch { label: "Search flows", params: params.clone(), to }
            match flows.view() {
                View::Loading => rsx! { Skeleton { rows: 8 } },
                View::Failed(problem) => rsx! { ProblemView { problem, onretry: move |()| flows.refetch() } },
                View::Ready(page) if page.items.is_empty() && searched => rsx! {
                    EmptyState { glyph: Glyph::Search, text: "No flow has this in its name or description.",
                        ButtonLink { to: Route::flows(), "Show all flows" }
                    }
                },
                View::Ready(page) if page.items.is_empty() => rsx! {
                    EmptyState { glyph: Glyph::Flow, text: "A flow connects agents, tools and code. There is none yet.",
                        if may_write {
                            Button { icon: Glyph::Plus, onclick: move |_| creating.set(true), "New flow" }
                        }
                    }
                },
                View::Ready(page) => rsx! {
                    FlowTable { flows: page.items.clone(), may_write }
                    Pager { next: page.next.clone(), params: params.clone(), to }
                },
            }
        }
        if creating() {
            CreateFlowDialog {
                onclose: move |()| {
                    creating.set(false);
                    if asked_new {
                        navigator.replace(Route::Flows { params: params.with("new", "") });
                    }
                },
            }
        }
    }
}

#[component]
fn FlowTable(flows: Vec<FlowSummary>, may_write: bool) -> Element {
    let members = use_member_names();
    let latest = use_get::<ListPage<ExecutionSummary>>("/executions?limit=200".into());
    let latest = latest.data();
    let executions = latest
        .as_ref()
        .map(|page| page.items.as_slice())
        .unwrap_or_default();
    rsx! {
        div { class: "table-scroll", tabindex: "0", role: "region", "aria-label": "Flows",
            table { class: "table flows-table",
                thead {
                    tr {
                        th { scope: "col", "Name" }
                        th { scope: "col", "Latest executions" }
                        th { scope: "col", class: "wide-only", "Revision" }
                        th { scope: "col", class: "wide-only", "Created by" }
                        th { scope: "col", class: "wide-only", "Updated" }
                        th { scope: "col", span { class: "visually-hidden", "Actions" } }
                    }
                }
                tbody {
                    for flow in flows {
                        FlowRow {
                            key: "{flow.id}",
                            dots: dots(executions, flow.id),
                            owner: members.of(flow.created_by),
                            may_write,
                            flow,
                        }
                    }
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
