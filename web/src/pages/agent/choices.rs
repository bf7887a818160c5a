//! What an agent can be given: a model, tools, knowledge bases.

use contracts::{
    id::{BaseId, ToolId},
    knowledge::Base,
    llm::Model as LlmModel,
    page::Page as ListPage,
    tool::ToolSummary,
};
use dioxus::prelude::*;

use crate::{api::query::use_get, pages::picking::Picker, ui::select::SelectField};

#[component]
pub(crate) fn Model(
    label: String,
    value: Option<String>,
    error: Option<String>,
    onchange: EventHandler<Option<String>>,
) -> Element {
    let models = use_get::<ListPage<LlmModel>>("/llm/models".into());
    let mut options = vec![(String::new(), "The organization's default".to_owned())];
    if let Some(models) = models.data() {
        options.extend(
            models
                .items
                .iter()
                .map(|model| (model.id.clone(), model.id.clone())),
        );
    }
    // What was chosen stays to be seen, also where its provider is gone.
    if let Some(value) = value
        .as_ref()
        .filter(|value| options.iter().all(|(id, _)| id != *value))
    {
        options.push((value.clone(), value.clone()));
    }
    rsx! {
        SelectField {
            label,
            value: value.unwrap_or_default(),
            options,
            error,
            onchange: move |id: String| onchange.call((!id.is_empty()).then_some(id)),
        }
    }
}

#[component]
pub(crate) fn ToolPicker(
    tools: Vec<ToolId>,
    error: Option<String>,
    onchange: EventHandler<Vec<ToolId>>,
) -> Element {
    let known = use_get::<ListPage<ToolSummary>>("/tools?limit=200".into());
    let options: Vec<_> = known.data().map_or_else(Vec::new, |page| {
        page.items
            .iter()
            .map(|tool| (tool.id.to_string(), tool.name.clone()))
            .collect()
    });
    let (before, left) = (tools.clone(), tools.clone());
    rsx! {
        Picker {
            label: "Tools",
            add: "Add a tool…",
            chosen: named(tools.iter().map(ToString::to_string), &options),
            options,
            error,
            hint: "Each is called at the version that is newest when a run begins.",
            onadd: move |id: String| onchange.call(before.iter().copied().chain(id.parse()).collect()),
            onremove: move |id: String| onchange.call(left.iter().copied().filter(|tool| tool.to_string() != id).collect()),
        }
    }
}

#[component]
pub(crate) fn Bases(
    bases: Vec<BaseId>,
    error: Option<String>,
    onchange: EventHandler<Vec<BaseId>>,
) -> Element {
    let known = use_get::<ListPage<Base>>("/knowledge/bases?limit=200".into());
    let options: Vec<_> = known.data().map_or_else(Vec::new, |page| {
        page.items
            .iter()
            .map(|base| (base.id.to_string(), base.name.clone()))
            .collect()
    });
    let (before, left) = (bases.clone(), bases.clone());
    rsx! {
        Picker {
            label: "Knowledge",
            add: "Add a knowledge base…",
            chosen: named(bases.iter().map(ToString::to_string), &options),
            options,
            error,
            onadd: move |id: String| onchange.call(before.iter().copied().chain(id.parse()).collect()),
            onremove: move |id: String| onchange.call(left.iter().copied().filter(|base| base.to_string() != id).collect()),
        }
    }
}

/// What is chosen with its name, or with its id where it is gone.
pub(crate) fn named(
    ids: impl Iterator<Item = String>,
    options: &[(String, String)],
) -> Vec<(String, String)> {
    ids.map(|id| {
        let name = options.iter().find(|(known, _)| *known == id);
        let name = name.map_or_else(|| id.clone(), |(_, name)| name.clone());
        (id, name)
    })
    .collect()
}
