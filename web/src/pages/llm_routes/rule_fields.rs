//! The fields for a route's limits, its cache and its guardrails, folded away until somebody wants them.

use contracts::{
    FieldProblem, Problem,
    llm::{ModelKind, Provider},
    page::Page as ListPage,
};
use dioxus::prelude::*;

use super::{
    draft::Draft,
    words::{REDACTIONS, redaction_look},
};
use crate::{
    api::query::use_get,
    ui::{
        field::{TextArea, TextField},
        problem::{field_error, sentence},
        select::SelectField,
        switch::Switch,
    },
};

const PROVIDERS: &str = "/llm-providers?limit=200";
/// Makes vectors offline, at no price.
const REHEARSAL: &str = "rehearsal/rehearsal";

/// What is folded away, and open once something in it is wrong.
#[component]
pub(super) fn Fold(title: &'static str, wrong: bool, children: Element) -> Element {
    let mut open = use_signal(|| false);
    use_effect(use_reactive!(|wrong| if wrong {
        open.set(true);
    }));
    rsx! {
        details { class: "fold", open: open(),
            summary { "{title}" }
            {children}
        }
    }
}

/// Whether one of these fields is wrong.
pub(super) fn is_wrong(problem: Option<&Problem>, paths: &[&str]) -> bool {
    let errors = problem.map_or(&[][..], |problem| &problem.errors);
    let at = |error: &FieldProblem| paths.iter().any(|path| error.path.starts_with(path));
    errors.iter().any(at)
}

#[component]
pub(super) fn Bound(
    label: &'static str,
    hint: &'static str,
    value: String,
    error: Option<String>,
    oninput: EventHandler<String>,
) -> Element {
    rsx! {
        TextField { label, hint, value, error, inputmode: "numeric", oninput }
    }
}

#[component]
pub(super) fn RuleFields(draft: Signal<Draft>, problem: Option<Problem>) -> Element {
    rsx! {
        Limits { draft, problem: problem.clone() }
        Cache { draft, problem: problem.clone() }
        Rails { draft, problem }
    }
}

#[component]
fn Limits(draft: Signal<Draft>, problem: Option<Problem>) -> Element {
    let now = draft().limits;
    let wrong = |path: &str| field_error(problem.as_ref(), path);
    rsx! {
        Fold { title: "Limits", wrong: is_wrong(problem.as_ref(), &["/limits"]),
            div { class: "fields",
                Bound { label: "Questions a minute", hint: "Empty: not limited.", value: now.requests, error: wrong("/limits/requests_per_minute"), oninput: move |text| draft.write().limits.requests = text }
                Bound { label: "Tokens a minute", hint: "Of questions and answers. Empty: not limited.", value: now.tokens, error: wrong("/limits/tokens_per_minute"), oninput: move |text| draft.write().limits.tokens = text }
                Bound { label: "Questions at the same time", hint: "Empty: not limited.", value: now.parallel, error: wrong("/limits/parallel"), oninput: move |text| draft.write().limits.parallel = text }
            }
        }
    }
}

#[component]
fn Cache(draft: Signal<Draft>, problem: Option<Problem>) -> Element {
    let now = draft().cache;
    let wrong = |path: &str| field_error(problem.as_ref(), path);
    rsx! {
        Fold { title: "Cache", wrong: is_wrong(problem.as_ref(), &["/cache"]),
            div { class: "stack",
                Switch {
                    label: "Equal questions get the same answer again",
                    hint: "At no price, in this organization alone. A change of the route begins anew.",
                    checked: now.on,
                    onchange: move |on| draft.write().cache.on = on,
                }
                if now.on {
                    div { class: "fields",
                        Bound { label: "An answer counts for (seconds)", hint: "3600 are an hour, 86400 a day; 30 days at most.", value: now.ttl_s, error: wrong("/cache/ttl_s"), oninput: move |text| draft.write().cache.ttl_s = text }
                    }
                    Switch {
                        label: "Also questions that mean the same",
                        hint: "The words of the last message are compared by a model for vectors, which each new question pays; all else has to be equal. An answer may fit the new question less.",
                        checked: now.by_meaning,
                        onchange: move |on| draft.write().cache.by_meaning = on,
                    }
                    if now.by_meaning {
                        Meaning { draft, problem: problem.clone() }
                    }
                }
            }
        }
    }
}

#[component]
fn Meaning(draft: Signal<Draft>, problem: Option<Problem>) -> Element {
    let providers = use_get::<ListPage<Provider>>(PROVIDERS.into());
    let now = draft().cache;
    let wrong = |path: &str| field_error(problem.as_ref(), path);
    let mut known = vec![
        (String::new(), "Choose a model".to_owned()),
        (
            REHEARSAL.to_owned(),
            format!("{REHEARSAL} (offline, by words)"),
        ),
    ];
    if let Some(page) = providers.data() {
        let names = page.items.iter().flat_map(vector_models);
        known.extend(names.map(|name| (name.clone(), name)));
    }
    if known.iter().all(|(name, _)| *name != now.model) {
        known.push((now.model.clone(), now.model.clone()));
    }
    rsx! {
        div { class: "fields",
            SelectField { label: "Model for vectors", value: now.model, options: known, error: wrong("/cache/semantic/model"), onchange: move |name: String| draft.write().cache.model = name }
            TextField { label: "Alike from", inputmode: "decimal", hint: "0.5 to 1, the cosine of two vectors. Less finds more, and errs more often.", value: now.threshold, error: wrong("/cache/semantic/threshold"), oninput: move |text| draft.write().cache.threshold = text }
            Bound { label: "Answers that are compared", hint: "The newest, 2000 at most.", value: now.max_entries, error: wrong("/cache/semantic/max_entries"), oninput: move |text| draft.write().cache.max_entries = text }
        }
    }
}

fn vector_models(provider: &Provider) -> Vec<String> {
    let models = provider
        .models
        .iter()
        .filter(|it| it.kind == ModelKind::Embedding);
    models
        .map(|model| format!("{}/{}", provider.name, model.name))
        .collect()
}

#[component]
fn Rails(draft: Signal<Draft>, problem: Option<Problem>) -> Element {
    let now = draft().rails;
    let wrong = |path: &str| field_error(problem.as_ref(), path);
    rsx! {
        Fold { title: "Guardrails", wrong: is_wrong(problem.as_ref(), &["/guardrails"]),
            div { class: "stack",
                fieldset { class: "stack-s",
                    legend { class: "legend", "Strikes out of questions and answers" }
                    for kind in REDACTIONS {
                        Switch {
                            key: "{kind:?}",
                            label: redaction_look(kind),
                            checked: now.redact.contains(&kind),
                            onchange: move |on| draft.write().rails.set_redaction(kind, on),
                        }
                    }
                }
                TextArea {
                    label: "Blocked texts",
                    hint: "One a line, up to 100, whatever their case. A question or an answer that holds one fails.",
                    value: now.blocked,
                    error: blocked_error(problem.as_ref()),
                    oninput: move |text| draft.write().rails.blocked = text,
                }
                Switch {
                    label: "Answers are JSON objects",
                    checked: now.json_only,
                    onchange: move |on| draft.write().rails.json_only = on,
                }
                div { class: "fields",
                    Bound { label: "Tokens of an answer at most", hint: "Empty: as many as the question says.", value: now.max_output_tokens, error: wrong("/guardrails/max_output_tokens"), oninput: move |text| draft.write().rails.max_output_tokens = text }
                }
            }
        }
    }
}

/// The first of the texts that is wrong, by its number.
fn blocked_error(problem: Option<&Problem>) -> Option<String> {
    const PATH: &str = "/guardrails/blocked";
    let error = problem?
        .errors
        .iter()
        .find(|it| it.path.starts_with(PATH))?;
    let place = error.path[PATH.len()..].trim_start_matches('/');
    Some(match place.parse::<usize>() {
        Ok(place) => format!("Text {}: {}", place + 1, sentence(&error.message)),
        Err(_) => sentence(&error.message),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::problem::invalid;

    fn problem(path: &str) -> Problem {
        let error = FieldProblem {
            path: path.into(),
            message: "1 to 200 characters".into(),
        };
        invalid("the route is not valid", vec![error])
    }

    #[test]
    fn a_blocked_text_is_told_by_its_number() {
        let told = blocked_error(Some(&problem("/guardrails/blocked/2")));
        assert_eq!(told.as_deref(), Some("Text 3: 1 to 200 characters."));
        let told = blocked_error(Some(&problem("/guardrails/blocked")));
        assert_eq!(told.as_deref(), Some("1 to 200 characters."));
        assert_eq!(blocked_error(Some(&problem("/name"))), None);
    }

    #[test]
    fn what_is_wrong_is_unfolded() {
        let problem = problem("/cache/ttl_s");
        assert!(is_wrong(Some(&problem), &["/limits", "/cache"]));
        assert!(!is_wrong(Some(&problem), &["/limits"]));
        assert!(!is_wrong(None, &["/limits"]));
    }
}
