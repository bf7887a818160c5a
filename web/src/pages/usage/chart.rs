//! A bar for each day; what a chosen group took stands out in it.

use dioxus::prelude::*;

use super::sums::{Day, Measure};
use crate::{format, pages::spending};

const HEIGHT: f64 = 160.0;
/// Where the highest bar ends.
const TOP: f64 = 20.0;
/// Of a day's width, what is left free between two bars.
const GAP: f64 = 0.2;

#[component]
pub(super) fn Chart(days: Vec<Day>, measure: Measure, chosen: Option<String>) -> Element {
    let highest = days.iter().map(|day| day.value).fold(0.0, f64::max);
    let (_, title) = measure.words();
    let has_unknown = days.iter().any(|day| day.unknown);
    let width = 100.0 / days.len().max(1) as f64;
    let (first, last) = (days.first(), days.last());
    let when = |day: Option<&Day>| day.map(|day| day.date.format("%-d %b").to_string());
    let (from, to) = (
        when(first).unwrap_or_default(),
        when(last).unwrap_or_default(),
    );
    let top = value_text(highest, measure);
    rsx! {
        figure { class: "chart",
            div { class: "chart-area",
                svg { width: "100%", height: "{HEIGHT}", role: "img", "aria-label": "{title} by day, {from} to {to}, at most {top} a day. The numbers are in the tables.",
                    line { class: "chart-line", x1: "0", x2: "100%", y1: "{TOP}", y2: "{TOP}" }
                    for (index , day) in days.iter().enumerate() {
                        Bar { key: "{day.date}", day: day.clone(), left: width * (index as f64 + GAP / 2.0), width: width * (1.0 - GAP), highest }
                    }
                    rect { class: "strip-base", x: "0", y: "{HEIGHT - 1.0}", width: "100%", height: "1" }
                    text { class: "chart-text", x: "0", y: "12", "{top}" }
                }
                // What a day was, where the pointer rests on it.
                ol { class: "chart-hits", "aria-hidden": "true",
                    for day in days.iter() {
                        li { key: "{day.date}", title: told(day, measure) }
                    }
                }
            }
            div { class: "chart-days", "aria-hidden": "true",
                span { "{from}" }
                span { "{to}" }
            }
            figcaption { class: "hint row",
                if let Some(chosen) = chosen {
                    Key { sign: "part", text: chosen }
                    Key { sign: "others", text: "the others" }
                }
                if has_unknown {
                    Key { sign: "unknown", text: "a price is unknown: it cost more than is shown" }
                }
            }
        }
    }
}

/// What a colour of the chart stands for.
#[component]
fn Key(sign: &'static str, text: String) -> Element {
    rsx! {
        span { class: "chart-key",
            span { class: "chart-sign", "data-sign": sign, "aria-hidden": "true" }
            span { "{text}" }
        }
    }
}

#[component]
fn Bar(day: Day, left: f64, width: f64, highest: f64) -> Element {
    // Where all is nothing, so is each bar.
    let height = |value: f64| (HEIGHT - 1.0 - TOP) * value / highest.max(f64::MIN_POSITIVE);
    let (whole, part) = (height(day.value), height(day.part));
    let base = HEIGHT - 1.0;
    let unknown_top = (base - whole - 4.0).max(0.0);
    rsx! {
        g {
            rect { class: "chart-bar", x: "{left:.3}%", y: "{base - whole:.1}", width: "{width:.3}%", height: "{whole:.1}" }
            rect { class: "chart-part", x: "{left:.3}%", y: "{base - part:.1}", width: "{width:.3}%", height: "{part:.1}" }
            if day.unknown {
                rect { class: "chart-unknown", x: "{left:.3}%", y: "{unknown_top:.1}", width: "{width:.3}%", height: "3" }
            }
        }
    }
}

/// What a day says where the pointer rests on it.
fn told(day: &Day, measure: Measure) -> String {
    let date = day.date.format("%-d %b %Y");
    let sum = &day.sum;
    let value = match measure {
        Measure::Cost => spending::cost(sum),
        Measure::Tokens => format!("{} tokens", format::tokens(&sum.usage)),
        Measure::Calls => format!("{} calls", format::count(sum.calls)),
    };
    match spending::unpriced(sum).filter(|_| measure == Measure::Cost) {
        Some(more) => format!("{date}: {value} {more}"),
        None => format!("{date}: {value}"),
    }
}

fn value_text(value: f64, measure: Measure) -> String {
    match measure {
        Measure::Cost if value > 0.0 && value < 0.01 => "under $0.01".into(),
        Measure::Cost if value < 1.0 => format!("${value:.3}"),
        Measure::Cost => format!("${value:.2}"),
        Measure::Tokens | Measure::Calls => format::count(crate::live::words::whole(value)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pages::spending::testing::line;

    #[test]
    fn a_day_tells_what_is_not_known_of_it() {
        let mut sum = line("1.5", 2_000);
        (sum.calls, sum.unpriced) = (3, 1);
        let day = Day {
            date: "2026-11-02".parse().expect("a day"),
            sum,
            value: 1.5,
            part: 0.0,
            unknown: true,
        };
        let said = told(&day, Measure::Cost);
        assert_eq!(said, "2 Nov 2026: $1.5 + 1 unpriced");
        assert_eq!(told(&day, Measure::Tokens), "2 Nov 2026: 2.0 k tokens");
        assert_eq!(told(&day, Measure::Calls), "2 Nov 2026: 3 calls");
        assert_eq!(value_text(0.004, Measure::Cost), "under $0.01");
        assert_eq!(value_text(0.075, Measure::Cost), "$0.075");
        assert_eq!(value_text(12.0, Measure::Cost), "$12.00");
        assert_eq!(value_text(12_000.0, Measure::Tokens), "12.0 k");
    }
}
