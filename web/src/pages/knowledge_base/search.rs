//! Searches a base the way agents and flows do, and shows what is found with its score.

use contracts::{
    Permission,
    knowledge::{Base, Hit, Hits},
};
use dioxus::prelude::*;
use serde_json::json;

use crate::{
    api::{self, session},
    ui::{
        button::{Button, Variant},
        field::TextField,
        icon::Glyph,
        problem::ProblemLine,
        select::SelectField,
    },
};

const LIMITS: [&str; 4] = ["5", "10", "20", "50"];

#[component]
pub(super) fn Search(base: Base) -> Element {
    let mut query = use_signal(String::new);
    let mut limit = use_signal(|| LIMITS[0].to_owned());
    let mut hits = use_signal(|| None::<Hits>);
    let mut problem = use_signal(|| None);
    let mut busy = use_signal(|| false);
    let id = base.id;
    let search = move |event: FormEvent| async move {
        event.prevent_default();
        busy.set(true);
        let rows: u32 = limit().parse().unwrap_or(5);
        let body = json!({"query": query(), "limit": rows});
        match api::post::<Hits>(&format!("/knowledge/bases/{id}/search"), &body).await {
            Ok(found) => {
                hits.set(Some(found));
                problem.set(None);
            }
            Err(found) => problem.set(Some(found)),
        }
        busy.set(false);
    };
    if !session::may(Permission::KnowledgeSearch) {
        return rsx! {};
    }
    let limits = LIMITS.map(|limit| (limit.to_owned(), format!("{limit} hits")));
    rsx! {
        section { "aria-labelledby": "kb-search",
            h2 { id: "kb-search", "Search" }
            form { class: "stack", role: "search", onsubmit: search,
                TextField {
                    label: "Query",
                    bare: true,
                    kind: "search",
                    required: true,
                    maxlength: 4_000,
                    placeholder: "How many days off?",
                    hint: "By meaning and by words. Quote words that must stand together; a minus leaves a word out.",
                    value: query(),
                    oninput: move |text| query.set(text),
                }
                div { class: "row",
                    Button { variant: Variant::Primary, submit: true, icon: Glyph::Search, busy: busy(), "Search" }
                    SelectField { label: "Hits", bare: true, value: limit(), options: limits.to_vec(), onchange: move |rows| limit.set(rows) }
                }
            }
            if let Some(problem) = problem() {
                ProblemLine { problem }
            }
            div { role: "status",
                match hits() {
                    None => rsx! {},
                    Some(found) if found.items.is_empty() => rsx! { p { class: "hint", "Nothing fits." } },
                    Some(found) => rsx! {
                        ol { class: "kb-hits",
                            for hit in found.items {
                                Found { key: "{hit.document_id}-{hit.passage}", hit }
                            }
                        }
                    },
                }
            }
        }
    }
}

#[component]
fn Found(hit: Hit) -> Element {
    rsx! {
        li {
            header {
                strong { class: "clip", "{hit.document}" }
                span { class: "hint", "passage {hit.passage + 1}" }
                span { class: "num muted spread", title: "Score: comparable within this answer", "{hit.score:.4}" }
            }
            if let Some(heading) = &hit.heading {
                p { class: "hint", "{heading}" }
            }
            p { class: "kb-passage", tabindex: "0", "{hit.text}" }
        }
    }
}
