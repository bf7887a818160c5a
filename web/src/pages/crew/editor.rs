//! The definition of a crew beside the place where it is run.

use std::rc::Rc;

use contracts::crew::{Crew, CrewSpec, Process};
use dioxus::prelude::*;

use super::{members::Members, preview::Preview, tasks::Tasks};
use crate::{
    pages::{
        agent::{LimitFields, Model},
        editing::{Edit, use_edit},
        frame::Frame,
        running::{RunPanel, input_schema},
    },
    ui::{
        field::{TextArea, TextField},
        problem::{ProblemLine, field_error},
        select::SelectField,
    },
};

fn blank() -> CrewSpec {
    CrewSpec {
        name: String::new(),
        agents: Vec::new(),
        tasks: Vec::new(),
        ..CrewSpec::example()
    }
}

#[component]
pub(crate) fn CrewEditor(crew: Option<Rc<Crew>>, #[props(default)] tab: String) -> Element {
    let edit = use_edit(crew.clone(), blank);
    let title = crew
        .as_ref()
        .map_or("New crew", |crew| &crew.name)
        .to_owned();
    rsx! {
        Frame {
            edit,
            saved: crew.clone(),
            title: title.clone(),
            heading: rsx! { h1 { "{title}" } },
            tab: tab.clone(),
            form: rsx! {
                Head { edit, is_new: crew.is_none() }
                Members { edit }
                Tasks { edit }
                LimitFields {
                    limits: edit.draft.read().limits,
                    problem: edit.problem.read().clone(),
                    onchange: move |limits| edit.change(|draft| draft.limits = limits),
                }
            },
            pane_label: "Run",
            pane: rsx! { Run { edit, crew } },
            if tab == "graph" {
                Preview { edit }
            }
        }
    }
}

#[component]
fn Run(edit: Edit<Crew>, crew: Option<Rc<Crew>>) -> Element {
    match crew {
        Some(crew) => rsx! {
            RunPanel {
                key: "{crew.version}",
                path: "/crews/{crew.id}",
                filter: "crew_id={crew.id}",
                schema: input_schema(crew.tasks.iter().map(|task| task.description.as_str())),
                testable: true,
                dirty: edit.is_dirty(),
            }
        },
        None => rsx! {
            h2 { "Run" }
            p { class: "hint", "Create the crew to run it." }
        },
    }
}

#[component]
fn Head(edit: Edit<Crew>, is_new: bool) -> Element {
    let draft = edit.draft.read().clone();
    let refused = edit.problem.read().clone();
    let error = |path| field_error(refused.as_ref(), path);
    let note = match draft.process {
        Process::Sequential => {
            "One task after the other; those that run beside the next do not hold it up."
        }
        Process::Parallel => "Each task as soon as those whose results it uses are done.",
        Process::Hierarchical => {
            "The first agent leads: it hands tasks out and looks at the results until it accepts them."
        }
    };
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
            SelectField {
                label: "Process",
                value: draft.process.as_str(),
                options: Process::ALL.map(|process| (process.as_str().to_owned(), process.as_str().to_owned())).to_vec(),
                hint: note,
                error: error("/process"),
                onchange: move |key: String| {
                    if let Some(process) = Process::parse(&key) {
                        edit.change(|draft| draft.process = process);
                    }
                },
            }
            if draft.process == Process::Hierarchical {
                Model {
                    label: "Model of the manager",
                    value: draft.manager_model,
                    error: error("/manager_model"),
                    onchange: move |model| edit.change(|draft| draft.manager_model = model),
                }
            }
        }
        TextArea {
            label: "Description (optional)",
            value: draft.description,
            rows: 2,
            error: error("/description"),
            oninput: move |text| edit.change(|draft| draft.description = text),
        }
    }
}
