//! What the executed flows, agents and crews are called.

use std::{collections::HashMap, rc::Rc};

use contracts::{
    agent::AgentSummary, crew::CrewSummary, execution::Origin, flow::FlowSummary, page::Page,
};

use crate::api::query::use_get;

#[derive(Clone, Default)]
pub(crate) struct Names {
    /// Kind, id, name; in the order of the lists.
    all: Rc<Vec<(&'static str, String, String)>>,
    by_id: Rc<HashMap<String, String>>,
}

impl PartialEq for Names {
    fn eq(&self, other: &Self) -> bool {
        self.all == other.all
    }
}

impl Names {
    /// For a select.
    pub(crate) fn options(&self) -> Vec<(String, String)> {
        let text = |kind: &str, name: &str| match kind {
            "flow" => format!("Flow: {name}"),
            "agent" => format!("Agent: {name}"),
            _ => format!("Crew: {name}"),
        };
        let option = |(kind, id, name): &(&'static str, String, String)| {
            (format!("{kind}:{id}"), text(kind, name))
        };
        self.all.iter().map(option).collect()
    }

    /// A word for its kind, and its name; its id where it has none that is known.
    pub(crate) fn of(&self, origin: &Origin) -> (&'static str, String) {
        let (kind, id) = match (origin.flow_id, origin.agent_id, origin.crew_id) {
            (Some(id), _, _) => ("flow", id.to_string()),
            (_, Some(id), _) => ("agent", id.to_string()),
            (_, _, Some(id)) => ("crew", id.to_string()),
            (None, None, None) => ("", String::new()),
        };
        let name = self.by_id.get(&id).cloned();
        (kind, name.unwrap_or(id))
    }
}

pub(crate) fn use_names() -> Names {
    let flows = use_get::<Page<FlowSummary>>("/flows?limit=200".into());
    let agents = use_get::<Page<AgentSummary>>("/agents?limit=200".into());
    let crews = use_get::<Page<CrewSummary>>("/crews?limit=200".into());
    let mut all = Vec::new();
    if let Some(page) = flows.data() {
        all.extend(
            page.items
                .iter()
                .map(|it| ("flow", it.id.to_string(), it.name.clone())),
        );
    }
    if let Some(page) = agents.data() {
        all.extend(
            page.items
                .iter()
                .map(|it| ("agent", it.id.to_string(), it.name.clone())),
        );
    }
    if let Some(page) = crews.data() {
        all.extend(
            page.items
                .iter()
                .map(|it| ("crew", it.id.to_string(), it.name.clone())),
        );
    }
    let by_id = all
        .iter()
        .map(|(_, id, name)| (id.clone(), name.clone()))
        .collect();
    Names {
        all: Rc::new(all),
        by_id: Rc::new(by_id),
    }
}
