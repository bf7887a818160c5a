//! Says that the server is lost, and from when the shown data is.

use dioxus::prelude::*;

use crate::{
    api::connection::LOST_SINCE,
    ui::icon::{Glyph, Icon},
};

#[component]
pub(super) fn OfflineBar() -> Element {
    let since = LOST_SINCE().map(clock);
    rsx! {
        div { role: "status", "aria-live": "polite",
            if let Some(since) = since {
                div { class: "offline",
                    Icon { glyph: Glyph::Refresh }
                    "Reconnecting. What you see is from {since}."
                }
            }
        }
    }
}

/// As the user's clock shows it.
fn clock(ms: f64) -> String {
    let date = js_sys::Date::new(&ms.into());
    format!("{:02}:{:02}", date.get_hours(), date.get_minutes())
}
