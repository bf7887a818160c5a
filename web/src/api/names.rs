//! The names of what executions are runs of, and of who started them.
//!
//! **Invariant:** what has no known name is shown by its id; nothing waits for a name.

use std::{collections::HashMap, rc::Rc};

use contracts::{
    agent::AgentSummary, crew::CrewSummary, execution::Origin, flow::FlowSummary, page::Page,
    tenant::Member,
};

use super::{query::use_get, session};
use crate::{routes::Route, ui::icon::Glyph};

#[derive(Clone, Default, PartialEq)]
pub(crate) struct Names(Rc<HashMap<String, String>>);

/// Flows, agents and crews of the organization; the two hundred first of each.
pub(crate) fn use_names() -> Names {
    let flows = use_get::<Page<FlowSummary>>("/flows?limit=200".into());
    let agents = use_get::<Page<AgentSummary>>("/agents?limit=200".into());
    let crews = use_get::<Page<CrewSummary>>("/crews?limit=200".into());
    let mut names = HashMap::new();
    for page in flows.data().iter() {
        names.extend(
            page.items
                .iter()
                .map(|it| (it.id.to_string(), it.name.clone())),
        );
    }
    for page in agents.data().iter() {
        names.extend(
            page.items
                .iter()
                .map(|it| (it.id.to_string(), it.name.clone())),
        );
    }
    for page in crews.data().iter() {
        names.extend(
            page.items
                .iter()
                .map(|it| (it.id.to_string(), it.name.clone())),
        );
    }
    Names(Rc::new(names))
}

/// Members of the organization by their user id.
pub(crate) fn use_member_names() -> Names {
    let organization = session::identity().map(|identity| identity.organization.id.to_string());
    let path = format!(
        "/organizations/{}/members?limit=200",
        organization.unwrap_or_default()
    );
    let members = use_get::<Page<Member>>(path);
    let page = members.data();
    let pairs = page.iter().flat_map(|page| page.items.iter());
    Names(Rc::new(
        pairs
            .map(|it| (it.user_id.to_string(), it.name.clone()))
            .collect(),
    ))
}

impl Names {
    pub(crate) fn of(&self, id: impl ToString) -> String {
        let id = id.to_string();
        match self.0.get(&id) {
            Some(name) => name.clone(),
            None => short(&id),
        }
    }

    /// What an execution is a run of: its name, its page and its sign.
    pub(crate) fn origin(&self, origin: &Origin) -> (String, Option<Route>, Glyph) {
        if let Some(id) = origin.flow_id {
            return (self.of(id), Some(Route::flow(id)), Glyph::Flow);
        }
        if let Some(id) = origin.agent_id {
            return (self.of(id), Some(Route::agent(id)), Glyph::Agent);
        }
        match origin.crew_id {
            Some(id) => (self.of(id), Some(Route::crew(id)), Glyph::Crew),
            None => ("unknown".into(), None, Glyph::Execution),
        }
    }
}

/// The kind and the last digits of an id: the first ones are the time, alike for what was made together.
pub(crate) fn short(id: &str) -> String {
    let Some((kind, digits)) = id.split_once('_') else {
        return id.to_owned();
    };
    let start = digits.len().saturating_sub(6);
    format!("{kind} …{}", &digits[start..])
}
