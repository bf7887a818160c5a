//! Creating a flow: a name, and a start that runs as it stands.

use contracts::{
    Problem,
    flow::{CreateFlow, Definition, Flow},
};
use dioxus::prelude::*;
use serde_json::json;

use crate::{
    api::{self, query},
    routes::Route,
    ui::{
        button::{Button, Variant},
        dialog::{Dialog, DialogActions},
        field::{TextArea, TextField},
        problem::{ProblemLine, field_error},
        select::SelectField,
    },
};

type Make = fn() -> serde_json::Value;

/// Key, title and definition of a start.
const STARTS: [(&str, &str, Make); 3] = [
    ("blank", "Trigger and output", blank),
    ("model", "Ask a model", model),
    ("branch", "Fetch, then decide", branch),
];

fn blank() -> serde_json::Value {
    json!({
        "nodes": [
            {"id": "start", "type": "trigger", "position": {"x": 80, "y": 160}},
            {"id": "end", "type": "output", "config": {"value": "{{ input }}"}, "position": {"x": 400, "y": 160}}
        ],
        "edges": [{"from": "start", "to": "end"}]
    })
}

fn model() -> serde_json::Value {
    json!({
        "nodes": [
            {"id": "start", "type": "trigger", "position": {"x": 80, "y": 160}},
            {"id": "answer", "type": "llm", "config": {"prompt": "Explain {{ input.topic }} in two sentences."}, "position": {"x": 400, "y": 160}},
            {"id": "end", "type": "output", "config": {"value": "{{ nodes.answer.output }}"}, "position": {"x": 720, "y": 160}}
        ],
        "edges": [{"from": "start", "to": "answer"}, {"from": "answer", "to": "end"}],
        "input_schema": {"type": "object", "required": ["topic"], "properties": {"topic": {"type": "string"}}}
    })
}

fn branch() -> serde_json::Value {
    json!({
        "nodes": [
            {"id": "start", "type": "trigger", "position": {"x": 80, "y": 200}},
            {"id": "fetch", "type": "http", "config": {"method": "GET", "url": "{{ input.url }}"}, "position": {"x": 360, "y": 200}},
            {"id": "good", "type": "condition", "config": {"cases": [{"port": "yes", "when": "nodes.fetch.output.status == 200"}], "default_port": "no"}, "position": {"x": 640, "y": 200}},
            {"id": "body", "type": "output", "config": {"value": "{{ nodes.fetch.output.body }}"}, "position": {"x": 940, "y": 120}},
            {"id": "sorry", "type": "output", "config": {"value": "The page is not there."}, "position": {"x": 940, "y": 280}}
        ],
        "edges": [
            {"from": "start", "to": "fetch"}, {"from": "fetch", "to": "good"},
            {"from": "good", "from_port": "yes", "to": "body"}, {"from": "good", "from_port": "no", "to": "sorry"}
        ],
        "input_schema": {"type": "object", "required": ["url"], "properties": {"url": {"type": "string"}}}
    })
}

fn definition(start: &str) -> Definition {
    let found = STARTS.iter().find(|(key, _, _)| *key == start);
    let make = found.map_or(blank as Make, |(_, _, make)| *make);
    serde_json::from_value(make()).expect("a start is a definition")
}

#[component]
pub(crate) fn CreateFlowDialog(onclose: EventHandler<()>) -> Element {
    let navigator = navigator();
    let mut name = use_signal(String::new);
    let mut description = use_signal(String::new);
    let mut start = use_signal(|| "blank".to_owned());
    let mut problem = use_signal(|| None::<Problem>);
    let mut busy = use_signal(|| false);
    let submit = move |event: FormEvent| async move {
        event.prevent_default();
        busy.set(true);
        let form = CreateFlow {
            name: name(),
            description: description(),
            definition: definition(&start()),
        };
        match api::post::<Flow>("/flows", &form).await {
            Ok(flow) => {
                query::invalidate("/flows");
                navigator.push(Route::flow(flow.id));
            }
            Err(refusal) => {
                problem.set(Some(refusal));
                busy.set(false);
            }
        }
    };
    let wrong = |path: &str| field_error(problem.read().as_ref(), path);
    let options: Vec<_> = STARTS
        .iter()
        .map(|(key, title, _)| ((*key).to_owned(), (*title).to_owned()))
        .collect();
    rsx! {
        Dialog { title: "New flow", onclose,
            form { onsubmit: submit,
                div { class: "stack",
                    TextField { label: "Name", required: true, focused: true, maxlength: 200, value: name(), error: wrong("/name"), oninput: move |text| name.set(text) }
                    TextArea { label: "Description", rows: 2, value: description(), error: wrong("/description"), oninput: move |text| description.set(text) }
                    SelectField { label: "Begin with", value: start(), options, onchange: move |key| start.set(key) }
                    if let Some(problem) = problem().filter(|problem| problem.errors.is_empty()) {
                        ProblemLine { problem }
                    }
                }
                DialogActions {
                    Button { onclick: move |_| onclose.call(()), "Cancel" }
                    Button { variant: Variant::Primary, submit: true, busy: busy(), "Create flow" }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_start_is_a_definition() {
        for (key, _, _) in STARTS {
            assert!(definition(key).nodes.len() >= 2, "{key}");
        }
    }
}
