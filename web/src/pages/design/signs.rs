//! What only shows something.

use contracts::{ErrorCode, Problem, execution::ExecutionState};
use dioxus::prelude::*;

use crate::ui::{
    Tone,
    avatar::Avatar,
    badge::{Badge, StateBadge},
    button::Button,
    empty::EmptyState,
    icon::{Glyph, Icon},
    problem::{ProblemLine, ProblemView},
    skeleton::Skeleton,
    time::Ago,
};

const COLOURS: [&str; 11] = [
    "paper", "surface", "raise", "ink", "ink-2", "line", "accent", "run", "ok", "warn", "err",
];

#[component]
pub(super) fn Swatches() -> Element {
    rsx! {
        ul { class: "swatches",
            for name in COLOURS {
                li { key: "{name}",
                    span { class: "swatch", background: "var(--{name})" }
                    code { "{name}" }
                }
            }
        }
    }
}

#[component]
pub(super) fn Badges() -> Element {
    rsx! {
        div { class: "row",
            for state in ExecutionState::ALL {
                StateBadge { key: "{state.as_str()}", state }
            }
            Badge { tone: Tone::Accent, glyph: Glyph::Note, "Draft" }
        }
        div { class: "row",
            Avatar { name: "Ada Lovelace" }
            Avatar { name: "Analytical Engines", square: true }
            Ago { at: chrono::Utc::now() - chrono::TimeDelta::minutes(5) }
        }
    }
}

#[component]
pub(super) fn States() -> Element {
    let refused = Problem::new(ErrorCode::Forbidden, "this needs the role editor");
    let mut broken = Problem::new(
        ErrorCode::Unavailable,
        "the archive is not available at present",
    );
    broken.trace_id = Some("4bf92f3577b34da6a3ce929d0e0e4736".into());
    rsx! {
        EmptyState { glyph: Glyph::Flow, text: "Nothing is here yet.", Button { "Make one" } }
        ProblemView { problem: refused }
        ProblemView { problem: broken.clone(), onretry: |()| {} }
        ProblemLine { problem: broken }
        Skeleton { rows: 3 }
    }
}

#[component]
pub(super) fn Icons() -> Element {
    rsx! {
        ul { class: "icons",
            for glyph in Glyph::ALL {
                li { key: "{glyph:?}", title: "{glyph:?}", Icon { glyph: *glyph, size: 20 } span { "{glyph:?}" } }
            }
        }
    }
}
