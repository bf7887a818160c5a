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
                        Model { key: "{name(line)}", line: line.clone(), share }
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
    let unpriced = match line.unpriced {
        0 => String::new(),
        n => format!("{} without a price", format::count(n)),
    };
    rsx! {
        tr {
            th { scope: "row", {name(&line)} }
            td { class: "end num", {format::count(line.calls)}
                if line.failures > 0 {
                    p { class: "hint", "{format::count(line.failures)} failed" }
                }
            }
            td { class: "end num", {format::tokens(&line.usage)} }
            td { class: "end num", {format::cost(&line.usage)}
                if line.unpriced > 0 {
                    p { class: "hint", "{unpriced}" }
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

fn name(line: &UsageLine) -> String {
    let part = |part: &Option<String>| part.clone().unwrap_or_default();
    format!("{}/{}", part(&line.provider), part(&line.model))
}

/// In hundredths of all that is known to be spent; where nothing is, of all tokens.
fn shares(lines: &[UsageLine]) -> Vec<f64> {
    let cost = |line: &UsageLine| {
        let cost = line.usage.cost.unwrap_or_default();
        f64::try_from(cost).unwrap_or_default()
    };
    let tokens =
        |line: &UsageLine| (line.usage.prompt_tokens + line.usage.completion_tokens) as f64;
    let spent: f64 = lines.iter().map(cost).sum();
    let weight: &dyn Fn(&UsageLine) -> f64 = if spent > 0.0 { &cost } else { &tokens };
    let whole: f64 = lines.iter().map(weight).sum();
    let share = |line| 100.0 * weight(line) / whole.max(f64::MIN_POSITIVE);
    lines.iter().map(share).collect()
}

#[cfg(test)]
mod tests {
    use contracts::execution::Usage;

    use super::*;

    fn line(cost: &str, tokens: u64) -> UsageLine {
        UsageLine {
            day: None,
            provider: Some("vendor".into()),
            model: Some("large".into()),
            flow_id: None,
            user_id: None,
            calls: 1,
            failures: 0,
            usage: Usage {
                prompt_tokens: tokens,
                completion_tokens: 0,
                cost: cost.parse().ok(),
            },
            unpriced: 0,
        }
    }

    #[test]
    fn shares_are_of_money_else_of_tokens() {
        assert_eq!(shares(&[line("3", 1), line("1", 99)]), [75.0, 25.0]);
        assert_eq!(shares(&[line("0", 1), line("0", 3)]), [25.0, 75.0]);
        assert_eq!(shares(&[line("0", 0)]), [0.0]);
        assert_eq!(name(&line("0", 0)), "vendor/large");
    }
}
