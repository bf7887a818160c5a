//! Begins a conversation: with whom?

use contracts::{agent::AgentSummary, chat::ChatSession, crew::CrewSummary, flow::FlowSummary};
use dioxus::prelude::*;

use crate::{
    api::{
        self,
        pages::get_pages,
        query::{self, Query, View, use_query},
    },
    routes::Route,
    ui::{
        button::ButtonLink,
        dialog::Dialog,
        empty::EmptyState,
        field::TextField,
        icon::{Glyph, Icon},
        problem::{ProblemLine, ProblemView},
        skeleton::Skeleton,
        tabs::Tabs,
    },
};

#[derive(Clone, Copy, PartialEq)]
enum Who {
    Agents,
    Crews,
    Flows,
}

impl Who {
    const ALL: [Self; 3] = [Self::Agents, Self::Crews, Self::Flows];

    const fn key(self) -> &'static str {
        match self {
            Self::Agents => "agents",
            Self::Crews => "crews",
            Self::Flows => "flows",
        }
    }
    const fn text(self) -> &'static str {
        match self {
            Self::Agents => "Agents",
            Self::Crews => "Crews",
            Self::Flows => "Flows",
        }
    }
    const fn field(self) -> &'static str {
        match self {
            Self::Agents => "agent_id",
            Self::Crews => "crew_id",
            Self::Flows => "flow_id",
        }
    }
    const fn glyph(self) -> Glyph {
        match self {
            Self::Agents => Glyph::Agent,
            Self::Crews => Glyph::Crew,
            Self::Flows => Glyph::Flow,
        }
    }
    fn place(self) -> Route {
        match self {
            Self::Agents => Route::agents(),
            Self::Crews => Route::crews(),
            Self::Flows => Route::flows(),
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
struct Choice {
    id: String,
    name: String,
    about: String,
}

fn use_choices(who: Who) -> Query<Vec<Choice>> {
    use_query(format!("/{}#choices", who.key()), move || async move {
        let path = format!("/{}", who.key());
        Ok(match who {
            Who::Agents => {
                let agents = get_pages::<AgentSummary>(&path, 5).await?.items;
                let choice = |agent: AgentSummary| (agent.id.to_string(), agent.name, agent.role);
                chosen(agents.into_iter().map(choice))
            }
            Who::Crews => {
                let crews = get_pages::<CrewSummary>(&path, 5).await?.items;
                let choice = |crew: CrewSummary| (crew.id.to_string(), crew.name, crew.description);
                chosen(crews.into_iter().map(choice))
            }
            Who::Flows => {
                let flows = get_pages::<FlowSummary>(&path, 5).await?.items;
                // A flow answers by its newest revision.
                let flows = flows.into_iter().filter(|flow| flow.revision.is_some());
                let choice = |flow: FlowSummary| (flow.id.to_string(), flow.name, flow.description);
                chosen(flows.map(choice))
            }
        })
    })
}

fn chosen(rows: impl Iterator<Item = (String, String, String)>) -> Vec<Choice> {
    rows.map(|(id, name, about)| Choice { id, name, about })
        .collect()
}

#[component]
pub(super) fn Begin(onclose: EventHandler<()>) -> Element {
    let mut who = use_signal(|| Who::Agents);
    let mut search = use_signal(String::new);
    let mut problem = use_signal(|| None);
    let choices = use_choices(who());
    let navigator = navigator();
    let begin = move |id: String| async move {
        let mut body = serde_json::Map::new();
        body.insert(who().field().into(), id.into());
        match api::post::<ChatSession>("/chat/sessions", &body).await {
            Ok(session) => {
                query::invalidate("/chat/sessions");
                navigator.push(Route::chat_session(session.id));
                onclose.call(());
            }
            Err(found) => problem.set(Some(found)),
        }
    };
    let tabs = Who::ALL.map(|who| (who.key().to_owned(), who.text().to_owned()));
    rsx! {
        Dialog { title: "New conversation", onclose,
            div { class: "stack chat-begin",
                Tabs {
                    label: "Who answers",
                    tabs: tabs.to_vec(),
                    chosen: who().key(),
                    onchoose: move |key: String| who.set(Who::ALL.into_iter().find(|who| who.key() == key).unwrap_or(Who::Agents)),
                }
                TextField { label: "Search", bare: true, kind: "search", placeholder: "Search by name", focused: true, value: search(), oninput: move |text| search.set(text) }
                if let Some(problem) = problem() {
                    ProblemLine { problem }
                }
                div { role: "tabpanel", "aria-label": who().text(), class: "chat-choices",
                    match choices.view() {
                        View::Loading => rsx! { Skeleton { rows: 4 } },
                        View::Failed(problem) => rsx! { ProblemView { problem, onretry: move |()| choices.refetch() } },
                        View::Ready(all) => rsx! { Choices { all: all.to_vec(), search: search(), who: who(), onchoose: begin } },
                    }
                }
            }
        }
    }
}

#[component]
fn Choices(all: Vec<Choice>, search: String, who: Who, onchoose: EventHandler<String>) -> Element {
    let wanted = search.to_lowercase();
    let found: Vec<_> = all
        .iter()
        .filter(|choice| choice.name.to_lowercase().contains(&wanted))
        .cloned()
        .collect();
    if all.is_empty() {
        let text = match who {
            Who::Agents => "No agents yet.",
            Who::Crews => "No crews yet.",
            Who::Flows => "No flow is published yet.",
        };
        return rsx! {
            EmptyState { glyph: who.glyph(), text, ButtonLink { to: who.place(), "Go to {who.text()}" } }
        };
    }
    rsx! {
        if found.is_empty() {
            p { class: "hint", "No name has these words." }
        }
        ul {
            for choice in found {
                li { key: "{choice.id}",
                    button { r#type: "button", class: "menu-item", onclick: move |_| onchoose.call(choice.id.clone()),
                        Icon { glyph: who.glyph() }
                        span { class: "clip", strong { "{choice.name}" } " " span { class: "muted", "{choice.about}" } }
                    }
                }
            }
        }
    }
}
