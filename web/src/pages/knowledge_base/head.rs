//! What can be done with a whole base.

use contracts::{Permission, knowledge::Base};
use dioxus::prelude::*;

use super::super::knowledge::BaseForm;
use crate::{
    api::{self, Call, query, session},
    routes::Route,
    ui::{
        Tone,
        confirm::Confirm,
        icon::{Glyph, Icon},
        menu::{Menu, MenuItem, MenuLine},
        toast,
    },
};

#[derive(Clone, Copy, PartialEq)]
enum Asking {
    Nothing,
    Change,
    Delete,
}

#[component]
pub(super) fn Acts(base: Base) -> Element {
    let mut asking = use_signal(|| Asking::Nothing);
    let id = base.id;
    let reindex = move |()| {
        spawn(async move {
            let call = Call::new("POST", &format!("/knowledge/bases/{id}/reindex"));
            match call.send::<Base>().await {
                Ok(_) => toast::done("All documents are being indexed anew."),
                Err(problem) => toast::problem(&problem),
            }
            query::invalidate("/knowledge/bases");
        });
    };
    if !session::may(Permission::KnowledgeWrite) {
        return rsx! {};
    }
    rsx! {
        Menu { label: "Actions for {base.name}", trigger: rsx! { Icon { glyph: Glyph::More } },
            MenuItem { glyph: Glyph::Pencil, onclick: move |()| asking.set(Asking::Change), "Change…" }
            MenuItem { glyph: Glyph::Refresh, onclick: reindex, "Index all documents anew" }
            MenuLine {}
            MenuItem { glyph: Glyph::Trash, tone: Tone::Err, onclick: move |()| asking.set(Asking::Delete), "Delete base…" }
        }
        match asking() {
            Asking::Nothing => rsx! {},
            Asking::Change => rsx! {
                BaseForm {
                    base: Some(base),
                    onclose: move |()| asking.set(Asking::Nothing),
                    ondone: move |_| {
                        asking.set(Asking::Nothing);
                        toast::done("Saved.");
                    },
                }
            },
            Asking::Delete => rsx! { Delete { base, onclose: move |()| asking.set(Asking::Nothing) } },
        }
    }
}

#[component]
fn Delete(base: Base, onclose: EventHandler<()>) -> Element {
    let mut problem = use_signal(|| None);
    let mut busy = use_signal(|| false);
    let navigator = navigator();
    let id = base.id;
    let delete = move |()| {
        spawn(async move {
            busy.set(true);
            match api::delete(&format!("/knowledge/bases/{id}")).await {
                Ok(()) => {
                    navigator.replace(Route::knowledge());
                    query::invalidate("/knowledge/bases#");
                }
                Err(found) => problem.set(Some(found)),
            }
            busy.set(false);
        });
    };
    rsx! {
        Confirm { title: "Delete {base.name}?", act: "Delete base", busy: busy(), problem: problem(), onconfirm: delete, onclose,
            p { "All {base.documents} documents with their files, passages and embeddings go for good. Agents and flows that name this base find nothing any more." }
        }
    }
}
