//! One document in the list.

use contracts::knowledge::{Document, DocumentState};
use dioxus::prelude::*;

use crate::{
    api::{self, file::download, query},
    format,
    ui::{
        Tone, badge::Badge, button::IconButton, confirm::Confirm, icon::Glyph, problem::sentence,
        time::Ago, toast,
    },
};

#[component]
pub(super) fn DocumentRow(document: Document, may_write: bool) -> Element {
    let mut deleting = use_signal(|| false);
    let (tone, glyph, state) = look(document.state);
    let path = format!(
        "/knowledge/bases/{}/documents/{}",
        document.base_id, document.id
    );
    let save = {
        let (path, name) = (format!("{path}/content"), document.name.clone());
        move |_| {
            let (path, name) = (path.clone(), name.clone());
            async move {
                if let Err(problem) = download(&path, &name).await {
                    toast::problem(&problem);
                }
            }
        }
    };
    rsx! {
        tr {
            td { class: "kb-name",
                strong { "{document.name}" }
                if let Some(error) = &document.error {
                    p { class: "kb-reason", {sentence(error)} }
                }
            }
            td { Badge { tone, glyph, "{state}" } }
            td { class: "end num", {format::count(document.passages)} }
            td { class: "end num", {format::bytes(document.bytes)} }
            td { class: "muted", Ago { at: document.created_at } }
            td { class: "kb-acts",
                IconButton { glyph: Glyph::Download, label: "Download {document.name}", onclick: save }
                if may_write {
                    IconButton { glyph: Glyph::Trash, label: "Delete {document.name}", onclick: move |_| deleting.set(true) }
                }
                if deleting() {
                    Delete { path, name: document.name, onclose: move |()| deleting.set(false) }
                }
            }
        }
    }
}

const fn look(state: DocumentState) -> (Tone, Glyph, &'static str) {
    match state {
        DocumentState::Indexing => (Tone::Run, Glyph::Refresh, "Indexing"),
        DocumentState::Ready => (Tone::Ok, Glyph::Success, "Ready"),
        DocumentState::Failed => (Tone::Err, Glyph::Error, "Failed"),
    }
}

#[component]
fn Delete(path: String, name: String, onclose: EventHandler<()>) -> Element {
    let mut problem = use_signal(|| None);
    let mut busy = use_signal(|| false);
    let delete = move |()| {
        let path = path.clone();
        spawn(async move {
            busy.set(true);
            match api::delete(&path).await {
                Ok(()) => {
                    onclose.call(());
                    query::invalidate("/knowledge/bases");
                }
                Err(found) => problem.set(Some(found)),
            }
            busy.set(false);
        });
    };
    rsx! {
        Confirm { title: "Delete document?", act: "Delete document", busy: busy(), problem: problem(), onconfirm: delete, onclose,
            p { "“{name}” goes with its passages, for good." }
        }
    }
}
