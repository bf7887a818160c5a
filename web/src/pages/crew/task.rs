//! One task: what is to be done, by whom, and with whose results.

use contracts::crew::{Crew, Process, Task};
use dioxus::prelude::*;

use super::tasks::{remove, rename};
use crate::{
    pages::{editing::Edit, order::Order, picking::Picker},
    ui::{
        button::IconButton,
        field::{TextArea, TextField},
        icon::Glyph,
        problem::field_error,
        select::SelectField,
        switch::Switch,
    },
};

#[component]
pub(crate) fn TaskCard(
    edit: Edit<Crew>,
    index: usize,
    count: usize,
    task: Task,
    /// The crew's agents: id and name.
    agents: Vec<(String, String)>,
    /// Names of the tasks whose results it may still use.
    offered: Vec<String>,
    process: Process,
) -> Element {
    let refused = edit.problem.read().clone();
    let error = |field| field_error(refused.as_ref(), &format!("/tasks/{index}/{field}"));
    let change =
        move |change: &dyn Fn(&mut Task)| edit.change(|draft| change(&mut draft.tasks[index]));
    let same = |name: String| (name.clone(), name);
    let name = task.name.clone();
    rsx! {
        li { class: "task",
            span { class: "task-number num", "aria-hidden": "true", "{index + 1}" }
            div { class: "task-body",
                div { class: "task-head",
                    TextField {
                        label: "Name of task {index + 1}",
                        bare: true,
                        value: task.name,
                        class: "input mono",
                        error: error("name"),
                        oninput: move |text: String| edit.change(|draft| rename(draft, index, text)),
                    }
                    SelectField {
                        label: "Agent of task {index + 1}",
                        bare: true,
                        value: task.agent_id.to_string(),
                        options: agents,
                        error: error("agent_id"),
                        onchange: move |id: String| {
                            if let Ok(id) = id.parse() {
                                change(&|task| task.agent_id = id);
                            }
                        },
                    }
                    Order { name: name.clone(), index, count, onswap: move |with| edit.change(|draft| draft.tasks.swap(index, with)) }
                    IconButton {
                        glyph: Glyph::Trash,
                        label: "Remove {name}",
                        onclick: move |_| edit.change(|draft| remove(draft, index)),
                    }
                }
                TextArea {
                    label: "What is to be done",
                    value: task.description,
                    rows: 2,
                    placeholder: "Write about {{{{ input.topic }}}}.",
                    error: error("description"),
                    oninput: move |text: String| change(&|task| task.description.clone_from(&text)),
                }
                TextField {
                    label: "Expected output",
                    value: task.expected_output,
                    placeholder: "One paragraph.",
                    error: error("expected_output"),
                    oninput: move |text: String| change(&|task| task.expected_output.clone_from(&text)),
                }
                if !offered.is_empty() || !task.context.is_empty() {
                    Picker {
                        label: "Uses results of",
                        add: "Add a task…",
                        chosen: task.context.into_iter().map(same).collect::<Vec<_>>(),
                        options: offered.into_iter().map(same).collect::<Vec<_>>(),
                        error: error("context"),
                        onadd: move |name: String| change(&|task| task.context.push(name.clone())),
                        onremove: move |name: String| change(&|task| task.context.retain(|used| *used != name)),
                    }
                }
                if process == Process::Sequential && index + 1 < count {
                    Switch {
                        label: "Runs beside the next task",
                        checked: task.is_async,
                        onchange: move |on| change(&|task| task.is_async = on),
                    }
                }
            }
        }
    }
}
