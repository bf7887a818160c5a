//! What each model cost in the days that the dashboard looks at.

use chrono::{NaiveTime, TimeDelta, Utc};
use contracts::llm::{UsageLine, UsageReport};
use dioxus::prelude::*;

use super::days::DAYS;
use crate::{
    api::{
        self,
        query::{self, View, use_query},
    },
    format,
    listen::use_interval,
    pages::spending::{cost, model_name, shares, unpriced},
    params::Params,
    ui::{problem::ProblemView, skeleton::Skeleton},
};

const USAGE: &str = "/llm/usage#days";
/// Models that are told of by name.
const SHOWN: usize = 6;

#[component]
pub(super) fn Spend() -> Element {
    let report = use_query(USAGE.into(), || async {
        // A whole day more, since the days of the user are not those of UTC.
        let first = Utc::now() - TimeDelta::days(DAYS as i64);
        let since = first.with_time(NaiveTime::MIN).single().unwrap_or(first);
        let params = Params::one("since", &since.to_rfc3339());
        api::get::<UsageReport>(&format!("/llm/usage{}", params.query())).await
    });
    use_interval(30_000, || query::invalidate(USAGE));
    match report.view() {
        View::Loading => rsx! { Skeleton { rows: 2 } },
        View::Failed(problem) => {
            rsx! { ProblemView { problem, onretry: move |()| report.refetch() } }
        }
        View::Ready(report) if report.items.is_empty() => {
            rsx! { p { class: "muted", "No model was asked." } }
        }
        View::Ready(report) => rsx! { Models { lines: report.items.clone() } },
    }
}

#[component]
fn Models(lines: Vec<UsageLine>) -> Element {
    let left_out = lines.len().saturating_sub(SHOWN);
    let shares = shares(&lines);
    rsx! {
        div { class: "table-scroll", tabindex: "0", role: "region", "aria-label": "Spend by model",
            table { class: "table spend",
                thead {
                    tr {
                        th { scope: "col", "Model" }
                        th { scope: "col", class: "end", "Calls" }
                        th { scope: "col", class: "end", "Tokens" }
                        th { scope: "col", class: "end", "Cost" }
                        th { scope: "col", class: "wide-only", "Share" }
                    }
                }
                tbody {
                    for (line , share) in lines.iter().zip(shares).take(SHOWN) {
                        Model { key: "{model_name(line)}", line: line.clone(), share }
                    }
                }
            }
        }
        if left_out > 0 {
            p { class: "hint", "And {format::plural(left_out, \"model\", \"models\")} that cost less." }
        }
    }
}

#[component]
fn Model(line: UsageLine, share: f64) -> Element {
    rsx! {
        tr {
            th { scope: "row", {model_name(&line)} }
            td { class: "end num", {format::count(line.calls)}
                if line.failures > 0 {
                    p { class: "hint", "{format::count(line.failures)} failed" }
                }
            }
            td { class: "end num", {format::tokens(&line.usage)} }
            td { class: "end num", {cost(&line)}
                if let Some(more) = unpriced(&line) {
                    p { class: "hint", "{more}" }
                }
            }
            td { class: "wide-only",
                svg { class: "share", width: "100%", height: "8", "aria-hidden": "true",
                    rect { class: "share-bar", x: "0", y: "0", width: "{share:.1}%", height: "8" }
                }
            }
        }
    }
}
