//! What else can be done with an execution: compared, checked, copied, forgotten.

use contracts::{
    Permission, Problem,
    execution::{ExecutionSummary, Replayed},
    page::Page as ListPage,
};
use dioxus::prelude::*;

use super::watch::Watch;
use crate::{
    api::{
        self,
        query::{self, View, use_get},
        session,
    },
    dom,
    format::plural,
    routes::Route,
    ui::{
        Tone,
        badge::StateBadge,
        button::Button,
        confirm::Confirm,
        dialog::{Dialog, DialogActions},
        icon::{Glyph, Icon},
        menu::{Menu, MenuItem, MenuLine},
        problem::ProblemView,
        skeleton::Skeleton,
        time::Ago,
        toast,
    },
};

#[derive(Clone, Copy, PartialEq, Eq)]
enum Open {
    Nothing,
    Compare,
    Replay,
    Delete,
}

#[component]
pub(crate) fn More() -> Element {
    let watch = use_context::<Watch>();
    let mut open = use_signal(|| Open::Nothing);
    let over = watch.record.read().is_final();
    let may_delete = session::may(Permission::ExecutionDelete);
    let close = move |()| open.set(Open::Nothing);
    rsx! {
        Menu { label: "More acts", trigger: rsx! { Icon { glyph: Glyph::More } },
            MenuItem { glyph: Glyph::Link, onclick: |()| { spawn(copy_address()); }, "Copy link" }
            if over {
                MenuItem { glyph: Glyph::Branch, onclick: move |()| open.set(Open::Compare), "Compare with…" }
                MenuItem { glyph: Glyph::History, onclick: move |()| open.set(Open::Replay), "Replay check" }
            }
            if over && may_delete {
                MenuLine {}
                MenuItem { glyph: Glyph::Trash, tone: Tone::Err, onclick: move |()| open.set(Open::Delete), "Delete" }
            }
        }
        match open() {
            Open::Nothing => rsx! {},
            Open::Compare => rsx! { ChooseOther { onclose: close } },
            Open::Replay => rsx! { Replay { onclose: close } },
            Open::Delete => rsx! { Delete { onclose: close } },
        }
    }
}

async fn copy_address() {
    let address = dom::window().location().href().unwrap_or_default();
    match dom::copy(&address).await {
        true => toast::done("The address of this view was copied."),
        false => toast::failed("The browser does not allow copying here."),
    }
}

/// Other executions of the same, the newest first.
#[component]
fn ChooseOther(onclose: EventHandler<()>) -> Element {
    let watch = use_context::<Watch>();
    let origin = watch.origin().unwrap_or_default();
    let ids = [
        ("flow_id", origin.flow_id.map(|id| id.to_string())),
        ("agent_id", origin.agent_id.map(|id| id.to_string())),
        ("crew_id", origin.crew_id.map(|id| id.to_string())),
    ];
    let filter = ids
        .into_iter()
        .find_map(|(name, id)| Some(format!("{name}={}", id?)))
        .unwrap_or_default();
    let list = use_get::<ListPage<ExecutionSummary>>(format!("/executions?{filter}&limit=30"));
    let own = watch.id();
    let others = |page: &ListPage<ExecutionSummary>| -> Vec<ExecutionSummary> {
        let others = page.items.iter().filter(|it| it.state.is_final());
        others
            .filter(|it| it.id.to_string() != own)
            .cloned()
            .collect()
    };
    rsx! {
        Dialog { title: "Compare with", onclose,
            match list.view() {
                View::Loading => rsx! { Skeleton { rows: 3 } },
                View::Failed(problem) => rsx! { ProblemView { problem, onretry: move |()| list.refetch() } },
                View::Ready(page) if others(&page).is_empty() => rsx! {
                    p { class: "hint", "No other execution of this has ended yet." }
                },
                View::Ready(page) => rsx! {
                    ul { class: "rows",
                        for other in others(&page) {
                            li { key: "{other.id}",
                                Link { to: Route::compare(&own, other.id),
                                    span { class: "row",
                                        StateBadge { state: other.state }
                                        Ago { at: other.created_at }
                                        span { class: "hint", {crate::api::names::short(&other.id.to_string())} }
                                    }
                                }
                            }
                        }
                    }
                },
            }
        }
    }
}

/// Whether the engine would decide the same once more.
#[component]
fn Replay(onclose: EventHandler<()>) -> Element {
    let watch = use_context::<Watch>();
    let replayed = use_get::<Replayed>(format!("/executions/{}/replay", watch.id()));
    rsx! {
        Dialog { title: "Replay check", wide: true, onclose,
            div { class: "stack",
                p { class: "hint", "The engine decides this execution once more from what was recorded. Nothing outside is called, nothing is paid." }
                match replayed.view() {
                    View::Loading => rsx! { Skeleton { rows: 3 } },
                    View::Failed(problem) => rsx! { ProblemView { problem, onretry: move |()| replayed.refetch() } },
                    View::Ready(replayed) => rsx! { Verdict { replayed: (*replayed).clone() } },
                }
            }
            DialogActions {
                Button { onclick: move |_| onclose.call(()), "Close" }
            }
        }
    }
}

#[component]
fn Verdict(replayed: Replayed) -> Element {
    let events = plural(
        usize::try_from(replayed.events).unwrap_or(usize::MAX),
        "event",
        "events",
    );
    let (tone, glyph, text) = match replayed.same {
        true => (
            Tone::Ok,
            Glyph::Success,
            match replayed.checked < replayed.events {
                true => format!(
                    "The same, as far as there was time to look: the first {} of {events}.",
                    replayed.checked
                ),
                false => format!("The same: {events} came out as recorded."),
            },
        ),
        false => (
            Tone::Err,
            Glyph::Error,
            "It would be decided otherwise.".to_owned(),
        ),
    };
    rsx! {
        p { class: "notice", role: "status", "data-tone": tone.as_str(),
            Icon { glyph }
            span { "{text}" }
        }
        if let Some(at) = replayed.diverged_at {
            p { "At event {at} something else came out; what follows was not looked at."
                if let Some(instead) = &replayed.instead {
                    " Instead: "
                    code { "{instead}" }
                }
            }
        }
        ul { class: "plain-list",
            for step in replayed.steps.iter() {
                li { key: "{step.node}",
                    code { "{step.node}" }
                    if step.same {
                        span { class: "hint", " same" }
                    } else {
                        span { class: "run-error", {" ".to_owned() + &step.differences.join(", ")} }
                    }
                }
            }
        }
    }
}

#[component]
fn Delete(onclose: EventHandler<()>) -> Element {
    let (watch, navigator) = (use_context::<Watch>(), navigator());
    let mut busy = use_signal(|| false);
    let mut problem = use_signal(|| None::<Problem>);
    let delete = move |()| {
        spawn(async move {
            busy.set(true);
            match api::delete(&format!("/executions/{}", watch.id())).await {
                Ok(()) => {
                    toast::done("The execution is deleted.");
                    query::invalidate("/executions");
                    navigator.replace(Route::executions());
                }
                Err(refused) => {
                    problem.set(Some(refused));
                    busy.set(false);
                }
            }
        });
    };
    rsx! {
        Confirm { title: "Delete this execution?", act: "Delete execution", busy: busy(), problem: problem(), onconfirm: delete, onclose,
            p { "Its history, its inputs and its outputs are forgotten, and cannot be brought back. What its calls of models took stays in the usage." }
        }
    }
}
