//! Making a route, or changing one.

use contracts::{
    Problem,
    llm::{Route as LlmRoute, RouteSpec, RouteStrategy},
};
use dioxus::prelude::*;

use super::{
    deployments::Deployments,
    draft::Draft,
    rule_fields::{Bound, Fold, RuleFields, is_wrong},
    words::{FALLBACKS, STRATEGIES, fallback_look, strategy_look, strategy_word},
};
use crate::{
    pages::saving::{SaveDialog, use_saving},
    ui::{field::TextField, problem::field_error, select::SelectField, switch::Switch},
};

#[component]
pub(super) fn RouteDialog(route: Option<LlmRoute>, onclose: EventHandler<()>) -> Element {
    let draft = use_signal(|| match &route {
        Some(route) => Draft::of(&route.spec),
        None => Draft::of(&RouteSpec::ordered("", [])),
    });
    let saving = use_saving(route);
    let mut taken = draft;
    rsx! {
        SaveDialog {
            saving,
            spec: move |()| draft.peek().spec(),
            ontake: move |theirs: LlmRoute| taken.set(Draft::of(&theirs.spec)),
            onclose,
            Fields { draft, is_new: saving.is_new(), problem: (saving.problem)() }
        }
    }
}

#[component]
fn Fields(draft: Signal<Draft>, is_new: bool, problem: Option<Problem>) -> Element {
    let now = draft();
    let wrong = |path: &str| field_error(problem.as_ref(), path);
    let (_, whom_first) = strategy_look(now.strategy);
    let strategies = STRATEGIES
        .map(|strategy| {
            let text = strategy_look(strategy).0;
            (strategy_word(strategy).to_owned(), text.to_owned())
        })
        .to_vec();
    rsx! {
        div { class: "fields",
            TextField {
                label: "Name",
                required: true,
                focused: is_new,
                disabled: !is_new,
                pattern: "[A-Za-z0-9_\\-]+",
                maxlength: 64,
                "spellcheck": "false",
                hint: if is_new { "It stays: agents and flows know the route by it." } else { "Agents and flows know the route by it." },
                value: now.name,
                error: wrong("/name"),
                oninput: move |text| draft.write().name = text,
            }
            SelectField {
                label: "Asks first",
                value: strategy_word(now.strategy),
                options: strategies,
                hint: whom_first,
                error: wrong("/strategy"),
                onchange: move |word: String| {
                    let chosen = STRATEGIES.into_iter().find(|it| strategy_word(*it) == word);
                    draft.write().strategy = chosen.unwrap_or(RouteStrategy::Ordered);
                },
            }
        }
        Deployments { draft, problem: problem.clone() }
        fieldset { class: "stack-s",
            legend { class: "legend", "Asks the next when" }
            for fallback in FALLBACKS {
                Switch {
                    key: "{fallback:?}",
                    label: fallback_look(fallback).1,
                    checked: now.fallback_on.contains(&fallback),
                    onchange: move |on| draft.write().set_fallback(fallback, on),
                }
            }
        }
        Bounds { draft, problem: problem.clone() }
        RuleFields { draft, problem }
    }
}

/// The fields of [`Bounds`], as the service names them.
const BOUNDS: [&str; 5] = [
    "/max_attempts",
    "/backoff_ms",
    "/max_wait_ms",
    "/first_token_timeout_ms",
    "/token_timeout_ms",
];

/// How often and how long it tries.
#[component]
fn Bounds(draft: Signal<Draft>, problem: Option<Problem>) -> Element {
    let now = draft();
    let wrong = |path: &str| field_error(problem.as_ref(), path);
    rsx! {
        Fold { title: "Attempts and times", wrong: is_wrong(problem.as_ref(), &BOUNDS),
            div { class: "fields",
                Bound { label: "Attempts in all", hint: "1 to 20.", value: now.max_attempts, error: wrong("/max_attempts"), oninput: move |text| draft.write().max_attempts = text }
                Bound { label: "Pause after a round (ms)", hint: "Once all failed; doubled each time.", value: now.backoff_ms, error: wrong("/backoff_ms"), oninput: move |text| draft.write().backoff_ms = text }
                Bound { label: "All pauses together (ms)", hint: "Those that vendors ask for included.", value: now.max_wait_ms, error: wrong("/max_wait_ms"), oninput: move |text| draft.write().max_wait_ms = text }
                Bound { label: "To the first word (ms)", hint: "Empty: the gateway's own bound.", value: now.first_token_timeout_ms, error: wrong("/first_token_timeout_ms"), oninput: move |text| draft.write().first_token_timeout_ms = text }
                Bound { label: "Between two words (ms)", hint: "Empty: the gateway's own bound.", value: now.token_timeout_ms, error: wrong("/token_timeout_ms"), oninput: move |text| draft.write().token_timeout_ms = text }
            }
        }
    }
}
