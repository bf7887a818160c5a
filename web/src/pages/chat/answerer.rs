//! Who answers in a conversation.

use contracts::chat::ChatSession;
use dioxus::prelude::*;
use serde::Deserialize;

use crate::{
    api::{
        self,
        query::{Query, View, use_query},
    },
    routes::Route,
    ui::icon::{Glyph, Icon},
};

#[derive(Clone, Debug, PartialEq, Deserialize)]
pub(super) struct Named {
    pub(super) name: String,
}

pub(super) const fn glyph_of(session: &ChatSession) -> Glyph {
    match (session.agent_id, session.crew_id) {
        (Some(_), _) => Glyph::Agent,
        (None, Some(_)) => Glyph::Crew,
        (None, None) => Glyph::Flow,
    }
}

fn place(session: &ChatSession) -> (String, Route) {
    match (session.agent_id, session.crew_id, session.flow_id) {
        (Some(id), _, _) => (format!("/agents/{id}"), Route::agent(id)),
        (None, Some(id), _) => (format!("/crews/{id}"), Route::crew(id)),
        (None, None, Some(id)) => (format!("/flows/{id}"), Route::flow(id)),
        (None, None, None) => ("/flows/none".into(), Route::flows()),
    }
}

/// Only the name is of interest here, so it has a key of its own.
pub(super) fn use_answerer(session: &ChatSession) -> Query<Named> {
    let (path, _) = place(session);
    use_query(format!("{path}#name"), move || {
        let path = path.clone();
        async move { api::get(&path).await }
    })
}

#[component]
pub(super) fn Answerer(session: ChatSession) -> Element {
    let named = use_answerer(&session);
    let (_, to) = place(&session);
    rsx! {
        span { class: "chat-answerer hint",
            Icon { glyph: glyph_of(&session), size: 14 }
            match named.view() {
                View::Loading => rsx! {},
                View::Failed(_) => rsx! { "not there any more" },
                View::Ready(named) => rsx! {
                    Link { to, class: "clip", "{named.name}" }
                },
            }
        }
    }
}
