//! What was spent of a limit and what is held back, as a bar with its marks and in words.

use contracts::llm::{BudgetSpec, BudgetUsage};
use dioxus::prelude::*;

use super::level::{Level, MARKS, Parts};
use crate::format::dollars;

const HEIGHT: u32 = 12;

#[component]
pub(super) fn Meter(
    name: String,
    /// Whose spending it is, where it is that of one of several.
    subject: Option<String>,
    spec: BudgetSpec,
    usage: BudgetUsage,
) -> Element {
    let parts = Parts::of(&spec, &usage);
    let (spent, reserved) = parts.widths();
    let level = Level::at(&spec, &usage);
    let held = match usage.reserved.is_zero() {
        true => String::new(),
        false => format!(", {} held back", dollars(usage.reserved)),
    };
    let told = format!("{} of {}{held}", dollars(usage.spent), dollars(spec.limit));
    let label = match &subject {
        Some(subject) => format!("Spent of {name} by {subject}"),
        None => format!("Spent of {name}"),
    };
    rsx! {
        div { class: "meter-text",
            if let Some(subject) = subject {
                span { class: "clip", "{subject}" }
            }
            span { class: "num", "{told}" }
            span { class: "num muted spread", "{parts.spent:.0} %" }
        }
        svg {
            class: "meter",
            "data-level": level.as_str(),
            width: "100%",
            height: "{HEIGHT}",
            role: "meter",
            "aria-label": "{label}",
            "aria-valuemin": "0",
            "aria-valuemax": "100",
            "aria-valuenow": "{spent:.0}",
            "aria-valuetext": "{told}",
            rect { class: "meter-room", x: "0", y: "0", width: "100%", height: "{HEIGHT}" }
            rect { class: "meter-spent", x: "0", y: "0", width: "{spent:.2}%", height: "{HEIGHT}" }
            rect { class: "meter-held", x: "{spent:.2}%", y: "0", width: "{reserved:.2}%", height: "{HEIGHT}" }
            for mark in MARKS {
                line { key: "{mark}", class: "meter-mark", x1: "{mark}%", x2: "{mark}%", y1: "0", y2: "{HEIGHT}" }
            }
        }
    }
}
