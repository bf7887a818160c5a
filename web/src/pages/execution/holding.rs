//! Holding an execution, and letting it go on.

use contracts::{
    Permission,
    execution::{Execution, ExecutionState},
};
use dioxus::prelude::*;

use super::watch::Watch;
use crate::{
    api::{self, session},
    ui::{button::Button, icon::Glyph, toast},
};

#[component]
pub(crate) fn Holding() -> Element {
    let watch = use_context::<Watch>();
    let mut busy = use_signal(|| false);
    let record = watch.record.read();
    let view = record.view();
    let open = !record.is_final() && !view.cancel_asked;
    if !open || !session::may(Permission::ExecutionCancel) {
        return rsx! {};
    }
    let held = view.state == ExecutionState::Paused;
    let act = move |_| async move {
        busy.set(true);
        let word = if held { "resume" } else { "pause" };
        let path = format!("/executions/{}/{word}", watch.id());
        if let Err(problem) = api::post::<Execution>(&path, &serde_json::json!({})).await {
            toast::problem(&problem);
        }
        busy.set(false);
    };
    rsx! {
        if held {
            Button { icon: Glyph::Play, busy: busy(), onclick: act, "Resume" }
        } else {
            Button { icon: Glyph::Pause, busy: busy(), onclick: act, title: "Nothing new begins; what runs comes to its end", "Pause" }
        }
    }
}
