//! Routes: one name for several models. List, create, change, remove.

mod deployments;
mod draft;
mod form;
mod order;
mod rule_fields;
mod rules;
mod words;

pub(super) use self::words::{REDACTIONS, redaction_look};

use std::rc::Rc;

use contracts::{
    llm::{Route as LlmRoute, RouteSpec, RouteStrategy},
    page::Page as ListPage,
};
use dioxus::prelude::*;

use self::{
    draft::share,
    form::RouteDialog,
    words::{fallback_text, strategy_look},
};
use super::{
    model_pages::ModelName,
    providers::MODELS,
    replaced::{Acts, Editing, ReplacedPage},
    saving::Replaced,
};
use crate::{
    api::query::use_get,
    ui::{icon::Glyph, time::Ago},
};

const NOTE: &str = "Agents and flows that name it fail until they name another. Its models stay.";

impl Replaced for LlmRoute {
    type Spec = RouteSpec;
    const PATH: &'static str = "/llm/routes";
    const KIND: &'static str = "route";
    // Routes are named where models are.
    const STALE: &'static [&'static str] = &[Self::PATH, MODELS];
    fn key(&self) -> String {
        self.id.to_string()
    }
    fn name(&self) -> &str {
        &self.spec.name
    }
    fn version(&self) -> u32 {
        self.version
    }
    fn spec(&self) -> &RouteSpec {
        &self.spec
    }
}

fn dialog((route, onclose): Editing<LlmRoute>) -> Element {
    rsx! {
        RouteDialog { route, onclose }
    }
}

#[component]
pub(crate) fn LlmRoutes() -> Element {
    let list = use_get::<ListPage<LlmRoute>>(format!("{}?limit=200", LlmRoute::PATH));
    rsx! {
        ReplacedPage {
            title: "Routes",
            hint: "One name for several models, usable wherever a model is: where one fails, is limited or too slow, another is asked before the caller hears a word.",
            glyph: Glyph::Branch,
            empty: "No route yet: agents and flows name models, and fail with them.",
            list,
            show: |page: Rc<ListPage<LlmRoute>>| rsx! { Table { routes: page.items.clone() } },
            dialog,
        }
    }
}

#[component]
fn Table(routes: Vec<LlmRoute>) -> Element {
    rsx! {
        div { class: "table-scroll", tabindex: "0", role: "region", "aria-label": "Routes",
            table { class: "table",
                thead {
                    tr {
                        th { scope: "col", "Name" }
                        th { scope: "col", class: "wide-only", "Strategy" }
                        th { scope: "col", "Models" }
                        th { scope: "col", class: "wide-only", "Asks the next" }
                        th { scope: "col", class: "wide-only", "Changed" }
                        th { scope: "col", span { class: "visually-hidden", "Actions" } }
                    }
                }
                tbody {
                    for route in routes {
                        Row { key: "{route.id}", route }
                    }
                }
            }
        }
    }
}

#[component]
fn Row(route: LlmRoute) -> Element {
    let spec = &route.spec;
    let (strategy, _) = strategy_look(spec.strategy);
    rsx! {
        tr {
            td {
                strong { "{spec.name}" }
                p { class: "hint narrow-only", "{strategy}" }
            }
            td { class: "wide-only", "{strategy}" }
            td { Models { spec: spec.clone() } }
            td { class: "wide-only muted", {fallback_text(&spec.fallback_on)} }
            td { class: "wide-only muted", Ago { at: route.updated_at } }
            td { class: "end", Acts { item: route.clone(), note: NOTE, dialog } }
        }
    }
}

/// The models of a route in their order; with their shares where chance decides.
#[component]
fn Models(spec: RouteSpec) -> Element {
    let weights: Vec<_> = spec.deployments.iter().map(|it| it.weight).collect();
    let weighted = spec.strategy == RouteStrategy::Weighted;
    rsx! {
        ol { class: "route-models",
            for (index , deployment) in spec.deployments.iter().enumerate() {
                li { key: "{index}",
                    if weighted {
                        span { class: "num muted", {share(&weights, index)} }
                    } else {
                        span { class: "num muted", "{index + 1}" }
                    }
                    " "
                    ModelName { provider: deployment.provider.clone(), model: deployment.model.clone() }
                }
            }
        }
    }
}
