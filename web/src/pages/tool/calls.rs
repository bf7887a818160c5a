//! The last calls of a tool.

use contracts::{page::Page as ListPage, tool::ToolCallRecord};
use dioxus::prelude::*;

use crate::{
    api::query::{View, use_get},
    format,
    routes::Route,
    ui::{
        Tone, badge::Badge, empty::EmptyState, icon::Glyph, problem::ProblemView,
        skeleton::Skeleton, time::Ago,
    },
};

#[component]
pub(crate) fn Calls(path: String) -> Element {
    let list = use_get::<ListPage<ToolCallRecord>>(format!("{path}/calls?limit=100"));
    match list.view() {
        View::Loading => rsx! { Skeleton {} },
        View::Failed(problem) => {
            rsx! { ProblemView { problem, onretry: move |()| list.refetch() } }
        }
        View::Ready(page) if page.items.is_empty() => rsx! {
            EmptyState { glyph: Glyph::History, text: "Nobody called it yet." }
        },
        View::Ready(page) => rsx! {
            div { class: "table-scroll", tabindex: "0", role: "region", "aria-label": "Calls",
                table { class: "table",
                    thead {
                        tr {
                            th { "Outcome" }
                            th { class: "end", "Duration" }
                            th { class: "end wide-only", "Version" }
                            th { "Called by" }
                            th { class: "end", "When" }
                        }
                    }
                    tbody {
                        for call in page.items.iter() {
                            tr { key: "{call.at.timestamp_micros()}",
                                td {
                                    match &call.error {
                                        None => rsx! { Badge { tone: Tone::Ok, glyph: Glyph::Success, "Done" } },
                                        Some(error) => rsx! { Badge { tone: Tone::Err, glyph: Glyph::Error, "{error}" } },
                                    }
                                }
                                td { class: "end num", {format::duration(call.duration_ms)} }
                                td { class: "end num wide-only", "{call.version}" }
                                td {
                                    match call.execution_id {
                                        Some(id) => rsx! { Link { to: Route::execution(id), "An execution" } },
                                        None => rsx! { "A person" },
                                    }
                                }
                                td { class: "end muted", Ago { at: call.at } }
                            }
                        }
                    }
                }
            }
        },
    }
}
