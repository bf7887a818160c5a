//! The definition of a tool beside the form that its schema makes, on which it can be tried.

use std::rc::Rc;

use contracts::{
    Role,
    tool::{Approval, Tool, ToolSpec},
};
use dioxus::prelude::*;

use super::{attempt::Attempt, config::Config, kind::look};
use crate::{
    pages::{
        editing::{Edit, use_edit},
        frame::Frame,
        json_text::JsonText,
    },
    ui::{
        badge::Badge,
        field::{TextArea, TextField},
        problem::{ProblemLine, field_error},
        select::SelectField,
        switch::Switch,
    },
};

#[component]
pub(crate) fn ToolEditor(
    tool: Option<Rc<Tool>>,
    blank: Option<ToolSpec>,
    #[props(default)] tab: String,
    children: Element,
) -> Element {
    let edit = use_edit(tool.clone(), || blank.unwrap_or_else(ToolSpec::example));
    let (glyph, kind_name) = look(edit.draft.read().kind);
    let title = match &tool {
        Some(tool) => tool.name.clone(),
        None => format!("New tool: {kind_name}"),
    };
    rsx! {
        Frame {
            edit,
            saved: tool.clone(),
            title: title.clone(),
            heading: rsx! {
                h1 { class: if tool.is_some() { "mono-title" }, "{title}" }
                Badge { glyph, "{kind_name}" }
            },
            tab,
            form: rsx! { Definition { edit, is_new: tool.is_none() } },
            pane_label: "Try it",
            pane: rsx! { Attempt { edit, tool } },
            {children}
        }
    }
}

#[component]
fn Definition(edit: Edit<Tool>, is_new: bool) -> Element {
    let draft = edit.draft.read().clone();
    let refused = edit.problem.read().clone();
    let error = |path| field_error(refused.as_ref(), path);
    rsx! {
        if let Some(problem) = refused.clone() {
            ProblemLine { problem }
        }
        if is_new {
            TextField {
                label: "Name",
                value: draft.name,
                required: true,
                focused: true,
                autocomplete: "off",
                hint: "What models call it: letters, digits, _ or -. It stays.",
                error: error("/name"),
                oninput: move |text| edit.change(|draft| draft.name = text),
            }
        }
        TextArea {
            label: "Description",
            value: draft.description,
            rows: 2,
            hint: "For the models that choose among tools, and for people.",
            error: error("/description"),
            oninput: move |text| edit.change(|draft| draft.description = text),
        }
        Config { edit }
        JsonText {
            label: "Schema of the arguments",
            value: draft.input_schema,
            hint: "JSON Schema 2020-12, an object. The form beside it follows.",
            error: error("/input_schema"),
            onchange: move |value| edit.change(|draft| draft.input_schema = value),
        }
        Switch {
            label: "Check results against a schema",
            checked: draft.output_schema.is_some(),
            onchange: move |on: bool| edit.change(|draft| draft.output_schema = on.then(|| serde_json::json!({}))),
        }
        if let Some(schema) = draft.output_schema {
            JsonText {
                label: "Schema of the result",
                value: schema,
                error: error("/output_schema"),
                onchange: move |value| edit.change(|draft| draft.output_schema = Some(value)),
            }
        }
        Limits { edit }
    }
}

#[component]
fn Limits(edit: Edit<Tool>) -> Element {
    let draft = edit.draft.read();
    let (approval, role, timeout) = (draft.approval, draft.least_role, draft.timeout_ms);
    drop(draft);
    let refused = edit.problem.read().clone();
    let approvals = [
        (Approval::None, "", "Nobody"),
        (Approval::Required, "required", "Anyone who may approve"),
        (Approval::SecondPerson, "second_person", "A second person"),
    ];
    let roles = Role::ALL.map(|role| (role.as_str().to_owned(), role.as_str().to_owned()));
    let chosen = approvals.iter().find(|(value, ..)| *value == approval);
    rsx! {
        div { class: "fields",
            SelectField {
                label: "Approves agents' calls",
                value: chosen.map_or("", |(_, key, _)| key),
                options: approvals.map(|(_, key, text)| (key.to_owned(), text.to_owned())).to_vec(),
                onchange: move |key: String| {
                    let found = approvals.iter().find(|(_, known, _)| *known == key);
                    edit.change(|draft| draft.approval = found.map_or(Approval::None, |(value, ..)| *value));
                },
            }
            SelectField {
                label: "Lowest role to call it",
                value: role.as_str(),
                options: roles.to_vec(),
                onchange: move |key: String| {
                    if let Some(role) = Role::ALL.into_iter().find(|role| role.as_str() == key) {
                        edit.change(|draft| draft.least_role = role);
                    }
                },
            }
            TextField {
                label: "Time limit in ms",
                kind: "number",
                value: timeout.map(|ms| ms.to_string()).unwrap_or_default(),
                min: "100",
                max: "600000",
                error: field_error(refused.as_ref(), "/timeout_ms"),
                oninput: move |text: String| edit.change(|draft| draft.timeout_ms = text.parse().ok()),
            }
        }
    }
}
