//! A word with a colour and a glyph: never the colour alone.

use contracts::execution::ExecutionState;
use dioxus::prelude::*;

use super::{
    Tone,
    icon::{Glyph, Icon},
};

#[component]
pub(crate) fn Badge(
    #[props(default)] tone: Tone,
    glyph: Option<Glyph>,
    children: Element,
) -> Element {
    rsx! {
        span { class: "badge", "data-tone": tone.as_str(),
            if let Some(glyph) = glyph {
                Icon { glyph, size: 14 }
            }
            {children}
        }
    }
}

pub(crate) const fn state_look(state: ExecutionState) -> (Tone, Glyph, &'static str) {
    match state {
        ExecutionState::Queued => (Tone::Neutral, Glyph::Clock, "Queued"),
        ExecutionState::Running => (Tone::Run, Glyph::Play, "Running"),
        ExecutionState::Waiting => (Tone::Warn, Glyph::Waiting, "Waiting"),
        ExecutionState::Paused => (Tone::Warn, Glyph::Clock, "Paused"),
        ExecutionState::Succeeded => (Tone::Ok, Glyph::Success, "Succeeded"),
        ExecutionState::Failed => (Tone::Err, Glyph::Error, "Failed"),
        ExecutionState::Cancelled => (Tone::Neutral, Glyph::Cancel, "Cancelled"),
    }
}

#[component]
pub(crate) fn StateBadge(state: ExecutionState) -> Element {
    let (tone, glyph, text) = state_look(state);
    rsx! {
        Badge { tone, glyph, "{text}" }
    }
}
