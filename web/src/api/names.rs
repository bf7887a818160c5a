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
pub(crate) struct Names {
    /// In the order of the lists.
    all: Rc<Vec<Named>>,
    by_id: Rc<HashMap<String, String>>,
}

#[derive(PartialEq)]
pub(crate) struct Named {
    /// `flow`, `agent`, `crew` or `user`.
    pub(crate) kind: &'static str,
    pub(crate) id: String,
    pub(crate) name: String,
}

impl Named {
    fn new(kind: &'static str, id: impl ToString, name: &str) -> Self {
        Self {
            kind,
            id: id.to_string(),
            name: name.to_owned(),
        }
    }
}

/// Flows, agents and crews of the organization; the two hundred first of each.
pub(crate) fn use_names() -> Names {
    let flows = use_get::<Page<FlowSummary>>("/flows?limit=200".into());
    let agents = use_get::<Page<AgentSummary>>("/agents?limit=200".into());
    let crews = use_get::<Page<CrewSummary>>("/crews?limit=200".into());
    let mut all = Vec::new();
    if let Some(page) = flows.data() {
        all.extend(
            page.items
                .iter()
                .map(|it| Named::new("flow", it.id, &it.name)),
        );
    }
    if let Some(page) = agents.data() {
        all.extend(
            page.items
                .iter()
                .map(|it| Named::new("agent", it.id, &it.name)),
        );
    }
    if let Some(page) = crews.data() {
        all.extend(
            page.items
                .iter()
                .map(|it| Named::new("crew", it.id, &it.name)),
        );
    }
    Names::new(all)
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
    let members = page.iter().flat_map(|page| page.items.iter());
    Names::new(
        members
            .map(|it| Named::new("user", it.user_id, &it.name))
            .collect(),
    )
}

impl Names {
    fn new(all: Vec<Named>) -> Self {
        let by_id = all.iter().map(|it| (it.id.clone(), it.name.clone()));
        Self {
            by_id: Rc::new(by_id.collect()),
            all: Rc::new(all),
        }
    }

    pub(crate) fn all(&self) -> &[Named] {
        &self.all
    }

    pub(crate) fn of(&self, id: impl ToString) -> String {
        let id = id.to_string();
        match self.by_id.get(&id) {
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
