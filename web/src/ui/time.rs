//! A moment, told by its distance; the exact time is in its title.

use chrono::{DateTime, Utc};
use dioxus::prelude::*;

use crate::format;

#[component]
pub(crate) fn Ago(at: DateTime<Utc>) -> Element {
    let exact = at.format("%Y-%m-%d %H:%M:%S UTC").to_string();
    rsx! {
        time { datetime: at.to_rfc3339(), title: exact, {format::ago(at, Utc::now())} }
    }
}
