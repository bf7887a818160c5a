//! What an agent remembers, as far as the user may see it; any of it can be forgotten.

use contracts::{
    Permission,
    agent::{Memory, MemoryScope},
    page::Page as ListPage,
};
use dioxus::prelude::*;

use crate::{
    api::{
        self,
        query::{self, View, use_get},
        session,
    },
    routes::Route,
    ui::{
        badge::Badge, button::IconButton, empty::EmptyState, icon::Glyph, problem::ProblemView,
        skeleton::Skeleton, time::Ago, toast,
    },
};

#[component]
pub(crate) fn Memories(path: String, scope: MemoryScope) -> Element {
    let address = format!("{path}/memories");
    let list = use_get::<ListPage<Memory>>(format!("{address}?limit=100"));
    let may_forget = session::may(Permission::AgentRun);
    let empty = match scope {
        MemoryScope::Off => "Its memory is off, so it keeps nothing.",
        MemoryScope::User | MemoryScope::Organization => "It remembers nothing yet.",
    };
    match list.view() {
        View::Loading => rsx! { Skeleton {} },
        View::Failed(problem) => {
            rsx! { ProblemView { problem, onretry: move |()| list.refetch() } }
        }
        View::Ready(page) if page.items.is_empty() => {
            rsx! { EmptyState { glyph: Glyph::Note, text: empty } }
        }
        View::Ready(page) => rsx! {
            ul { class: "rows",
                for memory in page.items.iter() {
                    li { key: "{memory.id}", class: "list-item",
                        div { class: "row",
                            if let Some(entity) = &memory.entity {
                                Badge { glyph: Glyph::User, "{entity}" }
                            }
                            span { "{memory.text}" }
                            span { class: "spread row",
                                Link { class: "muted", to: Route::execution(memory.execution_id), Ago { at: memory.created_at } }
                                if may_forget {
                                    IconButton {
                                        glyph: Glyph::Trash,
                                        label: "Forget this",
                                        onclick: {
                                            let (one, address) = (format!("{address}/{}", memory.id), address.clone());
                                            move |_| {
                                                let (one, address) = (one.clone(), address.clone());
                                                async move {
                                                    match api::delete(&one).await {
                                                        Ok(()) => query::invalidate(&address),
                                                        Err(problem) => toast::problem(&problem),
                                                    }
                                                }
                                            }
                                        },
                                    }
                                }
                            }
                        }
                    }
                }
            }
        },
    }
}
