//! Makes agents and a crew of the two files of a CrewAI project.

use contracts::{
    Problem,
    crew::{ImportCrew, ImportedCrew, Process},
};
use dioxus::prelude::*;

use crate::{
    api::{self, query},
    routes::Route,
    ui::{
        button::{Button, ButtonLink, Variant},
        dialog::{Dialog, DialogActions},
        field::{TextArea, TextField},
        problem::{ProblemLine, field_error},
    },
};

#[component]
pub(crate) fn ImportCrewDialog(onclose: EventHandler<()>) -> Element {
    let mut name = use_signal(String::new);
    let (mut agents, mut tasks) = (use_signal(String::new), use_signal(String::new));
    let (mut busy, mut problem) = (use_signal(|| false), use_signal(|| None::<Problem>));
    let mut imported = use_signal(|| None::<ImportedCrew>);
    let run = move || async move {
        busy.set(true);
        let body = ImportCrew {
            name: name(),
            process: Process::Sequential,
            agents_yaml: agents(),
            tasks_yaml: tasks(),
        };
        let answer = api::post::<ImportedCrew>("/crews/import", &body).await;
        busy.set(false);
        match answer {
            Ok(made) => {
                query::invalidate("/crews");
                query::invalidate("/agents");
                imported.set(Some(made));
            }
            Err(refused) => problem.set(Some(refused)),
        }
    };
    let refused = problem();
    let error = |path| field_error(refused.as_ref(), path);
    rsx! {
        Dialog { title: "Import from CrewAI", wide: true, onclose,
            match imported() {
                Some(made) => rsx! {
                    Made { made }
                },
                None => rsx! {
                    form {
                        class: "stack",
                        onsubmit: move |event| {
                            event.prevent_default();
                            spawn(run());
                        },
                        TextField {
                            label: "Name of the crew",
                            value: name(),
                            required: true,
                            focused: true,
                            error: error("/name"),
                            oninput: move |text| name.set(text),
                        }
                        TextArea { label: "agents.yaml", value: agents(), rows: 7, class: "input mono", error: error("/agents_yaml"), oninput: move |text| agents.set(text) }
                        TextArea { label: "tasks.yaml", value: tasks(), rows: 7, class: "input mono", error: error("/tasks_yaml"), oninput: move |text| tasks.set(text) }
                        if let Some(problem) = refused.clone() {
                            ProblemLine { problem }
                        }
                        DialogActions {
                            Button { onclick: move |_| onclose.call(()), "Cancel" }
                            Button { variant: Variant::Primary, submit: true, busy: busy(), "Import" }
                        }
                    }
                },
            }
        }
    }
}

#[component]
fn Made(made: ImportedCrew) -> Element {
    let agents = crate::format::plural(made.agents.len(), "agent", "agents");
    rsx! {
        div { class: "stack",
            p { role: "status", "Made the crew and {agents}." }
            if !made.ignored.is_empty() {
                h3 { "Without a counterpart here" }
                ul { class: "plain-list",
                    for line in made.ignored.iter() {
                        li { key: "{line}", code { "{line}" } }
                    }
                }
            }
            DialogActions {
                ButtonLink { to: Route::crew(made.crew.id), variant: Variant::Primary, "Open the crew" }
            }
        }
    }
}
