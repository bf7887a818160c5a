//! The agents of a crew, in their order: in a hierarchical crew the first one leads.

use contracts::{
    agent::AgentSummary,
    crew::{Crew, Process},
    id::AgentId,
    page::Page as ListPage,
};
use dioxus::prelude::*;

use crate::{
    api::query::use_get,
    pages::{editing::Edit, order::Order},
    routes::Route,
    ui::{
        Tone, badge::Badge, button::IconButton, icon::Glyph, problem::field_error,
        select::SelectField,
    },
};

/// The names of all agents, by id.
pub(crate) fn use_agents() -> Vec<(AgentId, AgentSummary)> {
    let agents = use_get::<ListPage<AgentSummary>>("/agents?limit=200".into());
    agents.data().map_or_else(Vec::new, |page| {
        page.items
            .iter()
            .map(|agent| (agent.id, agent.clone()))
            .collect()
    })
}

#[component]
pub(crate) fn Members(edit: Edit<Crew>) -> Element {
    let known = use_agents();
    let (members, leads) = {
        let draft = edit.draft.read();
        (draft.agents.clone(), draft.process == Process::Hierarchical)
    };
    let refused = edit.problem.read().clone();
    let offered = known.iter().filter(|(id, _)| !members.contains(id));
    let mut options = vec![(String::new(), "Add an agent…".to_owned())];
    options.extend(offered.map(|(id, agent)| (id.to_string(), agent.name.clone())));
    let count = members.len();
    rsx! {
        section { class: "stack part", "aria-label": "Agents",
            h2 { "Agents" }
            if !members.is_empty() {
                ol { class: "members",
                    for (index , id) in members.iter().copied().enumerate() {
                        Member {
                            key: "{id}",
                            edit,
                            id,
                            index,
                            count,
                            leads: leads && index == 0,
                            agent: known.iter().find(|(known, _)| *known == id).map(|(_, agent)| agent.clone()),
                        }
                    }
                }
            }
            SelectField {
                label: "Add an agent",
                bare: true,
                value: "",
                options,
                error: field_error(refused.as_ref(), "/agents"),
                onchange: move |id: String| {
                    if let Ok(id) = id.parse() {
                        edit.change(|draft| draft.agents.push(id));
                    }
                },
            }
        }
    }
}

#[component]
fn Member(
    edit: Edit<Crew>,
    id: AgentId,
    index: usize,
    count: usize,
    leads: bool,
    agent: Option<AgentSummary>,
) -> Element {
    let name = agent
        .as_ref()
        .map_or_else(|| id.to_string(), |agent| agent.name.clone());
    let works = edit
        .draft
        .read()
        .tasks
        .iter()
        .filter(|task| task.agent_id == id)
        .count();
    rsx! {
        li { class: "member",
            div { class: "member-text",
                Link { to: Route::agent(id), strong { "{name}" } }
                if leads {
                    " "
                    Badge { tone: Tone::Accent, glyph: Glyph::Crew, "leads" }
                }
                if let Some(agent) = agent {
                    p { class: "muted clip", "{agent.role}" }
                }
            }
            span { class: "num muted wide-only", {crate::format::plural(works, "task", "tasks")} }
            Order { name: name.clone(), index, count, onswap: move |with| edit.change(|draft| draft.agents.swap(index, with)) }
            IconButton {
                glyph: Glyph::Trash,
                label: "Take {name} out of the crew",
                onclick: move |_| edit.change(|draft| draft.agents.retain(|member| *member != id)),
            }
        }
    }
}
