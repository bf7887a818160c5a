//! What models took: money, tokens and calls over days, by model, flow or user.

mod chart;
mod period;
mod sums;
mod tables;

use chrono::Utc;
use contracts::llm::{UsageBy, UsageReport};
use dioxus::prelude::*;

use self::{
    chart::Chart,
    period::{BY, LAST, Span, USUAL, by_word, chosen_by},
    sums::{Measure, days, key, name},
    tables::{ByDay, Groups},
};
use super::{model_pages::ModelPage, period::Period};
use crate::{
    api::{
        names::{Names, use_member_names, use_names},
        query::{self, View, use_get},
    },
    listen::use_interval,
    params::Params,
    routes::Route,
    ui::{
        empty::EmptyState, icon::Glyph, problem::ProblemView, select::SelectField,
        skeleton::Skeleton,
    },
};

/// How often the numbers are read.
const EVERY_MS: i32 = 30_000;

fn to(params: Params) -> Route {
    Route::Usage { params }
}

#[component]
pub(crate) fn Usage(params: Params) -> Element {
    let by = chosen_by(&params);
    let span = Span::of(&params, Utc::now().date_naive());
    let sums = use_get::<UsageReport>(span.path(by, false));
    let daily = use_get::<UsageReport>(span.path(by, true));
    use_interval(EVERY_MS, || query::invalidate("/llm/usage?"));
    let (flows, members) = (use_names(), use_member_names());
    let names = match by {
        UsageBy::Model | UsageBy::Flow => flows,
        UsageBy::User => members,
    };
    rsx! {
        ModelPage {
            title: "Usage",
            loaded: sums.is_settled() && daily.is_settled(),
            Choices { params: params.clone(), by }
            match (sums.view(), daily.view()) {
                (View::Failed(problem), _) => rsx! { ProblemView { problem, onretry: move |()| sums.refetch() } },
                (_, View::Failed(problem)) => rsx! { ProblemView { problem, onretry: move |()| daily.refetch() } },
                (View::Ready(sums), View::Ready(_)) if sums.items.is_empty() => rsx! {
                    EmptyState { glyph: Glyph::Provider, text: "No model was asked in these days." }
                },
                (View::Ready(sums), View::Ready(daily)) => rsx! {
                    Report { sums: (*sums).clone(), daily: (*daily).clone(), span, by, names, params }
                },
                (View::Loading, _) | (_, View::Loading) => rsx! { Skeleton { rows: 6 } },
            }
            p { class: "hint", "Days are UTC. A call counts within seconds of its end, and as long as the archive keeps it." }
        }
    }
}

#[component]
fn Choices(params: Params, by: UsageBy) -> Element {
    let measure = Measure::named(params.get("measure").unwrap_or_default());
    let by_title = |by: UsageBy| match by {
        UsageBy::Model => "By model",
        UsageBy::Flow => "By flow",
        UsageBy::User => "By user",
    };
    let groups = BY.map(|by| (by_word(by).to_owned(), by_title(by).to_owned()));
    let measures = Measure::ALL.map(|measure| {
        let (word, text) = measure.words();
        (word.to_owned(), text.to_owned())
    });
    let last = LAST.map(|(word, text, _)| (word.to_owned(), text.to_owned()));
    let (by_group, by_measure) = (params.clone(), params.clone());
    rsx! {
        div { class: "filter-bar", role: "group", "aria-label": "What is shown",
            SelectField { label: "Put together", bare: true, value: by_word(by), options: groups.to_vec(),
                // What stands out is one of the groups before.
                onchange: move |word: String| drop(navigator().push(to(by_group.with("by", &word).with("group", "")))),
            }
            SelectField { label: "Measure", bare: true, value: measure.words().0, options: measures.to_vec(),
                onchange: move |word: String| drop(navigator().push(to(by_measure.with("measure", &word)))),
            }
            Period { label: "Days", options: last.to_vec(), usual: USUAL, params, to }
        }
    }
}

#[component]
fn Report(
    sums: UsageReport,
    daily: UsageReport,
    span: Span,
    by: UsageBy,
    names: Names,
    params: Params,
) -> Element {
    let measure = Measure::named(params.get("measure").unwrap_or_default());
    let chosen = params.get("group").map(str::to_owned);
    let line = sums
        .items
        .iter()
        .find(|line| chosen.as_deref() == Some(key(line, by).as_str()));
    let chosen_name = line.map(|line| name(line, by, &names));
    let days = days(
        &daily.items,
        span,
        measure,
        chosen.as_deref().map(|group| (group, by)),
    );
    rsx! {
        Chart { days: days.clone(), measure, chosen: chosen_name }
        if daily.cut {
            p { class: "hint", "There is too much for one chart: the latest days are left out of it. Choose fewer days." }
        }
        Groups {
            lines: sums.items,
            by,
            names,
            chosen,
            onchoose: move |group: Option<String>| {
                navigator().replace(to(params.with("group", &group.unwrap_or_default())));
            },
        }
        if sums.cut {
            p { class: "hint", "What cost least is left out." }
        }
        ByDay { days }
    }
}
