//! The organization's executions, the newest first, with filters in the address.
//!
//! **Invariant:** rows never move under the pointer: what is new waits behind a button.

mod filters;
mod listing;
mod period;
mod row;

use contracts::{Permission, execution::ExecutionSummary, page::Page as Answer};
use dioxus::prelude::*;

use self::{filters::FilterBar, listing::Listing, row::Row};
use crate::{
    api::{
        self,
        names::{Names, use_names},
        session,
    },
    dom, format,
    params::Params,
    routes::Route,
    ui::{
        button::{Button, ButtonLink, Variant},
        empty::EmptyState,
        icon::Glyph,
        page::Page,
        problem::ProblemView,
        skeleton::Skeleton,
    },
};

const EVERY_MS: i32 = 2_500;
/// Rows beyond the first page that are looked after while they run.
const FOLLOWED: usize = 8;

#[component]
pub(crate) fn Executions(params: Params) -> Element {
    let names = use_names();
    let mut loaded = use_signal(|| false);
    rsx! {
        Page {
            title: "Executions",
            loaded: loaded(),
            actions: session::may(Permission::DeadLetterRead).then(|| rsx! {
                ButtonLink { to: Route::dead_letters(), variant: Variant::Quiet, icon: Glyph::Warning, "Dead letters" }
            }),
            FilterBar { params: params.clone(), names: names.clone() }
            // Other filters are another list.
            for params in [params] {
                List { key: "{params}", query: filters::query(&params, chrono::Utc::now(), dom::offset_minutes()), filtered: !params.is_empty(), names: names.clone(), onloaded: move |()| loaded.set(true) }
            }
        }
    }
}

#[component]
fn List(query: Params, filtered: bool, names: Names, onloaded: EventHandler<()>) -> Element {
    let mut listing = use_signal(Listing::default);
    let mut problem = use_signal(|| None::<contracts::Problem>);
    let mut settled = use_signal(|| false);
    let head = query.query();
    let read_head = use_callback(move |()| {
        let path = format!("/executions{head}");
        spawn(async move {
            match api::get::<Answer<ExecutionSummary>>(&path).await {
                Ok(page) => {
                    listing.write().head(page);
                    problem.set(None);
                }
                Err(refused) => problem.set(Some(refused)),
            }
            settled.set(true);
            onloaded.call(());
        });
    });
    use_future(move || async move {
        read_head.call(());
        loop {
            dom::sleep_ms(EVERY_MS).await;
            if dom::document().hidden() {
                continue;
            }
            read_head.call(());
            follow(listing).await;
        }
    });
    let (rows, fresh) = (listing.read().rows().to_vec(), listing.read().fresh());

    rsx! {
        if fresh > 0 {
            button { class: "fresh-bar", r#type: "button", onclick: move |_| listing.write().show_fresh(),
                "Show {format::plural(fresh, \"new execution\", \"new executions\")}"
            }
        }
        match problem() {
            Some(problem) if rows.is_empty() => rsx! {
                ProblemView { problem, onretry: move |()| read_head.call(()) }
            },
            _ if !settled() => rsx! { Skeleton {} },
            _ if rows.is_empty() && filtered => rsx! {
                EmptyState { glyph: Glyph::Filter, text: "No execution fits these filters.",
                    ButtonLink { to: Route::executions(), "Clear the filters" }
                }
            },
            _ if rows.is_empty() => rsx! {
                EmptyState { glyph: Glyph::Execution, text: "Nothing was executed yet. Run a flow to see it here.",
                    ButtonLink { to: Route::flows(), "Open flows" }
                }
            },
            _ => rsx! {
                Table { rows, names }
                More { query, listing }
            },
        }
    }
}

/// Asks after those that run and are not among the newest.
async fn follow(mut listing: Signal<Listing>) {
    let open = listing.peek().unfinished(FOLLOWED);
    for id in open {
        // What could not be read now is asked again at the next turn.
        if let Ok(execution) = api::get::<ExecutionSummary>(&format!("/executions/{id}")).await {
            listing.write().update(execution);
        }
    }
}

#[component]
fn Table(rows: Vec<ExecutionSummary>, names: Names) -> Element {
    rsx! {
        div { class: "table-scroll", tabindex: "0", role: "region", "aria-label": "Executions",
            table { class: "table executions",
                thead {
                    tr {
                        th { scope: "col", "State" }
                        th { scope: "col", "What" }
                        th { scope: "col", "Started" }
                        th { scope: "col", class: "end", "Duration" }
                        th { scope: "col", class: "end", "Tokens" }
                        th { scope: "col", class: "end", "Price" }
                    }
                }
                tbody {
                    for execution in rows {
                        Row { key: "{execution.id}", execution, names: names.clone() }
                    }
                }
            }
        }
    }
}

#[component]
fn More(query: Params, listing: Signal<Listing>) -> Element {
    let mut busy = use_signal(|| false);
    let mut problem = use_signal(|| None::<contracts::Problem>);
    let next = listing.read().next().map(str::to_owned);
    let Some(cursor) = next else {
        return rsx! {};
    };
    let path = format!("/executions{}", query.with("cursor", &cursor).query());
    rsx! {
        div { class: "executions-more",
            Button {
                busy: busy(),
                onclick: move |_| {
                    let path = path.clone();
                    async move {
                        busy.set(true);
                        match api::get::<Answer<ExecutionSummary>>(&path).await {
                            Ok(page) => {
                                listing.write().more(page);
                                problem.set(None);
                            }
                            Err(refused) => problem.set(Some(refused)),
                        }
                        busy.set(false);
                    }
                },
                "Show older executions"
            }
            if let Some(problem) = problem() {
                ProblemView { problem }
            }
        }
    }
}
