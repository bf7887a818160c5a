//! The navigation: a rail at the left, a bar at the bottom of a phone.

use dioxus::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::HtmlElement;

use super::account::{Account, Organizations};
use crate::{
    api::{
        asking::{self, ASKING, use_asking},
        query,
        session::Identity,
    },
    dom, lazy,
    listen::use_interval,
    routes::Route,
    ui::icon::{Glyph, Icon},
};

struct Entry {
    text: &'static str,
    glyph: Glyph,
    to: fn() -> Route,
    /// Whether a page belongs to this entry.
    covers: fn(&Route) -> bool,
}

const ENTRIES: [Entry; 10] = [
    Entry {
        text: "Dashboard",
        glyph: Glyph::Dashboard,
        to: || Route::Dashboard {},
        covers: |r| matches!(r, Route::Dashboard {}),
    },
    Entry {
        text: "Flows",
        glyph: Glyph::Flow,
        to: Route::flows,
        covers: |r| matches!(r, Route::Flows { .. } | Route::Editor { .. }),
    },
    Entry {
        text: "Executions",
        glyph: Glyph::Execution,
        to: Route::executions,
        covers: |r| {
            matches!(
                r,
                Route::Executions { .. }
                    | Route::Execution { .. }
                    | Route::Compare { .. }
                    | Route::DeadLetters { .. }
            )
        },
    },
    Entry {
        text: APPROVALS,
        glyph: Glyph::Inbox,
        to: || Route::Approvals {},
        covers: |r| matches!(r, Route::Approvals {}),
    },
    Entry {
        text: "Agents",
        glyph: Glyph::Agent,
        to: Route::agents,
        covers: |r| matches!(r, Route::Agents { .. } | Route::Agent { .. }),
    },
    Entry {
        text: "Crews",
        glyph: Glyph::Crew,
        to: Route::crews,
        covers: |r| matches!(r, Route::Crews { .. } | Route::Crew { .. }),
    },
    Entry {
        text: "Tools",
        glyph: Glyph::Tool,
        to: Route::tools,
        covers: |r| matches!(r, Route::Tools { .. } | Route::Tool { .. }),
    },
    Entry {
        text: "Knowledge",
        glyph: Glyph::Knowledge,
        to: Route::knowledge,
        covers: |r| matches!(r, Route::Knowledge { .. } | Route::KnowledgeBase { .. }),
    },
    Entry {
        text: "Chat",
        glyph: Glyph::Chat,
        to: Route::chat,
        covers: |r| matches!(r, Route::Chat { .. } | Route::ChatSession { .. }),
    },
    Entry {
        text: "Providers",
        glyph: Glyph::Provider,
        to: || Route::Providers {},
        covers: |r| matches!(r, Route::Providers {}),
    },
];

/// The entry that says how much waits.
const APPROVALS: &str = "Approvals";
/// How often it is counted.
const COUNT_MS: i32 = 10_000;

/// Pages by name, for the command palette too.
pub(super) fn places() -> impl Iterator<Item = (&'static str, Glyph, Route)> {
    ENTRIES
        .iter()
        .map(|entry| (entry.text, entry.glyph, (entry.to)()))
}

const LIST: &str = "rail-list";

/// Brings the entry of the page into sight: the bar of a phone is wider than the phone.
fn show_current() {
    let list = dom::by_id(LIST);
    let current = list.as_ref().and_then(|list| {
        let found = list.query_selector("[data-here]").ok()??;
        found.dyn_into::<HtmlElement>().ok()
    });
    if let (Some(list), Some(current)) = (list, current) {
        let left = current.offset_left() - list.offset_left();
        list.set_scroll_left(left - (list.client_width() - current.client_width()) / 2);
    }
}

#[component]
pub(super) fn Rail(route: Route, identity: Identity) -> Element {
    let here = ENTRIES.iter().position(|entry| (entry.covers)(&route));
    use_effect(use_reactive!(|here| if here.is_some() {
        show_current();
    }));
    rsx! {
        nav { class: "rail", "aria-label": "Main",
            Organizations { identity: identity.clone() }
            ul { id: LIST,
                for entry in ENTRIES.iter() {
                    li {
                        key: "{entry.text}",
                        onpointerenter: |_| lazy::prefetch(&(entry.to)()),
                        onfocusin: |_| lazy::prefetch(&(entry.to)()),
                        Link {
                            to: (entry.to)(),
                            class: "rail-link",
                            "data-here": (entry.covers)(&route).then_some(""),
                            Icon { glyph: entry.glyph, size: 20 }
                            span { "{entry.text}" }
                            if entry.text == APPROVALS {
                                Count {}
                            }
                        }
                    }
                }
            }
            Account { identity }
        }
    }
}

/// How much waits for a person.
#[component]
fn Count() -> Element {
    let asking = use_asking();
    use_interval(COUNT_MS, || query::invalidate_one(ASKING));
    let count = asking.data().and_then(|page| asking::count(&page));
    let Some(count) = count else {
        return rsx! {};
    };
    rsx! {
        span { class: "rail-count", "{count}" span { class: "visually-hidden", " open" } }
    }
}
