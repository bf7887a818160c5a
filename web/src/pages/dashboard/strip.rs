//! Fourteen bars, one for each day, and the sum below them.

use chrono::{Datelike, NaiveDate};
use dioxus::prelude::*;

use super::days::{DAYS, Day, DayCounts};
use crate::format;

const HEIGHT: usize = 72;

#[component]
pub(super) fn Strip(counts: DayCounts, cut: bool) -> Element {
    let highest = counts.highest().max(1);
    let total = counts.total();
    rsx! {
        ol { class: "strip",
            for (index , day) in counts.days.iter().copied().enumerate() {
                li { key: "{index}", title: told(counts.date(index), day),
                    span { class: "visually-hidden", {told(counts.date(index), day)} }
                    svg { width: "100%", height: "{HEIGHT}", "aria-hidden": "true",
                        Bar { from: 0, part: day.succeeded, highest, tone: "ok" }
                        Bar { from: day.succeeded, part: day.other, highest, tone: "neutral" }
                        Bar { from: day.succeeded + day.other, part: day.failed, highest, tone: "err" }
                        rect { class: "strip-base", x: "0", y: "{HEIGHT - 1}", width: "100%", height: "1" }
                    }
                    span { class: "strip-day", "aria-hidden": "true", {label(index, counts.date(index))} }
                }
            }
        }
        p { class: "hint",
            if cut {
                "The latest "
            }
            {format::plural(total, "execution", "executions")}
            ", "
            span { class: "num", {format::tokens(&counts.usage)} }
            " tokens, "
            span { class: "num", {format::cost(&counts.usage)} }
            if counts.usage.cost.is_none() {
                " cost, since some model has no price"
            }
        }
    }
}

#[component]
fn Bar(from: usize, part: usize, highest: usize, tone: &'static str) -> Element {
    let room = (HEIGHT - 8) as f64 / highest as f64;
    let height = part as f64 * room;
    let top = HEIGHT as f64 - (from + part) as f64 * room;
    rsx! {
        if part > 0 {
            rect { class: "strip-bar", "data-tone": tone, x: "0", y: "{top:.1}", width: "100%", height: "{height:.1}" }
        }
    }
}

/// The day of the month; the month stands where it begins.
fn label(index: usize, date: NaiveDate) -> String {
    match index {
        _ if index == DAYS - 1 => "today".into(),
        0 => date.format("%-d %b").to_string(),
        _ if date.day() == 1 => date.format("%-d %b").to_string(),
        _ => date.day().to_string(),
    }
}

fn told(date: NaiveDate, day: Day) -> String {
    let when = date.format("%-d %b");
    let Day {
        succeeded,
        failed,
        other,
    } = day;
    match other {
        0 => format!("{when}: {succeeded} succeeded, {failed} failed"),
        _ => format!("{when}: {succeeded} succeeded, {failed} failed, {other} other"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_month_stands_where_it_begins() {
        let day = |text: &str| text.parse().expect("a date");
        assert_eq!(label(0, day("2026-11-08")), "8 Nov");
        assert_eq!(label(5, day("2026-11-13")), "13");
        assert_eq!(label(6, day("2026-12-01")), "1 Dec");
        assert_eq!(label(DAYS - 1, day("2026-11-21")), "today");
    }
}
