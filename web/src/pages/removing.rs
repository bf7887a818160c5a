//! Asks before one of a list is removed, and removes it.

use contracts::Problem;
use dioxus::prelude::*;

use crate::{
    api::{self, query},
    ui::{confirm::Confirm, toast},
};

/// `children` say what it takes along.
#[component]
pub(crate) fn Remove(
    name: String,
    /// On the button, for example `Remove provider`.
    act: String,
    /// Its address in the API.
    path: String,
    /// What is read anew then begins with these.
    stale: &'static [&'static str],
    onclose: EventHandler<()>,
    children: Element,
) -> Element {
    let mut busy = use_signal(|| false);
    let mut problem = use_signal(|| None::<Problem>);
    let told = format!("Removed “{name}”.");
    let remove = move |()| {
        let (path, told) = (path.clone(), told.clone());
        spawn(async move {
            busy.set(true);
            match api::delete(&path).await {
                Ok(()) => {
                    toast::done(told);
                    for prefix in stale {
                        query::invalidate(prefix);
                    }
                    onclose.call(());
                }
                Err(refusal) => {
                    problem.set(Some(refusal));
                    busy.set(false);
                }
            }
        });
    };
    rsx! {
        Confirm { title: "Remove “{name}”?", act, busy: busy(), problem: problem(), onconfirm: remove, onclose, {children} }
    }
}
