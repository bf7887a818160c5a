//! The definition of an agent beside the place where it is run.

use std::rc::Rc;

use contracts::agent::{Agent, Guardrail, MemoryScope};
use dioxus::prelude::*;
use serde_json::json;

use super::{
    LimitFields, blank,
    choices::{Bases, Model, ToolPicker},
};
use crate::{
    pages::{
        editing::{Edit, use_edit},
        frame::Frame,
        json_text::JsonText,
        running::RunPanel,
    },
    ui::{
        button::{Button, IconButton, Variant},
        field::{TextArea, TextField},
        icon::Glyph,
        problem::{ProblemLine, field_error},
        select::SelectField,
        switch::Switch,
    },
};

#[component]
pub(crate) fn AgentEditor(
    agent: Option<Rc<Agent>>,
    #[props(default)] tab: String,
    children: Element,
) -> Element {
    let edit = use_edit(agent.clone(), blank);
    let title = agent
        .as_ref()
        .map_or("New agent", |agent| &agent.name)
        .to_owned();
    rsx! {
        Frame {
            edit,
            saved: agent.clone(),
            title: title.clone(),
            heading: rsx! { h1 { "{title}" } },
            tab,
            form: rsx! {
                Identity { edit, is_new: agent.is_none() }
                Means { edit }
                Guardrails { edit }
                Answer { edit }
                LimitFields {
                    limits: edit.draft.read().limits,
                    problem: edit.problem.read().clone(),
                    onchange: move |limits| edit.change(|draft| draft.limits = limits),
                }
            },
            pane_label: "Run",
            pane: rsx! { Run { edit, agent } },
            {children}
        }
    }
}

#[component]
fn Run(edit: Edit<Agent>, agent: Option<Rc<Agent>>) -> Element {
    let prompt = json!({"type": "object", "required": ["prompt"],
        "properties": {"prompt": {"title": "Prompt", "type": "string", "format": "textarea"}}});
    match agent {
        Some(agent) => rsx! {
            RunPanel {
                path: "/agents/{agent.id}",
                filter: "agent_id={agent.id}",
                schema: prompt,
                prompt: true,
                dirty: edit.is_dirty(),
            }
        },
        None => rsx! {
            h2 { "Run" }
            p { class: "hint", "Create the agent to run it." }
        },
    }
}

#[component]
fn Identity(edit: Edit<Agent>, is_new: bool) -> Element {
    let draft = edit.draft.read().clone();
    let refused = edit.problem.read().clone();
    let error = |path| field_error(refused.as_ref(), path);
    rsx! {
        if let Some(problem) = refused.clone() {
            ProblemLine { problem }
        }
        div { class: "fields",
            TextField {
                label: "Name",
                value: draft.name,
                required: true,
                focused: is_new,
                autocomplete: "off",
                error: error("/name"),
                oninput: move |text| edit.change(|draft| draft.name = text),
            }
            TextField {
                label: "Role",
                value: draft.role,
                required: true,
                placeholder: "a careful clerk",
                error: error("/role"),
                oninput: move |text| edit.change(|draft| draft.role = text),
            }
        }
        TextArea {
            label: "Goal",
            value: draft.goal,
            rows: 2,
            error: error("/goal"),
            oninput: move |text| edit.change(|draft| draft.goal = text),
        }
        TextArea {
            label: "Backstory (optional)",
            value: draft.backstory,
            rows: 3,
            hint: "What it knows about itself and its work; the model reads it.",
            error: error("/backstory"),
            oninput: move |text| edit.change(|draft| draft.backstory = text),
        }
    }
}

/// What it works with: its model, its tools, its knowledge, its memory.
#[component]
fn Means(edit: Edit<Agent>) -> Element {
    let draft = edit.draft.read().clone();
    let refused = edit.problem.read().clone();
    let error = |path| field_error(refused.as_ref(), path);
    let scopes = [
        (MemoryScope::Off, "off", "Nothing is kept"),
        (MemoryScope::User, "user", "For each user apart"),
        (
            MemoryScope::Organization,
            "organization",
            "For the whole organization",
        ),
    ];
    let chosen = scopes.iter().find(|(scope, ..)| *scope == draft.memory);
    rsx! {
        div { class: "fields",
            Model {
                label: "Model",
                value: draft.model,
                error: error("/model"),
                onchange: move |model| edit.change(|draft| draft.model = model),
            }
            SelectField {
                label: "Memory",
                value: chosen.map_or("off", |(_, key, _)| key),
                options: scopes.map(|(_, key, text)| (key.to_owned(), text.to_owned())).to_vec(),
                onchange: move |key: String| {
                    if let Some((scope, ..)) = scopes.iter().find(|(_, known, _)| *known == key) {
                        edit.change(|draft| draft.memory = *scope);
                    }
                },
            }
        }
        ToolPicker {
            tools: draft.tools,
            error: error("/tools"),
            onchange: move |tools| edit.change(|draft| draft.tools = tools),
        }
        Bases {
            bases: draft.knowledge,
            error: error("/knowledge"),
            onchange: move |bases| edit.change(|draft| draft.knowledge = bases),
        }
    }
}

#[component]
fn Guardrails(edit: Edit<Agent>) -> Element {
    let rules = edit.draft.read().guardrails.clone();
    let refused = edit.problem.read().clone();
    let error = |index: usize, field| {
        field_error(refused.as_ref(), &format!("/guardrails/{index}/{field}"))
    };
    rsx! {
        fieldset { class: "nested",
            legend { "Guardrails" }
            p { class: "hint", "Conditions on the answer. One that does not hold is given back once, with the message." }
            for (index , rule) in rules.iter().enumerate() {
                div { key: "{index}", class: "nested-item",
                    div { class: "fields",
                        TextField {
                            label: "Condition {index + 1}",
                            value: rule.expression.clone(),
                            placeholder: "output | length < 500",
                            class: "input mono",
                            error: error(index, "expression"),
                            oninput: move |text| edit.change(|draft| draft.guardrails[index].expression = text),
                        }
                        TextField {
                            label: "Message {index + 1}",
                            value: rule.message.clone(),
                            placeholder: "It is too long.",
                            error: error(index, "message"),
                            oninput: move |text| edit.change(|draft| draft.guardrails[index].message = text),
                        }
                    }
                    IconButton {
                        glyph: Glyph::Trash,
                        label: "Remove guardrail {index + 1}",
                        onclick: move |_| edit.change(|draft| { draft.guardrails.remove(index); }),
                    }
                }
            }
            Button {
                variant: Variant::Quiet,
                small: true,
                icon: Glyph::Plus,
                onclick: move |_| {
                    edit.change(|draft| {
                        draft.guardrails.push(Guardrail { expression: String::new(), message: String::new() });
                    });
                },
                "Add a guardrail"
            }
        }
    }
}

#[component]
fn Answer(edit: Edit<Agent>) -> Element {
    let schema = edit.draft.read().output_schema.clone();
    let refused = edit.problem.read().clone();
    rsx! {
        Switch {
            label: "Answer as JSON of a schema",
            checked: schema.is_some(),
            onchange: move |on: bool| edit.change(|draft| draft.output_schema = on.then(|| json!({"type": "object", "properties": {}}))),
        }
        if let Some(schema) = schema {
            JsonText {
                label: "Schema of the answer",
                value: schema,
                error: field_error(refused.as_ref(), "/output_schema"),
                onchange: move |value| edit.change(|draft| draft.output_schema = Some(value)),
            }
        }
    }
}
