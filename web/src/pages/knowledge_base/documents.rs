//! The documents of a base, and new ones on their way into it.

use contracts::{
    Permission,
    knowledge::{Base, Document, DocumentState},
};
use dioxus::prelude::*;

use super::{
    add::{AddText, Going, Uploading, use_uploading},
    document_row::DocumentRow,
    use_looking,
};
use crate::{
    api::{
        pages::get_pages,
        query::{self, View, use_query},
        session,
    },
    ui::{
        button::{Button, Variant},
        empty::EmptyState,
        icon::{Glyph, Icon},
        problem::ProblemView,
        skeleton::Skeleton,
    },
};

/// A base has at most 10,000 documents.
const PAGES: usize = 50;
/// Rows that are drawn at first.
const SHOWN: usize = 100;

#[component]
pub(super) fn Documents(base: Base) -> Element {
    let path = format!("/knowledge/bases/{}/documents", base.id);
    let list = use_query(path.clone(), {
        let path = path.clone();
        move || {
            let path = path.clone();
            async move { Ok(get_pages::<Document>(&path, PAGES).await?.items) }
        }
    });
    use_looking(list.clone(), |list| {
        let going = |document: &Document| document.state == DocumentState::Indexing;
        list.iter().any(going)
    });
    // What became ready changes the numbers of the base.
    let ready = list.data().map_or(0, |list| {
        list.iter().map(|document| document.passages).sum::<u64>()
    });
    let address = format!("/knowledge/bases/{}", base.id);
    use_effect(use_reactive!(|(ready, address)| {
        let _ = ready;
        query::invalidate_one(&address);
    }));
    let uploading = use_uploading(path.clone());
    let mut writing = use_signal(|| false);
    let may_write = session::may(Permission::KnowledgeWrite);
    rsx! {
        section { "aria-labelledby": "kb-documents",
            div { class: "kb-bar",
                h2 { id: "kb-documents", "Documents" }
                if may_write {
                    Button { class: "button spread", icon: Glyph::Plus, onclick: move |_| writing.set(true), "Add text" }
                    UploadButton { uploading }
                }
            }
            Going { uploading }
            match list.view() {
                View::Loading => rsx! { Skeleton {} },
                View::Failed(problem) => rsx! { ProblemView { problem, onretry: move |()| list.refetch() } },
                View::Ready(found) if found.is_empty() => rsx! {
                    EmptyState { glyph: Glyph::Document, text: "No documents yet. Text, Markdown, HTML and PDF are read.",
                        if may_write {
                            Button { variant: Variant::Plain, icon: Glyph::Plus, onclick: move |_| writing.set(true), "Add text" }
                        }
                    }
                },
                View::Ready(found) => rsx! { Rows { documents: found.to_vec(), may_write } },
            }
            if writing() {
                AddText { path, onclose: move |()| writing.set(false) }
            }
        }
    }
}

#[component]
fn UploadButton(uploading: Uploading) -> Element {
    rsx! {
        label { class: "button", "data-variant": "primary",
            input {
                class: "visually-hidden",
                r#type: "file",
                multiple: true,
                accept: ".txt,.md,.markdown,.html,.htm,.pdf,.csv,.json,.log,text/*,application/pdf",
                "aria-label": "Upload files",
                onchange: move |event| uploading.picked(&event),
            }
            Icon { glyph: Glyph::Upload }
            "Upload"
        }
    }
}

#[component]
fn Rows(documents: Vec<Document>, may_write: bool) -> Element {
    let mut shown = use_signal(|| SHOWN);
    let hidden = documents.len().saturating_sub(shown());
    rsx! {
        div { class: "table-scroll",
            table { class: "table",
                thead {
                    tr {
                        th { scope: "col", "Name" }
                        th { scope: "col", "State" }
                        th { scope: "col", class: "end", "Passages" }
                        th { scope: "col", class: "end", "Size" }
                        th { scope: "col", "Added" }
                        th { scope: "col", span { class: "visually-hidden", "Actions" } }
                    }
                }
                tbody {
                    for document in documents.into_iter().take(shown()) {
                        DocumentRow { key: "{document.id}", document, may_write }
                    }
                }
            }
        }
        if hidden > 0 {
            Button { variant: Variant::Quiet, onclick: move |_| shown += SHOWN, "Show more ({hidden})" }
        }
    }
}
