//! Starts an agent or a crew, shows its answer as it comes, and what ran before.

use contracts::{
    Permission, Problem,
    execution::{Accepted, Execution, ExecutionSummary},
    page::Page as ListPage,
    payload::reference_of,
};
use dioxus::prelude::*;
use serde::Serialize;
use serde_json::{Value, json};

use crate::{
    api::{
        self,
        query::{self, View, use_get},
        session,
    },
    dom, format,
    pages::value::ValueView,
    routes::Route,
    schema::initial,
    ui::{
        badge::StateBadge,
        button::{Button, Variant},
        code::{CodeBlock, pretty},
        icon::Glyph,
        problem::{ProblemLine, ProblemView},
        schema_form::SchemaForm,
        skeleton::Skeleton,
        time::Ago,
    },
};

/// How often an execution under way is read again.
const BEAT_MS: i32 = 600;

#[derive(Serialize)]
struct RunBody {
    input: Value,
}

/// `path` is the object's address in the API; `filter` finds its executions, for example `agent_id=…`.
/// A `prompt` is sent as a text, any other input as the object that the schema describes.
#[component]
pub(crate) fn RunPanel(
    path: String,
    filter: String,
    schema: Value,
    #[props(default)] prompt: bool,
    /// Offers a rehearsal on the free offline model.
    #[props(default)]
    testable: bool,
    #[props(default)] dirty: bool,
) -> Element {
    let mut input = use_signal(|| initial(&schema).unwrap_or_else(|| json!({})));
    let mut busy = use_signal(|| false);
    let mut problem = use_signal(|| None::<Problem>);
    let mut started = use_signal(|| None::<Accepted>);
    let start = use_callback(move |act: &'static str| {
        let path = format!("{path}/{act}");
        spawn(async move {
            if busy() {
                return;
            }
            busy.set(true);
            let input = match prompt {
                true => input().get("prompt").cloned().unwrap_or_default(),
                false => input(),
            };
            match api::post(&path, &RunBody { input }).await {
                Ok(accepted) => {
                    started.set(Some(accepted));
                    problem.set(None);
                    query::invalidate("/executions?");
                }
                Err(refused) => problem.set(Some(refused)),
            }
            busy.set(false);
        });
    });
    if !session::may(Permission::AgentRun) {
        return rsx! {
            h2 { "Run" }
            p { class: "hint", "Your role may look at executions, not begin them." }
            Recent { filter }
        };
    }
    rsx! {
        h2 { "Run" }
        form {
            class: "stack",
            onsubmit: move |event| {
                event.prevent_default();
                start.call("run");
            },
            SchemaForm { schema, value: input(), onchange: move |value: Value| input.set(value) }
            if let Some(problem) = problem() {
                ProblemLine { problem }
            }
            div { class: "row",
                Button { submit: true, busy: busy(), icon: Glyph::Play, "Run" }
                if testable {
                    Button {
                        variant: Variant::Quiet,
                        disabled: busy(),
                        title: "Every agent on the free offline model; tools are called for real",
                        onclick: move |_| start.call("test"),
                        "Test offline"
                    }
                }
                if dirty {
                    span { class: "hint", "Runs the version that was saved last." }
                }
            }
        }
        if let Some(accepted) = started() {
            Answer { key: "{accepted.id}", id: accepted.id.to_string() }
        }
        Recent { filter }
    }
}

/// The execution that was started last, until its end.
#[component]
fn Answer(id: String) -> Element {
    let execution = use_get::<Execution>(format!("/executions/{id}"));
    let watched = execution.clone();
    use_future(move || {
        let watched = watched.clone();
        async move {
            loop {
                dom::sleep_ms(BEAT_MS).await;
                if watched.data().is_some_and(|now| now.state.is_final()) {
                    query::invalidate("/executions?");
                    return;
                }
                watched.refetch();
            }
        }
    });
    let execution = match execution.view() {
        View::Loading => return rsx! { Skeleton { rows: 2 } },
        View::Failed(problem) => return rsx! { ProblemView { problem } },
        View::Ready(execution) => execution,
    };
    let error = execution.error.as_ref();
    rsx! {
        section { class: "stack answer", "aria-label": "Answer", role: "status",
            div { class: "row",
                StateBadge { state: execution.state }
                if execution.finished_at.is_some() {
                    span { class: "num muted", {format::tokens(&execution.usage)} " tokens · " {format::cost(&execution.usage)} }
                }
                span { class: "spread",
                    Link { to: Route::execution(&id), "Open the execution" }
                }
            }
            if let Some(error) = error {
                p { class: "problem-line", "{error.message}" }
            }
            match &execution.output {
                Some(Value::String(text)) => rsx! { p { class: "answer-text", "{text}" } },
                Some(Value::Null) | None => rsx! {},
                Some(apart) if reference_of(apart).is_some() => rsx! {
                    ValueView { execution: id, label: "Answer", value: apart.clone() }
                },
                Some(other) => match other.get("answer").or(other.get("text")) {
                    Some(Value::String(text)) => rsx! { p { class: "answer-text", "{text}" } },
                    _ => rsx! { CodeBlock { text: pretty(other), label: "Answer" } },
                },
            }
        }
    }
}

#[component]
fn Recent(filter: String) -> Element {
    let list = use_get::<ListPage<ExecutionSummary>>(format!("/executions?{filter}&limit=8"));
    let Some(page) = list.data().filter(|page| !page.items.is_empty()) else {
        return rsx! {};
    };
    rsx! {
        section {
            h3 { "Last executions" }
            ul { class: "recent",
                for execution in page.items.iter() {
                    li { key: "{execution.id}",
                        Link { to: Route::execution(execution.id), StateBadge { state: execution.state } }
                        span { class: "muted", Ago { at: execution.created_at } }
                        span { class: "spread num muted", {format::tokens(&execution.usage)} " tokens" }
                    }
                }
            }
        }
    }
}

/// The fields of the input that texts of the form `{{ input.x }}` name, as a schema: what a crew wants to know.
pub(crate) fn input_schema<'a>(texts: impl Iterator<Item = &'a str>) -> Value {
    let mut names = Vec::new();
    for text in texts {
        for inside in text.split("{{").skip(1) {
            let Some((expression, _)) = inside.split_once("}}") else {
                continue;
            };
            for (at, _) in expression.match_indices("input.") {
                let name: String = expression[at + "input.".len()..]
                    .chars()
                    .take_while(|letter| letter.is_alphanumeric() || *letter == '_')
                    .collect();
                if !name.is_empty() && !names.contains(&name) {
                    names.push(name);
                }
            }
        }
    }
    let text = json!({"type": "string"});
    let properties: serde_json::Map<_, _> = names
        .iter()
        .map(|name| (name.clone(), text.clone()))
        .collect();
    json!({"type": "object", "properties": properties, "required": names})
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::plain;

    #[test]
    fn the_input_is_what_the_tasks_name() {
        let schema = input_schema(
            [
                "Write about {{ input.topic }}.",
                "{{ input.topic | upper }} {{ input.to_whom }} input.no",
            ]
            .into_iter(),
        );
        let names: Vec<_> = schema["required"]
            .as_array()
            .expect("a list")
            .iter()
            .map(plain)
            .collect();
        assert_eq!(names, ["topic", "to_whom"]);
    }
}
