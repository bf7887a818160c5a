//! The filters of the list of calls, in the address.

use contracts::{
    llm::{Model, Route as LlmRoute},
    page::Page as ListPage,
};
use dioxus::prelude::*;

use crate::{
    api::{names::short, query::use_get},
    pages::{providers::MODELS, saving::Replaced},
    params::Params,
    routes::Route,
    ui::{button::Button, icon::Glyph, select::SelectField},
};

/// In the address, and on the page.
const OUTCOMES: [(&str, &str); 3] = [
    ("", "All outcomes"),
    ("answered", "Answered"),
    ("failed", "Failed"),
];
const ROWS: &str = "50";
/// What stands before the names of routes among models.
const ROUTE: &str = "route/";

/// The filters as the API takes them.
pub(super) fn asked(params: &Params) -> Params {
    let get = |name: &str| params.get(name).unwrap_or_default();
    let (provider, model) = get("model").split_once('/').unwrap_or_default();
    let failed = match get("outcome") {
        "failed" => "true",
        "answered" => "false",
        _ => "",
    };
    Params::one("limit", ROWS)
        .with("provider", provider)
        .with("model", model)
        .with("route", get("route"))
        .with("execution_id", get("execution"))
        .with("failed", failed)
        .with("cursor", get("cursor"))
}

#[component]
pub(super) fn FilterBar(params: Params) -> Element {
    let models = use_get::<ListPage<Model>>(MODELS.into());
    let routes = use_get::<ListPage<LlmRoute>>(format!("{}?limit=200", LlmRoute::PATH));
    let models: Vec<_> = models.data().map_or_else(Vec::new, |page| {
        let ids = page.items.iter().map(|model| model.id.clone());
        ids.filter(|id| !id.starts_with(ROUTE)).collect()
    });
    let routes: Vec<_> = routes.data().map_or_else(Vec::new, |page| {
        page.items
            .iter()
            .map(|route| route.spec.name.clone())
            .collect()
    });
    let outcomes = OUTCOMES.map(|(word, text)| (word.to_owned(), text.to_owned()));
    let is_filtered = !params.with("cursor", "").is_empty();
    let by_outcome = params.clone();
    let of_all = params.with("execution", "");
    rsx! {
        div { class: "filter-bar", role: "group", "aria-label": "Filters",
            Choice { name: "model", label: "Model", all: "All models", known: models, params: params.clone() }
            Choice { name: "route", label: "Route", all: "With and without a route", known: routes, params: params.clone() }
            SelectField { label: "Outcome", bare: true, value: params.get("outcome").unwrap_or_default(), options: outcomes.to_vec(),
                onchange: move |word: String| go(by_outcome.with("outcome", &word)),
            }
            if let Some(id) = params.get("execution") {
                Button { icon: Glyph::Close, title: "Of all executions", onclick: move |_| go(of_all.clone()), {short(id)} }
            }
            if is_filtered {
                Button { icon: Glyph::Close, onclick: move |_| go(Params::default()), "Clear" }
            }
        }
    }
}

/// One of the names that are known, or the one that was chosen before it was gone.
#[component]
fn Choice(
    name: &'static str,
    label: &'static str,
    all: &'static str,
    known: Vec<String>,
    params: Params,
) -> Element {
    let value = params.get(name).unwrap_or_default().to_owned();
    let mut options = vec![(String::new(), all.to_owned())];
    options.extend(known.into_iter().map(|name| (name.clone(), name)));
    if options.iter().all(|(known, _)| *known != value) {
        options.push((value.clone(), value.clone()));
    }
    rsx! {
        SelectField { label, bare: true, value, options, onchange: move |value: String| go(params.with(name, &value)) }
    }
}

/// Another list begins at its first page.
fn go(params: Params) {
    let params = params.with("cursor", "");
    navigator().push(Route::Calls { params });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_are_those_of_the_api() {
        let params = Params::one("model", "bedrock/anthropic/claude")
            .with("outcome", "failed")
            .with("evil", "x");
        assert_eq!(
            asked(&params).query(),
            "?limit=50&provider=bedrock&model=anthropic%2Fclaude&failed=true"
        );
        let params = Params::one("route", "careful").with("outcome", "answered");
        assert_eq!(
            asked(&params).query(),
            "?limit=50&route=careful&failed=false"
        );
        let params = Params::one("execution", "exec_1");
        assert_eq!(asked(&params).query(), "?limit=50&execution_id=exec_1");
        assert_eq!(asked(&Params::default()).query(), "?limit=50");
    }
}
