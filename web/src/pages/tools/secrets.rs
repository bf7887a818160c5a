//! Secrets: names and hosts are shown, values only ever go in.

use contracts::{Permission, Problem, page::Page as ListPage, tool::Secret};
use dioxus::prelude::*;
use serde_json::json;

use crate::{
    api::{
        self,
        query::{self, View, use_get},
        session,
    },
    params,
    ui::{
        button::{Button, IconButton, Variant},
        confirm::Confirm,
        dialog::{Dialog, DialogActions},
        empty::EmptyState,
        field::TextField,
        icon::Glyph,
        problem::{ProblemLine, ProblemView, field_error},
        skeleton::Skeleton,
        time::Ago,
        toast,
    },
};

const PATH: &str = "/secrets";

#[component]
pub(crate) fn Secrets() -> Element {
    let list = use_get::<ListPage<Secret>>(format!("{PATH}?limit=200"));
    let may_write = session::may(Permission::SecretWrite);
    // The name that is written anew; an empty one for a new secret.
    let mut writing = use_signal(|| None::<String>);
    let mut deleting = use_signal(|| None::<String>);
    rsx! {
        div { class: "row",
            p { class: "hint", "Sent only to the hosts named with it, and never read back." }
            if may_write {
                span { class: "spread",
                    Button { icon: Glyph::Plus, onclick: move |_| writing.set(Some(String::new())), "New secret" }
                }
            }
        }
        match list.view() {
            View::Loading => rsx! { Skeleton {} },
            View::Failed(problem) => rsx! { ProblemView { problem, onretry: move |()| list.refetch() } },
            View::Ready(page) if page.items.is_empty() => rsx! { EmptyState { glyph: Glyph::Key, text: "No secrets yet." } },
            View::Ready(page) => rsx! {
                div { class: "table-scroll", tabindex: "0", role: "region", "aria-label": "Secrets",
                    table { class: "table",
                        thead {
                            tr {
                                th { "Name" }
                                th { "Hosts" }
                                th { class: "wide-only", "Changed" }
                                th { class: "end", span { class: "visually-hidden", "Acts" } }
                            }
                        }
                        tbody {
                            for secret in page.items.iter().cloned() {
                                tr { key: "{secret.name}",
                                    td { class: "mono", "{secret.name}" }
                                    td { {secret.hosts.join(", ")} }
                                    td { class: "wide-only muted", Ago { at: secret.updated_at } }
                                    td { class: "end",
                                        if may_write {
                                            IconButton {
                                                glyph: Glyph::Pencil,
                                                label: "Write {secret.name} anew",
                                                onclick: { let name = secret.name.clone(); move |_| writing.set(Some(name.clone())) },
                                            }
                                            IconButton {
                                                glyph: Glyph::Trash,
                                                label: "Delete {secret.name}",
                                                onclick: { let name = secret.name; move |_| deleting.set(Some(name.clone())) },
                                            }
                                        }
                                    }
                                }
                            }
                        }
                    }
                }
            },
        }
        if let Some(name) = writing() {
            WriteSecret { name, onclose: move |()| writing.set(None) }
        }
        if let Some(name) = deleting() {
            DeleteSecret { name, onclose: move |()| deleting.set(None) }
        }
    }
}

#[component]
fn WriteSecret(name: String, onclose: EventHandler<()>) -> Element {
    let is_new = name.is_empty();
    let mut name = use_signal(|| name);
    let (mut value, mut hosts) = (use_signal(String::new), use_signal(String::new));
    let (mut busy, mut problem) = (use_signal(|| false), use_signal(|| None::<Problem>));
    let save = move || async move {
        busy.set(true);
        let hosts: Vec<String> = hosts()
            .split([',', ' ', '\n'])
            .filter(|host| !host.is_empty())
            .map(Into::into)
            .collect();
        let path = format!("{PATH}/{}", params::encode(&name()));
        let answer = api::put::<Secret>(&path, &json!({"value": value(), "hosts": hosts})).await;
        busy.set(false);
        match answer {
            Ok(_) => {
                toast::done("Saved the secret.");
                query::invalidate(PATH);
                onclose.call(());
            }
            Err(refused) => problem.set(Some(refused)),
        }
    };
    let refused = problem();
    let error = |path| field_error(refused.as_ref(), path);
    rsx! {
        Dialog { title: if is_new { "New secret" } else { "Write the secret anew" }, onclose,
            form {
                class: "stack",
                autocomplete: "off",
                onsubmit: move |event| {
                    event.prevent_default();
                    spawn(save());
                },
                TextField {
                    label: "Name",
                    value: name(),
                    required: true,
                    focused: is_new,
                    readonly: !is_new,
                    error: error("/name"),
                    hint: "Letters, digits, _ or -. Tools name it as {{\"$secret\": \"name\"}}.",
                    oninput: move |text| name.set(text),
                }
                TextField {
                    label: "Value",
                    kind: "password",
                    value: value(),
                    required: true,
                    focused: !is_new,
                    autocomplete: "new-password",
                    error: error("/value"),
                    oninput: move |text| value.set(text),
                }
                TextField {
                    label: "Hosts",
                    value: hosts(),
                    required: true,
                    placeholder: "api.example.com",
                    error: error("/hosts"),
                    hint: "Where it may be sent to, separated by commas.",
                    oninput: move |text| hosts.set(text),
                }
                if let Some(problem) = refused.clone() {
                    ProblemLine { problem }
                }
                DialogActions {
                    Button { onclick: move |_| onclose.call(()), "Cancel" }
                    Button { variant: Variant::Primary, submit: true, busy: busy(), "Save secret" }
                }
            }
        }
    }
}

#[component]
fn DeleteSecret(name: String, onclose: EventHandler<()>) -> Element {
    let (mut busy, mut problem) = (use_signal(|| false), use_signal(|| None::<Problem>));
    let path = format!("{PATH}/{}", params::encode(&name));
    rsx! {
        Confirm {
            title: "Delete secret “{name}”?",
            act: "Delete secret",
            busy: busy(),
            problem: problem(),
            onclose,
            onconfirm: move |()| {
                let path = path.clone();
                spawn(async move {
                    busy.set(true);
                    let answer = api::delete(&path).await;
                    busy.set(false);
                    match answer {
                        Ok(()) => {
                            query::invalidate(PATH);
                            onclose.call(());
                        }
                        Err(refused) => problem.set(Some(refused)),
                    }
                });
            },
            p { "Tools that name it fail from then on." }
        }
    }
}
