//! The act that deletes what a page shows, after a question.

use contracts::Problem;
use dioxus::prelude::*;

use crate::{
    api::{self, query},
    routes::Route,
    ui::{button::IconButton, confirm::Confirm, icon::Glyph, toast},
};

/// `kind` is the word for it, `path` its address in the API, `list` the page that is left then.
#[component]
pub(crate) fn DeleteButton(
    kind: &'static str,
    name: String,
    path: String,
    list: Route,
    note: String,
) -> Element {
    let navigator = navigator();
    let mut open = use_signal(|| false);
    let mut busy = use_signal(|| false);
    let mut problem = use_signal(|| None::<Problem>);
    let title = format!("Delete {kind} “{name}”?");
    rsx! {
        IconButton { glyph: Glyph::Trash, label: "Delete {kind}", onclick: move |_| open.set(true) }
        if open() {
            Confirm {
                title,
                act: "Delete {kind}",
                busy: busy(),
                problem: problem(),
                onclose: move |()| {
                    open.set(false);
                    problem.set(None);
                },
                onconfirm: move |()| {
                    let (path, list) = (path.clone(), list.clone());
                    spawn(async move {
                        busy.set(true);
                        let answer = api::delete(&path).await;
                        busy.set(false);
                        match answer {
                            Ok(()) => {
                                toast::done(format!("Deleted the {kind}."));
                                navigator.replace(list);
                                let parent = path.rsplit_once('/').map_or(path.as_str(), |(parent, _)| parent);
                                query::invalidate(parent);
                            }
                            Err(refused) => problem.set(Some(refused)),
                        }
                    });
                },
                p { "{note}" }
            }
        }
    }
}
