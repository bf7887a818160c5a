//! The organization's flows: search and page in the address, create, duplicate, delete.

mod create;
pub(crate) mod file;
mod row;

use contracts::{Permission, flow::FlowSummary, page::Page as ListPage};
use dioxus::prelude::*;

use self::{create::CreateFlowDialog, file::ImportButton, row::FlowRow};
use super::listing::{ACTS, ListSearch, Listing, Words, query};
use crate::{
    api::{query::use_get, session},
    params::Params,
    routes::Route,
    ui::{
        button::{Button, Variant},
        icon::Glyph,
        page::Page,
    },
};

const ROWS: &str = "25";
const WORDS: Words = Words {
    label: "Flows",
    glyph: Glyph::Flow,
    none: "No flow has this in its name or description.",
    empty: "A flow connects agents, tools and code. There is none yet.",
    columns: &[
        ("Name", ""),
        ("Latest executions", ""),
        ("Revision", "wide-only"),
        ("Created by", "wide-only"),
        ("Updated", "wide-only"),
        (ACTS, ""),
    ],
};

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
    rsx! {
        Page {
            title: "Flows",
            loaded: flows.is_settled(),
            actions: may_write.then(|| rsx! {
                ImportButton {}
                Button { variant: Variant::Primary, icon: Glyph::Plus, onclick: move |_| creating.set(true), "data-new": "", "New flow" }
            }),
            ListSearch { label: "Search flows", params: params.clone(), to }
            Listing {
                words: WORDS,
                list: flows,
                params: params.clone(),
                to,
                class: "table flows-table",
                row: move |flow: FlowSummary| rsx! { FlowRow { key: "{flow.id}", may_write, flow } },
                if may_write {
                    Button { icon: Glyph::Plus, onclick: move |_| creating.set(true), "New flow" }
                }
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
