//! Pages whose code comes when they are first opened, in a few files beside the app's own.
//!
//! **Invariant:** such a page is named here alone; any other mention would pull its code
//! into the first visit.

use contracts::{ErrorCode, Problem};
use dioxus::{core::spawn_forever, prelude::*};
use wasm_split_helpers::{SplitLoaderError, wasm_split};

use crate::{
    api::query::{View, use_query},
    dom, pages,
    params::Params,
    routes::Route,
    ui::{button::Button, icon::Glyph, page::Page, problem::ProblemView, skeleton::Skeleton},
};

/// Draws the pages of a chunk.
#[derive(Clone, Copy)]
struct Draw(fn(Route) -> Element);

impl PartialEq for Draw {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::fn_addr_eq(self.0, other.0)
    }
}

/// For each chunk: the function that the build cuts off the app with all that it alone leads to,
/// and for each of its pages the component that the router shows.
macro_rules! chunks {
    ($($(#[$about:meta])* $Chunk:ident $chunk:ident {
        $($page:ident::$Page:ident { $($field:ident: $type:ty),* })*
    })*) => {
        /// Pages that are loaded together, since they share much of their code or their visitors.
        #[derive(Clone, Copy, Debug, PartialEq)]
        enum Chunk {
            $($(#[$about])* $Chunk,)*
        }

        impl Chunk {
            /// None for the pages of the first visit.
            fn of(route: &Route) -> Option<Self> {
                match route {
                    $($(Route::$Page { .. } => Some(Self::$Chunk),)*)*
                    _ => None,
                }
            }

            /// Fetches it once; after a failure the next call fetches it anew.
            async fn load(self) -> Result<Draw, SplitLoaderError> {
                match self {
                    $(Self::$Chunk => $chunk().await,)*
                }
            }
        }

        $(#[wasm_split($chunk, fallible)]
        fn $chunk() -> Result<Draw, SplitLoaderError> {
            Ok(Draw(|route| match route {
                $(Route::$Page { $($field),* } => rsx! { pages::$page::$Page { $($field),* } },)*
                _ => VNode::empty(),
            }))
        }

        $(#[component]
        pub(crate) fn $Page($($field: $type),*) -> Element {
            rsx! { Lazy { chunk: Chunk::$Chunk, route: Route::$Page { $($field),* } } }
        })*)*
    };
}

chunks! {
    /// The canvas, and what is drawn on it.
    Canvas canvas {
        editor::Editor { id: String, params: Params }
        execution::Execution { id: String, params: Params }
        compare::Compare { id: String, with: String }
        crew::Crew { id: String, params: Params }
    }
    /// Conversations.
    Chats chats {
        chat::Chat { params: Params }
        chat::ChatSession { id: String, params: Params }
    }
    /// What flows and conversations are made of, what is set up once, and what waits for people.
    Catalog catalog {
        approvals::Approvals {}
        dead_letters::DeadLetters { params: Params }
        agents::Agents { params: Params }
        agent::Agent { id: String, params: Params }
        crews::Crews { params: Params }
        tools::Tools { params: Params }
        tool::Tool { id: String, params: Params }
        knowledge::Knowledge { params: Params }
        knowledge_base::KnowledgeBase { id: String, params: Params }
        providers::Providers {}
        settings::Settings {}
        design::Design {}
    }
}

/// Fetches the code of the page behind a link that somebody is about to follow.
pub(crate) fn prefetch(route: &Route) {
    let Some(chunk) = Chunk::of(route) else {
        return;
    };
    // A failure is told where the page is opened.
    spawn_forever(async move { drop(chunk.load().await) });
}

/// A page of a chunk, or what is shown until its code is here.
#[component]
fn Lazy(chunk: Chunk, route: Route) -> Element {
    let code = use_query(format!("code:{chunk:?}"), move || async move {
        chunk.load().await.map_err(|_| missing())
    });
    match code.view() {
        View::Ready(draw) => (draw.0)(route),
        View::Loading => rsx! {
            div { class: "page", Skeleton {} }
        },
        View::Failed(problem) => rsx! {
            Page { title: "Page not loaded", loaded: true,
                ProblemView { problem, onretry: move |()| code.refetch() }
                div { class: "row",
                    Button { icon: Glyph::Refresh, onclick: |_| dom::reload(), "Reload the app" }
                }
            }
        },
    }
}

fn missing() -> Problem {
    Problem::new(
        ErrorCode::Unavailable,
        "a part of the app could not be loaded; where the app was updated meanwhile, reload it",
    )
}
