//! One agent: who it is and what it may use, a place to run it, what it remembers, its flows and versions.

mod choices;
mod editor;
mod flows;
mod limits;
mod memories;

use contracts::agent::{Agent as Object, AgentSpec, Limits};
use dioxus::prelude::*;

use self::{editor::AgentEditor, flows::Flows, memories::Memories};
use super::{editing::Versioned, versions::Versions};
use crate::{
    api::query::{View, use_get},
    params::Params,
    routes::Route,
    ui::{page::Page, problem::ProblemView, skeleton::Skeleton, tabs::Tabs},
};

pub(crate) use self::{choices::Model, limits::LimitFields};

impl Versioned for Object {
    type Spec = AgentSpec;
    const PATH: &'static str = "/agents";

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
    match id.as_str() {
        "new" => rsx! {
            AgentEditor { agent: None }
        },
        _ => rsx! {
            Saved { key: "{id}", id: id.clone(), params }
        },
    }
}

#[component]
fn Saved(id: String, params: Params) -> Element {
    let path = format!("/agents/{id}");
    let object = use_get::<Object>(path.clone());
    let navigator = navigator();
    let agent = match object.view() {
        View::Loading => {
            return rsx! { Page { title: "Agent", loaded: false, Skeleton {} } };
        }
        View::Failed(problem) => {
            return rsx! {
                Page { title: "Agent", loaded: true, ProblemView { problem, onretry: move |()| object.refetch() } }
            };
        }
        View::Ready(agent) => agent,
    };
    let tab = params.get("tab").unwrap_or_default().to_owned();
    let tabs = [
        ("", "Definition"),
        ("memory", "Memory"),
        ("flows", "Flows"),
        ("versions", "Versions"),
    ]
    .map(|(key, text)| (key.to_owned(), text.to_owned()));
    let (version, scope) = (agent.version, agent.memory);
    rsx! {
        AgentEditor { agent, hidden: !tab.is_empty(),
            tabs: rsx! {
                Tabs {
                    label: "Parts of the agent",
                    tabs: tabs.to_vec(),
                    chosen: tab.clone(),
                    onchoose: move |key: String| {
                        navigator.replace(Route::Agent { id: id.clone(), params: Params::one("tab", &key) });
                    },
                }
            },
            match tab.as_str() {
                "memory" => rsx! { Memories { path, scope } },
                "flows" => rsx! { Flows { path } },
                "versions" => rsx! { Versions::<Object> { path, current: version } },
                _ => rsx! {},
            }
        }
    }
}
