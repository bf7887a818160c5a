//! One crew: its agents and tasks, a place to run it, and its versions.

mod editor;
mod members;
mod preview;
mod task;
mod tasks;

use std::rc::Rc;

use contracts::{
    Permission,
    crew::{Crew as Object, CrewSpec},
};
use dioxus::prelude::*;

use self::editor::CrewEditor;
use super::{frame::Stored, versioned::Versioned};
use crate::{params::Params, routes::Route};

impl Versioned for Object {
    type Spec = CrewSpec;
    const PATH: &'static str = "/crews";
    const KIND: &'static str = "crew";
    const TITLE: &'static str = "Crew";
    const NOTE: &'static str = "All its versions go; its agents stay. Its name becomes free.";
    const WRITE: Permission = Permission::AgentWrite;
    const TABS: &'static [(&'static str, &'static str)] = &[
        ("", "Definition"),
        ("graph", "Graph"),
        ("versions", "Versions"),
    ];

    fn list() -> Route {
        Route::crews()
    }
    fn route(id: String, params: Params) -> Route {
        Route::Crew { id, params }
    }
    fn name(&self) -> String {
        self.name.clone()
    }
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
    if id == "new" {
        return rsx! { CrewEditor { crew: None } };
    }
    let tab = params.get("tab").unwrap_or_default().to_owned();
    rsx! {
        Stored::<Object> {
            key: "{id}",
            id,
            show: move |crew: Rc<Object>| rsx! { CrewEditor { crew, tab: tab.clone() } },
        }
    }
}
