//! The same numbers as tables: by group with their sum, and by day.

use contracts::llm::{UsageBy, UsageLine};
use dioxus::prelude::*;

use super::{
    period::by_word,
    sums::{Day, key, name, total},
};
use crate::{
    api::names::Names,
    format,
    live::words,
    pages::spending::{cost, shares, unpriced},
};

#[component]
pub(super) fn Groups(
    lines: Vec<UsageLine>,
    by: UsageBy,
    names: Names,
    /// The group that stands out in the chart.
    chosen: Option<String>,
    onchoose: EventHandler<Option<String>>,
) -> Element {
    let sum = total(&lines);
    let shares = shares(&lines);
    let title = match by {
        UsageBy::Model => "Model",
        UsageBy::Flow => "Flow",
        UsageBy::User => "User",
    };
    rsx! {
        div { class: "table-scroll", tabindex: "0", role: "region", "aria-label": "Usage by {by_word(by)}",
            table { class: "table spend usage-table", "data-by": by_word(by),
                thead {
                    tr {
                        th { scope: "col", "{title}" }
                        th { scope: "col", class: "end", "Calls" }
                        th { scope: "col", class: "end wide-only", "Prompt" }
                        th { scope: "col", class: "end wide-only", "Completion" }
                        th { scope: "col", class: "end", "Cost" }
                        th { scope: "col", class: "wide-only", "Share" }
                    }
                }
                tbody {
                    for (line , share) in lines.iter().zip(shares) {
                        Group {
                            key: "{key(line, by)}",
                            line: line.clone(),
                            name: name(line, by, &names),
                            share,
                            chosen: chosen.as_deref() == Some(key(line, by).as_str()),
                            onchoose: {
                                let group = key(line, by);
                                move |on: bool| onchoose.call(on.then(|| group.clone()))
                            },
                        }
                    }
                }
                tfoot {
                    tr {
                        th { scope: "row", "In all" }
                        Numbers { line: sum }
                        td { class: "wide-only" }
                    }
                }
            }
        }
    }
}

#[component]
fn Group(
    line: UsageLine,
    name: String,
    share: f64,
    chosen: bool,
    onchoose: EventHandler<bool>,
) -> Element {
    rsx! {
        tr { "data-chosen": chosen.then_some(""),
            th { scope: "row",
                button { class: "usage-group", r#type: "button", "aria-pressed": "{chosen}", title: "Show it in the chart", onclick: move |_| onchoose.call(!chosen), "{name}" }
            }
            Numbers { line }
            td { class: "wide-only",
                svg { class: "share", width: "100%", height: "8", "aria-hidden": "true",
                    rect { class: "share-bar", x: "0", y: "0", width: "{share:.1}%", height: "8" }
                }
            }
        }
    }
}

#[component]
fn Numbers(line: UsageLine) -> Element {
    rsx! {
        td { class: "end num", {words::count(line.calls)}
            if line.failures > 0 {
                p { class: "hint", "{format::count(line.failures)} failed" }
            }
        }
        td { class: "end num wide-only", {words::count(line.usage.prompt_tokens)} }
        td { class: "end num wide-only", {words::count(line.usage.completion_tokens)} }
        td { class: "end num", {cost(&line)}
            if let Some(more) = unpriced(&line) {
                p { class: "hint", "{more}" }
            }
        }
    }
}

/// Days on which somebody asked, the latest first.
#[component]
pub(super) fn ByDay(days: Vec<Day>) -> Element {
    let asked = days.iter().rev().filter(|day| day.sum.calls > 0);
    rsx! {
        details { class: "fold",
            summary { "By day" }
            div { class: "table-scroll", tabindex: "0", role: "region", "aria-label": "Usage by day",
                table { class: "table spend usage-table",
                    thead {
                        tr {
                            th { scope: "col", "Day" }
                            th { scope: "col", class: "end", "Calls" }
                            th { scope: "col", class: "end wide-only", "Prompt" }
                            th { scope: "col", class: "end wide-only", "Completion" }
                            th { scope: "col", class: "end", "Cost" }
                        }
                    }
                    tbody {
                        for day in asked {
                            tr { key: "{day.date}",
                                th { scope: "row", {day.date.format("%-d %b %Y").to_string()} }
                                Numbers { line: day.sum.clone() }
                            }
                        }
                    }
                }
            }
        }
    }
}
