//! The calls that models were asked, the newest first, with filters in the address, and what of their words is kept.

mod filters;
mod recording;

use contracts::{
    llm::{CallAttempt, CallRecord},
    page::Page as ListPage,
};
use dioxus::prelude::*;

use self::{
    filters::{FilterBar, asked},
    recording::Kept,
};
use super::{
    listing::{Listing, Words},
    model_pages::{ModelName, ModelPage},
};
use crate::{
    api::{names::short, query::use_get},
    format,
    params::Params,
    routes::Route,
    ui::{
        Tone,
        badge::Badge,
        button::{Button, Variant},
        icon::Glyph,
        time::Ago,
    },
};

const WORDS: Words = Words {
    label: "Calls",
    glyph: Glyph::Chat,
    none: "No call fits these filters.",
    empty: "No model was asked yet.",
    columns: &[
        ("Asked", ""),
        ("Model", ""),
        ("Outcome", ""),
        ("Execution", "wide-only"),
        ("Attempts", "end wide-only"),
        ("Duration", "end wide-only"),
        ("Tokens", "end wide-only"),
        ("Price", "end"),
    ],
};

fn to(params: Params) -> Route {
    Route::Calls { params }
}

#[component]
pub(crate) fn Calls(params: Params) -> Element {
    let list = use_get::<ListPage<CallRecord>>(format!("/llm/calls{}", asked(&params).query()));
    let again = list.clone();
    rsx! {
        ModelPage {
            title: "Calls",
            loaded: list.is_settled(),
            actions: rsx! {
                Button { variant: Variant::Quiet, icon: Glyph::Refresh, onclick: move |_| again.refetch(), "Refresh" }
            },
            FilterBar { params: params.clone() }
            Listing {
                words: WORDS,
                list,
                params,
                to,
                row: move |call: CallRecord| rsx! {
                    Row { key: "{call.id}", call }
                },
            }
            p { class: "hint", "A call is here within seconds of its end, and as long as the archive keeps it." }
            Kept {}
        }
    }
}

#[component]
fn Row(call: CallRecord) -> Element {
    rsx! {
        tr {
            td { Link { to: Route::call(call.id), Ago { at: call.at } } }
            td { class: "what",
                Asked { call: call.clone() }
                if let Some(route) = &call.route {
                    p { class: "hint", "by the route {route}" }
                }
            }
            td { Outcome { error: call.error.clone() } }
            td { class: "wide-only",
                if let Some(id) = call.execution_id {
                    Link { to: Route::execution(id), {short(&id.to_string())} }
                }
            }
            td { class: "end num wide-only", {attempts_of(&call).len().to_string()} }
            td { class: "end num wide-only", {format::duration(call.duration_ms)} }
            td { class: "end num wide-only", {format::tokens(&call.usage)} }
            td { class: "end num", {format::cost(&call.usage)} }
        }
    }
}

/// How it ended, with the stable word of a failure.
#[component]
pub(crate) fn Outcome(error: Option<String>) -> Element {
    match error {
        Some(error) => rsx! {
            Badge { tone: Tone::Err, glyph: Glyph::Error, code { "{error}" } }
        },
        None => rsx! {
            Badge { tone: Tone::Ok, glyph: Glyph::Success, "Answered" }
        },
    }
}

/// The one that was asked last; none where the call failed before it came to that.
#[component]
pub(crate) fn Asked(call: CallRecord) -> Element {
    match call.provider.is_empty() {
        true => rsx! {
            span { class: "muted", "nobody" }
        },
        false => rsx! {
            ModelName { provider: call.provider, model: call.model }
        },
    }
}

/// What is said of a call that was refused before anybody was asked.
const REFUSED: [&str; 3] = ["budget_exceeded", "price_unknown", "route_rests"];

/// Where a model with one key was named there is one attempt, which is not told apart from the call.
pub(crate) fn attempts_of(call: &CallRecord) -> Vec<CallAttempt> {
    let refused = call
        .error
        .as_deref()
        .is_some_and(|it| REFUSED.contains(&it));
    if !call.attempts.is_empty() || call.provider.is_empty() || refused {
        return call.attempts.clone();
    }
    vec![CallAttempt {
        provider: call.provider.clone(),
        model: call.model.clone(),
        key: 1,
        error: call.error.clone(),
        duration_ms: call.duration_ms,
        usage: Some(call.usage),
    }]
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use contracts::{execution::Usage, id::CallId};

    use super::*;

    fn call() -> CallRecord {
        CallRecord {
            id: CallId::EXAMPLE,
            provider: "openai".into(),
            model: "gpt-4o".into(),
            route: None,
            execution_id: None,
            flow_id: None,
            node: None,
            user_id: None,
            usage: Usage::ZERO,
            price_version: None,
            estimated: false,
            cached: false,
            similarity: None,
            duration_ms: 12,
            error: Some("upstream_timeout".into()),
            at: DateTime::UNIX_EPOCH,
            attempts: Vec::new(),
            recorded: false,
        }
    }

    #[test]
    fn one_attempt_is_the_call_itself() {
        let attempts = attempts_of(&call());
        assert_eq!(attempts.len(), 1);
        assert_eq!(attempts[0].error.as_deref(), Some("upstream_timeout"));
        let told = CallRecord {
            attempts: vec![attempts[0].clone(), attempts[0].clone()],
            ..call()
        };
        assert_eq!(attempts_of(&told).len(), 2);
    }

    #[test]
    fn who_was_refused_before_asked_nobody() {
        let nowhere = CallRecord {
            provider: String::new(),
            ..call()
        };
        assert!(attempts_of(&nowhere).is_empty());
        let refused = CallRecord {
            error: Some("budget_exceeded".into()),
            ..call()
        };
        assert!(attempts_of(&refused).is_empty());
    }
}
