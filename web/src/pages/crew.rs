//! One crew: its agents and tasks, a place to run it, and its versions.

mod editor;
mod members;
mod task;
mod tasks;

use contracts::crew::{Crew as Object, CrewSpec};
use dioxus::prelude::*;

use self::editor::CrewEditor;
use super::{editing::Versioned, versions::Versions};
use crate::{
    api::query::{View, use_get},
    params::Params,
    routes::Route,
    ui::{page::Page, problem::ProblemView, skeleton::Skeleton, tabs::Tabs},
};

impl Versioned for Object {
    type Spec = CrewSpec;
    const PATH: &'static str = "/crews";

    fn key(&self) -> String {
        self.id.to_string()
    }
    fn version(&self) -> u32 {
        self.version
    }
    fn spec(&self) -> CrewSpec {
        CrewSpec {
            name: self.name.clone(),
            description: self.description.clone(),
            process: self.process,
            agents: self.agents.clone(),
            tasks: self.tasks.clone(),
            manager_model: self.manager_model.clone(),
            limits: self.limits,
        }
    }
}

#[component]
pub(crate) fn Crew(id: String, params: Params) -> Element {
    match id.as_str() {
        "new" => rsx! {
            CrewEditor { crew: None }
        },
        _ => rsx! {
            Saved { key: "{id}", id: id.clone(), params }
        },
    }
}

#[component]
fn Saved(id: String, params: Params) -> Element {
    let path = format!("/crews/{id}");
    let object = use_get::<Object>(path.clone());
    let navigator = navigator();
    let crew = match object.view() {
        View::Loading => {
            return rsx! { Page { title: "Crew", loaded: false, Skeleton {} } };
        }
        View::Failed(problem) => {
            return rsx! {
                Page { title: "Crew", loaded: true, ProblemView { problem, onretry: move |()| object.refetch() } }
            };
        }
        View::Ready(crew) => crew,
    };
    let tab = params.get("tab").unwrap_or_default().to_owned();
    let tabs = [("", "Definition"), ("versions", "Versions")]
        .map(|(key, text)| (key.to_owned(), text.to_owned()));
    let version = crew.version;
    rsx! {
        CrewEditor { crew, hidden: !tab.is_empty(),
            tabs: rsx! {
                Tabs {
                    label: "Parts of the crew",
                    tabs: tabs.to_vec(),
                    chosen: tab.clone(),
                    onchoose: move |key: String| {
                        navigator.replace(Route::Crew { id: id.clone(), params: Params::one("tab", &key) });
                    },
                }
            },
            match tab.as_str() {
                "versions" => rsx! { Versions::<Object> { path, current: version } },
                _ => rsx! {},
            }
        }
    }
}
