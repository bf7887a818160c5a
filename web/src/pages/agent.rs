//! One agent: who it is and what it may use, a place to run it, what it remembers, its flows and versions.

mod choices;
mod editor;
mod flows;
mod limits;
mod memories;

use std::rc::Rc;

use contracts::{
    Permission,
    agent::{Agent as Object, AgentSpec, Limits},
};
use dioxus::prelude::*;

use self::{editor::AgentEditor, flows::Flows, memories::Memories};
use super::{frame::Stored, versioned::Versioned};
use crate::{params::Params, routes::Route};

pub(crate) use self::{choices::Model, limits::LimitFields};

impl Versioned for Object {
    type Spec = AgentSpec;
    const PATH: &'static str = "/agents";
    const KIND: &'static str = "agent";
    const TITLE: &'static str = "Agent";
    const NOTE: &'static str = "All its versions and memories go. Its name becomes free.";
    const WRITE: Permission = Permission::AgentWrite;
    const TABS: &'static [(&'static str, &'static str)] = &[
        ("", "Definition"),
        ("memory", "Memory"),
        ("flows", "Flows"),
        ("versions", "Versions"),
    ];

    fn list() -> Route {
        Route::agents()
    }
    fn route(id: String, params: Params) -> Route {
        Route::Agent { id, params }
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
    fn spec(&self) -> AgentSpec {
        AgentSpec {
            name: self.name.clone(),
            role: self.role.clone(),
            goal: self.goal.clone(),
            backstory: self.backstory.clone(),
            framework: self.framework,
            model: self.model.clone(),
            tools: self.tools.clone(),
            knowledge: self.knowledge.clone(),
            memory: self.memory,
            guardrails: self.guardrails.clone(),
            output_schema: self.output_schema.clone(),
            limits: self.limits,
        }
    }
}

fn blank() -> AgentSpec {
    AgentSpec {
        name: String::new(),
        role: String::new(),
        goal: String::new(),
        limits: Limits::default(),
        ..AgentSpec::example()
    }
}

#[component]
pub(crate) fn Agent(id: String, params: Params) -> Element {
    if id == "new" {
        return rsx! { AgentEditor { agent: None } };
    }
    let tab = params.get("tab").unwrap_or_default().to_owned();
    rsx! {
        Stored::<Object> {
            key: "{id}",
            id: id.clone(),
            show: move |agent: Rc<Object>| {
                let (path, scope) = (format!("/agents/{id}"), agent.memory);
                rsx! {
                    AgentEditor { agent, tab: tab.clone(),
                        match tab.as_str() {
                            "memory" => rsx! { Memories { path, scope } },
                            "flows" => rsx! { Flows { path } },
                            _ => rsx! {},
                        }
                    }
                }
            },
        }
    }
}
