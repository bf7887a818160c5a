//! What the kind of a tool asks for: a program, a form, a flow, or JSON.

use std::rc::Rc;

use contracts::{
    flow::FlowSummary,
    page::Page as ListPage,
    tool::{Tool, ToolKind},
};
use dioxus::prelude::*;
use serde_json::{Value, json};

use super::kind::{config_schema, look};
use crate::{
    api::query::use_get,
    pages::{editing::Edit, json_text::JsonText},
    schema::problem_at,
    ui::{code_editor::CodeEditor, schema_form::SchemaForm, select::SelectField},
};

#[component]
pub(crate) fn Config(edit: Edit<Tool>) -> Element {
    let (kind, config) = {
        let draft = edit.draft.read();
        (draft.kind, draft.config.clone())
    };
    let problems = edit
        .problem
        .read()
        .as_ref()
        .map(|problem| problem.errors.clone());
    let problems = Rc::new(problems.unwrap_or_default());
    let change = move |config: Value| edit.change(|draft| draft.config = config);
    let (language, hint) = match kind {
        ToolKind::Python => (
            "python",
            "A function run gets the arguments by name and returns what has a JSON form.",
        ),
        _ => (
            "javascript",
            "A module whose default export is a function of the arguments. No network, no files.",
        ),
    };
    match kind {
        ToolKind::Javascript | ToolKind::Python => rsx! {
            CodeEditor {
                label: look(kind).1,
                language,
                value: config.get("source").and_then(Value::as_str).unwrap_or_default(),
                hint,
                error: problem_at(&problems, "/config/source"),
                oninput: move |source: String| change(json!({"source": source})),
            }
        },
        ToolKind::Flow => rsx! {
            FlowSelect {
                value: config.get("flow_id").and_then(Value::as_str).unwrap_or_default(),
                error: problem_at(&problems, "/config/flow_id"),
                onchange: move |id: String| change(json!({"flow_id": id})),
            }
        },
        ToolKind::Openapi => rsx! {
            JsonText { label: "Operation", value: config, error: problem_at(&problems, "/config"), onchange: change }
        },
        ToolKind::Builtin
        | ToolKind::Http
        | ToolKind::Container
        | ToolKind::Nats
        | ToolKind::Mcp => rsx! {
            SchemaForm {
                schema: config_schema(kind).unwrap_or_default(),
                value: config,
                path: "/config",
                problems,
                onchange: change,
            }
        },
    }
}

#[component]
fn FlowSelect(value: String, error: Option<String>, onchange: EventHandler<String>) -> Element {
    let flows = use_get::<ListPage<FlowSummary>>("/flows?limit=200".into());
    let mut options = vec![(String::new(), "Choose a flow".to_owned())];
    if let Some(flows) = flows.data() {
        options.extend(
            flows
                .items
                .iter()
                .map(|flow| (flow.id.to_string(), flow.name.to_string())),
        );
    }
    rsx! {
        SelectField { label: "Flow", value, options, error, onchange, hint: "Runs as an execution of its own; only agents call it." }
    }
}
