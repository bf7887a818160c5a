//! What runs, what failed, how the last fourteen days went, and whether the services are well.

mod days;
mod health;
mod lists;
mod spend;
mod strip;

use contracts::{
    Permission, Problem, execution::ExecutionSummary, flow::FlowSummary, page::Page as ListPage,
};
use dioxus::prelude::*;

use self::{
    days::{DAYS, DayCounts},
    health::Health,
    lists::{Failures, InProgress},
    spend::Spend,
    strip::Strip,
};
use crate::{
    api::{
        self,
        asking::{ASKING, use_asking},
        query::{self, Query, View, use_get, use_query},
        session,
    },
    dom,
    listen::use_interval,
    params::Params,
    routes::Route,
    ui::{
        button::{ButtonLink, Variant},
        empty::EmptyState,
        icon::Glyph,
        page::Page,
        problem::ProblemView,
        skeleton::Skeleton,
    },
};

/// Pages of two hundred executions that are read for the fourteen days, at most.
const PAGES: usize = 5;
const STATES: &str = "/executions?state=";
const LATEST: &str = "/executions#days";

/// Executions since the first of the days.
#[derive(PartialEq)]
struct Latest {
    executions: Vec<ExecutionSummary>,
    /// Older ones of these days were left out.
    cut: bool,
}

#[component]
pub(crate) fn Dashboard() -> Element {
    let running = use_get::<ListPage<ExecutionSummary>>(format!("{STATES}running&limit=50"));
    let waiting = use_get::<ListPage<ExecutionSummary>>(format!("{STATES}waiting&limit=50"));
    let asking = use_asking();
    let failed = use_get::<ListPage<ExecutionSummary>>(format!("{STATES}failed&limit=40"));
    let latest = use_query(LATEST.into(), read_latest);
    use_interval(4_000, || {
        query::invalidate(STATES);
        query::invalidate_one(ASKING);
    });
    use_interval(30_000, || query::invalidate(LATEST));
    let loaded = latest.is_settled() && running.is_settled() && failed.is_settled();
    rsx! {
        Page { title: "Dashboard", loaded,
            match latest.view() {
                View::Loading => rsx! { Skeleton { rows: 6 } },
                View::Failed(problem) => rsx! { ProblemView { problem, onretry: move |()| latest.refetch() } },
                View::Ready(latest) if latest.executions.is_empty() => rsx! { Beginning {} },
                View::Ready(latest) => rsx! {
                    Board { counts: DayCounts::of(&latest.executions, js_sys::Date::now(), dom::offset_minutes()), cut: latest.cut, running, waiting, asking, failed }
                },
            }
            Health {}
        }
    }
}

#[component]
fn Board(
    counts: DayCounts,
    cut: bool,
    running: Query<ListPage<ExecutionSummary>>,
    waiting: Query<ListPage<ExecutionSummary>>,
    asking: Query<ListPage<ExecutionSummary>>,
    failed: Query<ListPage<ExecutionSummary>>,
) -> Element {
    let many = |query: &Query<ListPage<ExecutionSummary>>| {
        let page = query.data();
        page.map_or(("…".to_owned(), 0), |page| {
            let more = if page.next.is_some() { "+" } else { "" };
            (format!("{}{more}", page.items.len()), page.items.len())
        })
    };
    let ((running_text, _), (waiting_text, waiting_count)) = (many(&running), many(&waiting));
    let (asking_text, asking_count) = many(&asking);
    let filtered = |state: &str| Route::Executions {
        params: Params::one("state", state),
    };
    rsx! {
        p { class: "headline",
            Link { to: filtered("running"), "{running_text} running" }
            if waiting_count > 0 {
                Link { to: filtered("waiting"), "{waiting_text} waiting" }
            }
            if asking_count > 0 {
                Link { to: Route::Approvals {}, "{asking_text} to answer" }
            }
            Link { to: filtered("failed"), "data-bad": (counts.failed_last_day > 0).then_some(""), "{counts.failed_last_day} failed in 24 h" }
        }
        section { class: "stack-s",
            h2 { "In progress" }
            InProgress { running, waiting }
        }
        section { class: "stack-s",
            h2 { "Recent failures" }
            Failures { failed }
        }
        section { class: "stack-s",
            h2 { "Executions in {DAYS} days" }
            Strip { counts, cut }
        }
        section { class: "stack-s",
            h2 { "Spend by model in {DAYS} days" }
            Spend {}
        }
    }
}

/// Nothing ran yet.
#[component]
fn Beginning() -> Element {
    let flows = use_get::<ListPage<FlowSummary>>("/flows?limit=200".into());
    let has_flows = flows.data().is_some_and(|page| !page.items.is_empty());
    let new = Route::Flows {
        params: Params::one("new", "1"),
    };
    rsx! {
        EmptyState { glyph: Glyph::Execution, text: "Nothing ran yet. Execute a flow, an agent or a crew, and watch it here.",
            div { class: "row",
                if has_flows {
                    ButtonLink { variant: Variant::Primary, to: Route::flows(), "Open a flow" }
                } else if session::may(Permission::FlowWrite) {
                    ButtonLink { variant: Variant::Primary, to: new, icon: Glyph::Plus, "New flow" }
                }
                ButtonLink { to: Route::agents(), "Agents" }
                ButtonLink { to: Route::crews(), "Crews" }
            }
        }
    }
}

async fn read_latest() -> Result<Latest, Problem> {
    let since = chrono::Utc::now() - chrono::TimeDelta::days(DAYS as i64);
    let mut latest = Latest {
        executions: Vec::new(),
        cut: false,
    };
    let mut params = Params::one("limit", "200").with("since", &since.to_rfc3339());
    for _ in 0..PAGES {
        let page: ListPage<ExecutionSummary> =
            api::get(&format!("/executions{}", params.query())).await?;
        latest.executions.extend(page.items);
        match page.next {
            Some(next) => params = params.with("cursor", &next),
            None => return Ok(latest),
        }
    }
    latest.cut = true;
    Ok(latest)
}
