//! What is executed: a flow at a revision, an agent or a crew at a version, and how it is drawn.

use contracts::{
    agent::Agent,
    crew::Crew,
    execution::Origin,
    flow::{Definition, Flow},
};
use dioxus::prelude::*;

use super::watch::Watch;
use crate::{api, routes::Route};

#[derive(Clone, PartialEq)]
pub(crate) struct Subject {
    /// `Flow`, `Agent`, `Crew`.
    pub(crate) kind: &'static str,
    pub(crate) name: String,
    /// `revision 3`, `draft`, `version 2`.
    pub(crate) version: String,
    pub(crate) route: Option<Route>,
    /// None for agents and crews: their steps alone say what happened.
    pub(crate) definition: Option<Definition>,
}

impl Subject {
    /// What a person calls a node.
    pub(crate) fn name_of<'a>(&'a self, node: &'a str) -> &'a str {
        let nodes = self
            .definition
            .iter()
            .flat_map(|definition| &definition.nodes);
        let named = nodes.into_iter().find(|it| it.id == node);
        named.and_then(|it| it.name.as_deref()).unwrap_or(node)
    }

    pub(crate) fn kind_of(&self, node: &str) -> Option<&str> {
        let nodes = self
            .definition
            .iter()
            .flat_map(|definition| &definition.nodes);
        nodes
            .into_iter()
            .find(|it| it.id == node)
            .map(|it| it.kind.as_str())
    }
}

/// Reads it once the first frame says what it is.
pub(crate) fn use_subject(mut watch: Watch) {
    let origin = use_memo(move || watch.origin());
    use_effect(move || {
        let Some(origin) = origin() else { return };
        spawn(async move {
            let subject = read(origin, &watch.id()).await;
            watch.subject.set(Some(subject));
        });
    });
}

/// What cannot be read, because it was deleted or may not be seen, goes by its id.
pub(crate) async fn read(origin: Origin, execution: &str) -> Subject {
    let version = |word: &str| {
        origin
            .version
            .map(|n| format!("{word} {n}"))
            .unwrap_or_default()
    };
    if let Some(id) = origin.agent_id {
        let agent = api::get::<Agent>(&format!("/agents/{id}")).await.ok();
        return Subject {
            kind: "Agent",
            route: agent.is_some().then(|| Route::agent(id)),
            name: agent.map_or_else(|| id.to_string(), |agent| agent.name),
            version: version("version"),
            definition: None,
        };
    }
    if let Some(id) = origin.crew_id {
        let crew = api::get::<Crew>(&format!("/crews/{id}")).await.ok();
        return Subject {
            kind: "Crew",
            route: crew.is_some().then(|| Route::crew(id)),
            name: crew.map_or_else(|| id.to_string(), |crew| crew.name),
            version: version("version"),
            definition: None,
        };
    }
    of_flow(origin, execution).await
}

async fn of_flow(origin: Origin, execution: &str) -> Subject {
    let id = origin.flow_id.map(|id| id.to_string()).unwrap_or_default();
    let flow = api::get::<Flow>(&format!("/flows/{id}")).await.ok();
    let definition = format!("/executions/{execution}/definition");
    let definition = api::get::<Definition>(&definition).await.ok();
    Subject {
        kind: "Flow",
        route: flow.is_some().then(|| Route::flow(&id)),
        name: flow.map_or(id, |flow| flow.name),
        version: origin
            .revision
            .map_or_else(|| "draft".to_owned(), |n| format!("revision {n}")),
        definition,
    }
}
