//! What begins executions of the flow by itself: clocks, webhooks and events, with what became of each fire.

use contracts::{
    Permission, Problem,
    page::Page as ListPage,
    trigger::{Trigger, TriggerKind},
};
use dioxus::prelude::*;
use serde_json::{Value, json};

use crate::{
    api::{
        self,
        query::{Query, View, use_get},
        session,
    },
    pages::editor::{
        concurrency::AtOnce, desk::Desk, trigger_fires::Fires, trigger_form::TriggerForm,
    },
    ui::{
        button::{Button, IconButton},
        code::CodeBlock,
        confirm::Confirm,
        icon::Glyph,
        problem::{ProblemLine, ProblemView},
        skeleton::Skeleton,
        switch::Switch,
        time::Clock,
        toast,
    },
};

#[component]
pub(super) fn Triggers() -> Element {
    let desk = use_context::<Desk>();
    let path = format!("{}/triggers", desk.path());
    let list = use_get::<ListPage<Trigger>>(format!("{path}?limit=100"));
    let mut adding = use_signal(|| false);
    // Shown once: the secret of a webhook that was just made or given another one.
    let mut secret = use_signal(|| None::<String>);
    let may_write = session::may(Permission::FlowWrite);
    let again = list.clone();
    let told = move |new: Option<String>| {
        secret.set(new);
        adding.set(false);
        again.refetch();
    };
    rsx! {
        if let Some(text) = secret() {
            div { class: "stack", role: "status",
                p { "The secret of the webhook. It is shown this once: keep it where the sender reads it." }
                CodeBlock { text, label: "Secret of the webhook" }
                Button { small: true, onclick: move |_| secret.set(None), "I have kept it" }
            }
        }
        match list.view() {
            View::Loading => rsx! { Skeleton {} },
            View::Failed(problem) => rsx! {
                ProblemView { problem, onretry: move |()| list.refetch() }
            },
            View::Ready(page) => rsx! {
                if page.items.is_empty() && !adding() {
                    p { class: "hint", "Nothing begins this flow by itself yet. A trigger does: at times of a clock, when a webhook comes in, or on an event of the bus. It runs the latest revision in your name." }
                }
                ul { class: "revisions",
                    for trigger in page.items.iter().cloned() {
                        TriggerRow { key: "{trigger.id}", trigger, list: list.clone(), secret }
                    }
                }
            },
        }
        if adding() {
            TriggerForm { path, ondone: told, onclose: move |()| adding.set(false) }
        } else if may_write {
            Button { icon: Glyph::Plus, onclick: move |_| adding.set(true), "Add a trigger" }
        }
        AtOnce {}
    }
}

#[component]
fn TriggerRow(
    trigger: Trigger,
    list: Query<ListPage<Trigger>>,
    secret: Signal<Option<String>>,
) -> Element {
    let desk = use_context::<Desk>();
    let path = format!("{}/triggers/{}", desk.path(), trigger.id);
    let mut problem = use_signal(|| None::<Problem>);
    let mut asks = use_signal(|| false);
    let mut shows_fires = use_signal(|| false);
    let mut edits = use_signal(|| false);
    let may_write = session::may(Permission::FlowWrite);
    let is_webhook = trigger.kind == TriggerKind::Webhook;
    let (fires, again, changed) = (path.clone(), list.clone(), list.clone());
    let known = trigger.clone();
    // What a person does to it, and what the list says then.
    let act = {
        let (path, list) = (path.clone(), list);
        move |word: &'static str| {
            let (path, list) = (format!("{path}/{word}"), list.clone());
            spawn(async move {
                match api::post::<Value>(&path, &json!({})).await {
                    Ok(told) => {
                        problem.set(None);
                        let new = told.get("secret").and_then(Value::as_str);
                        if new.is_some() {
                            secret.set(new.map(str::to_owned));
                        }
                    }
                    Err(told) => problem.set(Some(told)),
                }
                list.refetch();
            });
        }
    };
    let rotate = act.clone();
    rsx! {
        li {
            div { class: "row",
                strong { "{trigger.spec.name}" }
                span { class: "span-kind", {about(&trigger)} }
            }
            if let Some(hook) = &trigger.hook_path {
                CodeBlock { text: address(hook), label: "Address of the webhook" }
            }
            if let Some(next) = trigger.next_fires.first() {
                p { class: "hint", "Next at " Clock { at: *next, time_zone: zone_of(&trigger) } }
            }
            if let Some(reason) = &trigger.disabled_reason {
                p { class: "run-error", "Disabled: {reason}" }
            }
            if let Some(problem) = problem() {
                ProblemLine { problem }
            }
            div { class: "row",
                Switch {
                    label: "Enabled",
                    checked: trigger.enabled,
                    disabled: !may_write,
                    onchange: move |on: bool| act(if on { "enable" } else { "disable" }),
                }
                Button {
                    small: true,
                    "aria-expanded": shows_fires().to_string(),
                    onclick: move |_| shows_fires.toggle(),
                    "History"
                }
                if may_write && is_webhook {
                    Button {
                        small: true,
                        onclick: move |_| rotate("rotate-secret"),
                        "New secret"
                    }
                }
                if may_write {
                    Button {
                        small: true,
                        "aria-expanded": edits().to_string(),
                        onclick: move |_| edits.toggle(),
                        "Edit"
                    }
                    IconButton { glyph: Glyph::Trash, label: "Delete {trigger.spec.name}", onclick: move |_| asks.set(true) }
                }
            }
            if edits() {
                TriggerForm {
                    path: format!("{}/triggers", desk.path()),
                    trigger: known,
                    ondone: move |_| {
                        edits.set(false);
                        changed.refetch();
                    },
                    onclose: move |()| edits.set(false),
                }
            }
            if shows_fires() {
                Fires { path: fires }
            }
            if asks() {
                Delete { path, name: trigger.spec.name, list: again, onclose: move |()| asks.set(false) }
            }
        }
    }
}

/// What it waits for, in a line.
fn about(trigger: &Trigger) -> String {
    let spec = &trigger.spec;
    match (&spec.cron, &spec.webhook, &spec.event) {
        (Some(cron), _, _) => format!("{} · {}", cron.expression, cron.time_zone),
        (_, Some(_), _) => "webhook".to_owned(),
        (_, _, Some(event)) => format!("event {}", event.name),
        _ => trigger.kind.as_str().to_owned(),
    }
}

/// The zone whose clocks it follows.
fn zone_of(trigger: &Trigger) -> String {
    let cron = trigger.spec.cron.as_ref();
    cron.map_or_else(|| "UTC".to_owned(), |cron| cron.time_zone.clone())
}

/// The address that a sender posts to, on the server this app came from.
fn address(hook: &str) -> String {
    let window = web_sys::window();
    let origin = window.and_then(|window| window.location().origin().ok());
    format!("{}{hook}", origin.unwrap_or_default())
}

#[component]
fn Delete(
    path: String,
    name: String,
    list: Query<ListPage<Trigger>>,
    onclose: EventHandler<()>,
) -> Element {
    let mut busy = use_signal(|| false);
    let mut problem = use_signal(|| None::<Problem>);
    rsx! {
        Confirm {
            title: "Delete the trigger “{name}”?",
            act: "Delete",
            busy: busy(),
            problem: problem(),
            onclose,
            onconfirm: move |()| {
                busy.set(true);
                let (path, list) = (path.clone(), list.clone());
                spawn(async move {
                    match api::delete(&path).await {
                        Ok(()) => {
                            toast::done("The trigger is deleted.");
                            list.refetch();
                            onclose.call(());
                        }
                        Err(told) => {
                            problem.set(Some(told));
                            busy.set(false);
                        }
                    }
                });
            },
            p { "Its history goes with it. Executions that it began stay." }
        }
    }
}
