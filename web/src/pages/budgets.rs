//! Budgets: what may be spent on models, and what was. List, create, change, remove.

mod draft;
mod form;
mod level;
mod meter;
mod words;

use std::rc::Rc;

use contracts::{
    llm::{Budget, BudgetSpec, BudgetUsage, Unpriced},
    page::Page as ListPage,
};
use dioxus::prelude::*;

use self::{
    form::BudgetDialog,
    level::Level,
    meter::Meter,
    words::{period_text, scope_text, since_text, subject_text},
};
use super::{
    replaced::{Acts, Editing, ReplacedPage},
    saving::Replaced,
};
use crate::{
    api::{
        names::{use_member_names, use_names},
        query::{self, use_get},
    },
    format::dollars,
    listen::use_interval,
    ui::{badge::Badge, icon::Glyph},
};

const NOTE: &str = "It limits nothing from then on, and what was spent of it is forgotten.";
/// How often the figures are read.
const EVERY_MS: i32 = 10_000;
/// Of those whose spending is limited one by one, as many are shown at once.
const SHOWN: usize = 3;

impl Replaced for Budget {
    type Spec = BudgetSpec;
    const PATH: &'static str = "/llm/budgets";
    const KIND: &'static str = "budget";
    const STALE: &'static [&'static str] = &[Self::PATH];
    fn key(&self) -> String {
        self.id.to_string()
    }
    fn name(&self) -> &str {
        &self.spec.name
    }
    fn version(&self) -> u32 {
        self.version
    }
    fn spec(&self) -> &BudgetSpec {
        &self.spec
    }
}

fn dialog((budget, onclose): Editing<Budget>) -> Element {
    rsx! {
        BudgetDialog { budget, onclose }
    }
}

#[component]
pub(crate) fn Budgets() -> Element {
    let list = use_get::<ListPage<Budget>>(format!("{}?limit=200", Budget::PATH));
    use_interval(EVERY_MS, || query::invalidate(Budget::PATH));
    rsx! {
        ReplacedPage {
            title: "Budgets",
            hint: "A question to a model is refused where a budget has no room for the most that it may cost. Days and months are UTC.",
            glyph: Glyph::Budget,
            empty: "No budget yet: nothing limits what models may cost.",
            list,
            show: |page: Rc<ListPage<Budget>>| rsx! {
                ul { class: "budgets", "aria-label": "Budgets",
                    for budget in page.items.iter() {
                        Item { key: "{budget.id}", budget: budget.clone() }
                    }
                }
            },
            dialog,
        }
    }
}

#[component]
fn Item(budget: Budget) -> Element {
    let spec = &budget.spec;
    let (flows, members) = (use_names(), use_member_names());
    let level = Level::of(&budget);
    let mut said = vec![scope_text(spec, &flows, &members)];
    said.extend(since_text(&budget));
    if spec.unpriced == Unpriced::Ignore {
        said.push("models without a price are not counted".into());
    }
    rsx! {
        li { class: "budget", "data-level": level.as_str(),
            div { class: "budget-head",
                div { class: "budget-name",
                    h2 { "{spec.name}" }
                    if let Some((tone, glyph, text)) = level.look() {
                        Badge { tone, glyph, "{text}" }
                    }
                }
                span { class: "num", {dollars(spec.limit)} " " {period_text(spec.period)} }
                Acts { item: budget.clone(), note: NOTE, dialog }
            }
            p { class: "hint", {said.join(" · ")} }
            Figures { budget: budget.clone() }
        }
    }
}

/// What was spent, by whom it limits.
#[component]
fn Figures(budget: Budget) -> Element {
    let (flows, members) = (use_names(), use_member_names());
    let spec = budget.spec.clone();
    let meter = |usage: &BudgetUsage| {
        let subject = subject_text(&spec, usage, &flows, &members);
        let key = usage.subject.clone().unwrap_or_default();
        rsx! {
            li { key: "{key}",
                Meter { name: spec.name.clone(), subject, spec: spec.clone(), usage: usage.clone() }
            }
        }
    };
    let (first, rest) = budget.usage.split_at(budget.usage.len().min(SHOWN));
    rsx! {
        if first.is_empty() {
            p { class: "hint", "Nothing was spent of it." }
        }
        ul { class: "stack-s", {first.iter().map(meter)} }
        if !rest.is_empty() {
            details { class: "fold",
                summary { "{rest.len()} more" }
                ul { class: "stack-s", {rest.iter().map(meter)} }
            }
        }
    }
}
