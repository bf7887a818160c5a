//! One call: whom it asked, what it took, how it ended.

use contracts::{
    Permission,
    id::CallId,
    llm::{CallBodies, CallRecord},
};
use dioxus::prelude::*;
use serde_json::Value;

use super::{
    calls::{Asked, Outcome, attempts_of},
    model_pages::{ModelName, ModelPage},
};
use crate::{
    api::{
        names::{short, use_member_names, use_names},
        query::{View, use_get},
        session,
    },
    format,
    live::words,
    params::Params,
    routes::Route,
    ui::{data::Data, problem::ProblemView, skeleton::Skeleton, time::Ago},
};

#[component]
pub(crate) fn Call(id: String) -> Element {
    let call = use_get::<CallRecord>(format!("/llm/calls/{id}"));
    rsx! {
        ModelPage {
            title: "Call",
            loaded: call.is_settled(),
            match call.view() {
                View::Loading => rsx! { Skeleton {} },
                View::Failed(problem) => rsx! { ProblemView { problem, onretry: move |()| call.refetch() } },
                View::Ready(call) => rsx! {
                    div { class: "row",
                        Asked { call: (*call).clone() }
                        Outcome { error: call.error.clone() }
                    }
                    Facts { call: (*call).clone() }
                    Attempts { call: (*call).clone() }
                    Recorded { call: (*call).clone() }
                },
            }
        }
    }
}

#[component]
fn Facts(call: CallRecord) -> Element {
    let (flows, members) = (use_names(), use_member_names());
    let estimated = if call.estimated { ", estimated" } else { "" };
    rsx! {
        dl { class: "facts",
            Fact { term: "Asked", Ago { at: call.at } }
            Fact { term: "Duration", {format::duration(call.duration_ms)} }
            Fact { term: "Prompt", {words::count(call.usage.prompt_tokens)} " tokens{estimated}" }
            Fact { term: "Completion", {words::count(call.usage.completion_tokens)} " tokens{estimated}" }
            Fact { term: "Price", {words::money(&call.usage)} }
            if let Some(version) = &call.price_version {
                Fact { term: "Prices of", "{version}" }
            }
            if call.cached {
                Fact { term: "Answer", {told_again(call.similarity)} }
            }
            if let Some(route) = &call.route {
                Fact { term: "Route", code { "{route}" } }
            }
            if let Some(id) = call.execution_id {
                Fact { term: "Execution", Link { to: step_of(&call, id), {short(&id.to_string())} } }
            }
            if let Some(id) = call.flow_id {
                Fact { term: "Flow", Link { to: Route::flow(id), {flows.of(id)} } }
            }
            if let Some(node) = &call.node {
                Fact { term: "Step", code { "{node}" } }
            }
            if let Some(id) = call.user_id {
                Fact { term: "In the name of", {members.of(id)} }
            }
            Fact { term: "Id", code { "{call.id}" } }
        }
    }
}

#[component]
fn Fact(term: &'static str, children: Element) -> Element {
    rsx! {
        div { class: "fact", dt { "{term}" } dd { {children} } }
    }
}

/// Of what earlier question the answer is.
fn told_again(similarity: Option<f64>) -> String {
    match similarity {
        None => "told again from the cache".to_owned(),
        Some(near) => format!(
            "told again, to a question that is {:.1} % alike",
            near * 100.0
        ),
    }
}

/// The step that asked, on the page of its execution.
fn step_of(call: &CallRecord, execution: impl ToString) -> Route {
    Route::Execution {
        id: execution.to_string(),
        params: Params::one("step", call.node.as_deref().unwrap_or_default()),
    }
}

#[component]
fn Attempts(call: CallRecord) -> Element {
    let attempts = attempts_of(&call);
    rsx! {
        section { class: "stack-s",
            h2 { "Attempts" }
            div { class: "table-scroll", tabindex: "0", role: "region", "aria-label": "Attempts",
                table { class: "table attempts-table",
                    thead {
                        tr {
                            th { scope: "col", class: "end", "No." }
                            th { scope: "col", "Asked" }
                            th { scope: "col", class: "wide-only", "Key" }
                            th { scope: "col", "Outcome" }
                            th { scope: "col", class: "end", "After" }
                            th { scope: "col", class: "end", "Price" }
                        }
                    }
                    tbody {
                        for (index , attempt) in attempts.iter().enumerate() {
                            tr { key: "{index}",
                                td { class: "end num muted", "{index + 1}" }
                                td { ModelName { provider: attempt.provider.clone(), model: attempt.model.clone() } }
                                td { class: "wide-only num", "{attempt.key}" }
                                td { Outcome { error: attempt.error.clone() } }
                                td { class: "end num", {format::duration(attempt.duration_ms)} }
                                td { class: "end num", {attempt.usage.as_ref().map_or_else(|| "–".to_owned(), format::cost)} }
                            }
                        }
                    }
                }
            }
            if attempts.is_empty() {
                p { class: "muted", "Nobody was asked: it was refused before." }
            } else if attempts.len() > 1 {
                p { class: "hint", "An attempt whose answer was of no use is paid all the same: it is in the price of the call." }
            }
        }
    }
}

/// The words of question and answer, or where else they may be.
#[component]
fn Recorded(call: CallRecord) -> Element {
    rsx! {
        section { class: "stack-s",
            h2 { "Question and answer" }
            match (call.recorded, session::may(Permission::ProviderWrite)) {
                (true, true) => rsx! { Words { id: call.id } },
                (true, false) => rsx! {
                    p { class: "muted", "They are kept for those who may change providers. " Step { call } }
                },
                (false, _) => rsx! {
                    p { class: "muted",
                        "They were not kept with the call. "
                        Step { call }
                    }
                },
            }
        }
    }
}

#[component]
fn Step(call: CallRecord) -> Element {
    rsx! {
        if let Some(id) = call.execution_id {
            Link { to: step_of(&call, id), "The step that asked" }
            " has what its execution recorded."
        }
    }
}

#[component]
fn Words(id: CallId) -> Element {
    let words = use_get::<CallBodies>(format!("/llm/calls/{id}/bodies"));
    match words.view() {
        View::Loading => rsx! { Skeleton {} },
        View::Failed(problem) => {
            rsx! { ProblemView { problem, onretry: move |()| words.refetch() } }
        }
        View::Ready(words) => rsx! {
            h3 { "Question" }
            Data { label: "Question", value: read(&words.request) }
            h3 { "Answer" }
            match &words.response {
                Some(response) => rsx! { Data { label: "Answer", value: read(response) } },
                None => rsx! { p { class: "muted", "None that has words." } },
            }
            if words.cut {
                p { class: "hint", "What is longer than 256 KiB is cut." }
            }
        },
    }
}

/// What was cut is no JSON any more.
fn read(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn words_that_were_cut_are_shown_as_they_are() {
        assert_eq!(read(r#"{"n": 1}"#), json!({"n": 1}));
        assert_eq!(read(r#"{"n": "#), json!("{\"n\": "));
    }
}
