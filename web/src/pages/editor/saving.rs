//! Autosave: what is on the canvas goes into the draft a moment after each change.
//!
//! **Invariant:** one save at a time; what changed during it is saved after it.
//! **Invariant:** a state that somebody else saved is never overwritten unasked, and never hides the user's own.

use contracts::{
    Problem,
    flow::{Definition, Flow},
};
use dioxus::prelude::*;
use serde::Serialize;

use crate::{
    api::{self, Call},
    dom,
    listen::use_window_event,
    pages::editor::desk::{Desk, Saving},
    ui::toast,
};

const PAUSE_MS: i32 = 600;

#[derive(Serialize)]
struct Draft {
    name: String,
    description: String,
    definition: Definition,
}

/// Saves a moment after the last change, for as long as the editor is open, and once more when it is left.
pub(crate) fn use_autosave(desk: Desk) {
    let mut desk = desk;
    let mut first = use_hook(|| CopyValue::new(true));
    use_effect(move || {
        let changes = *desk.board.changes.read();
        let name = desk.name.read().clone();
        if first.replace(false) {
            return;
        }
        let is_waiting = matches!(*desk.saving.peek(), Saving::Saved | Saving::Failed(_));
        if is_waiting {
            desk.saving.set(Saving::Waiting);
        }
        spawn(async move {
            dom::sleep_ms(PAUSE_MS).await;
            let same = *desk.board.changes.peek() == changes && *desk.name.peek() == name;
            if same && *desk.saving.peek() == Saving::Waiting {
                save(desk).await;
            }
        });
    });
    use_guard(desk);
}

/// Saves now, where there is something to save; false when it did not work.
pub(crate) async fn save(mut desk: Desk) -> bool {
    while *desk.saving.peek() == Saving::Busy {
        dom::sleep_ms(50).await;
    }
    while matches!(*desk.saving.peek(), Saving::Waiting | Saving::Failed(_)) {
        desk.saving.set(Saving::Busy);
        let (changes, name) = (*desk.board.changes.peek(), desk.name.peek().clone());
        let version = *desk.version.peek();
        match put(desk, version).await {
            Ok(flow) => {
                desk.version.set(flow.version);
                desk.revision.set(flow.revision);
                desk.published.set(false);
                api::query::invalidate("/flows?");
                let same = *desk.board.changes.peek() == changes && *desk.name.peek() == name;
                desk.saving
                    .set(if same { Saving::Saved } else { Saving::Waiting });
            }
            Err(problem) if problem.status == 412 => {
                let theirs = api::get::<Flow>(&desk.path()).await;
                desk.saving.set(match theirs {
                    Ok(flow) => Saving::Conflict(Box::new(flow)),
                    Err(problem) => Saving::Failed(problem),
                });
                return false;
            }
            Err(problem) => {
                desk.saving.set(Saving::Failed(problem));
                return false;
            }
        }
    }
    *desk.saving.peek() == Saving::Saved
}

/// Puts the user's state in the place of the one that somebody else saved.
pub(crate) async fn overwrite(mut desk: Desk) {
    let Saving::Conflict(theirs) = desk.saving.peek().clone() else {
        return;
    };
    desk.version.set(theirs.version);
    desk.saving.set(Saving::Waiting);
    save(desk).await;
}

fn draft(desk: Desk) -> Draft {
    Draft {
        name: desk.name.peek().trim().to_owned(),
        description: desk.description.peek().clone(),
        definition: desk.board.graph.peek().definition(),
    }
}

async fn put(desk: Desk, version: u64) -> Result<Flow, Problem> {
    Call::new("PUT", &desk.path())
        .header("if-match", format!("\"{version}\""))
        .json(&draft(desk))
        .send()
        .await
}

/// Asks before a window with unsaved changes is closed; a page that is left inside the app saves on its way out.
fn use_guard(desk: Desk) {
    use_window_event("beforeunload", move |event: web_sys::Event| {
        if desk.is_behind() {
            event.prevent_default();
        }
    });
    use_drop(move || {
        if matches!(*desk.saving.peek(), Saving::Waiting | Saving::Failed(_)) {
            let (path, version, draft) = (desk.path(), *desk.version.peek(), draft(desk));
            wasm_bindgen_futures::spawn_local(async move {
                let call = Call::new("PUT", &path).header("if-match", format!("\"{version}\""));
                if let Err(problem) = call.json(&draft).send::<Flow>().await {
                    toast::problem(&problem);
                }
            });
        }
    });
}
