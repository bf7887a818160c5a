//! Moments: told by their distance, with the exact time in the title, or as a clock shows them.

use chrono::{DateTime, Utc};
use dioxus::prelude::*;

use super::Tone;
use crate::{dom, format};

/// A deadline that is nearer than this is told as a warning.
const SOON_SECONDS: i64 = 3_600;

#[component]
pub(crate) fn Ago(at: DateTime<Utc>) -> Element {
    rsx! {
        time { datetime: at.to_rfc3339(), title: exact(at), {format::ago(at, Utc::now())} }
    }
}

/// A moment to come, until which something has to be done.
#[component]
pub(crate) fn Due(at: DateTime<Utc>) -> Element {
    let now = Utc::now();
    let soon = (at - now).num_seconds() < SOON_SECONDS;
    let tone = if soon { Tone::Warn } else { Tone::Neutral };
    rsx! {
        time { class: "due", "data-tone": tone.as_str(), datetime: at.to_rfc3339(), title: exact(at), {format::ahead(at, now)} }
    }
}

/// As the clocks of a time zone show it; in UTC where the browser does not know the zone. The zone is named.
#[component]
pub(crate) fn Clock(at: DateTime<Utc>, time_zone: String) -> Element {
    let text = match dom::clock_in(at.timestamp_millis(), &time_zone) {
        Some(text) => format!("{text} {time_zone}"),
        None => exact(at),
    };
    rsx! {
        time { datetime: at.to_rfc3339(), title: exact(at), "{text}" }
    }
}

fn exact(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M:%S UTC").to_string()
}
