//! When a trigger fired, and what became of it; the newest first, further back on demand.

use contracts::{Problem, page::Page as ListPage, trigger::Fire};
use dioxus::prelude::*;

use crate::{
    api::{
        self,
        query::{View, use_get},
    },
    params::encode,
    routes::Route,
    ui::{
        button::Button,
        problem::{ProblemLine, ProblemView},
        skeleton::Skeleton,
        time::Ago,
    },
};

/// `path` is that of the trigger.
#[component]
pub(super) fn Fires(path: String) -> Element {
    let list = use_get::<ListPage<Fire>>(format!("{path}/fires?limit=20"));
    match list.view() {
        View::Loading => rsx! { Skeleton {} },
        View::Failed(problem) => {
            rsx! { ProblemView { problem, onretry: move |()| list.refetch() } }
        }
        View::Ready(page) if page.items.is_empty() => rsx! {
            p { class: "hint", "It has not fired in the last 30 days." }
        },
        View::Ready(page) => rsx! {
            ol { class: "fires",
                for fire in page.items.iter() {
                    FireRow { key: "{fire.id}", fire: fire.clone() }
                }
                Older { path, next: page.next.clone() }
            }
        },
    }
}

/// What fired before the first page.
#[component]
fn Older(path: String, next: Option<String>) -> Element {
    let mut fires = use_signal(Vec::<Fire>::new);
    let mut cursor = use_signal(|| next);
    let mut busy = use_signal(|| false);
    let mut problem = use_signal(|| None::<Problem>);
    let more = move |_| {
        let path = path.clone();
        async move {
            let Some(from) = cursor() else { return };
            busy.set(true);
            let path = format!("{path}/fires?limit=50&cursor={}", encode(&from));
            match api::get::<ListPage<Fire>>(&path).await {
                Ok(page) => {
                    fires.extend(page.items);
                    cursor.set(page.next);
                    problem.set(None);
                }
                Err(told) => problem.set(Some(told)),
            }
            busy.set(false);
        }
    };
    rsx! {
        for fire in fires() {
            FireRow { key: "{fire.id}", fire }
        }
        if cursor().is_some() {
            li {
                Button { small: true, busy: busy(), onclick: more, "Show older" }
            }
        }
        if let Some(problem) = problem() {
            li { ProblemLine { problem } }
        }
    }
}

#[component]
fn FireRow(fire: Fire) -> Element {
    rsx! {
        li {
            Ago { at: fire.at }
            " "
            match fire.execution_id {
                Some(id) => rsx! {
                    Link { to: Route::execution(id), {fire.outcome.as_str()} }
                },
                None => rsx! {
                    span { {fire.outcome.as_str()} }
                },
            }
            if let Some(detail) = fire.detail.as_ref().or(fire.reason.as_ref()) {
                span { class: "hint", " {detail}" }
            }
        }
    }
}
