//! One provider: whether it answers, and what can be done to it.

use contracts::{
    Problem,
    id::ProviderId,
    llm::{Provider, ProviderTest},
};
use dioxus::prelude::*;

use super::{MODELS, PROVIDERS, form::ProviderDialog, vendors::vendor};
use crate::{
    api::{self, query},
    format,
    ui::{
        Tone,
        badge::Badge,
        button::Button,
        confirm::Confirm,
        icon::{Glyph, Icon},
        menu::{Menu, MenuItem, MenuLine},
        problem::sentence,
        toast,
    },
};

#[component]
pub(super) fn ProviderRow(provider: Provider, may_write: bool) -> Element {
    let mut editing = use_signal(|| false);
    let mut deleting = use_signal(|| false);
    let models: Vec<_> = provider
        .models
        .iter()
        .map(|model| model.name.as_str())
        .collect();
    rsx! {
        tr {
            td { strong { "{provider.name}" } }
            td { {vendor(provider.kind).title} }
            td { class: "mono wide-only", "{provider.base_url}" }
            td { class: "mono muted wide-only",
                match &provider.key_hint {
                    Some(hint) => rsx! { "…{hint}" },
                    None => rsx! { "none" },
                }
            }
            td { class: "wide-only", {models.join(", ")} }
            td {
                if may_write {
                    Test { id: provider.id, name: provider.name.clone() }
                }
            }
            td { class: "end",
                if may_write {
                    Menu { label: "Actions for {provider.name}", trigger: rsx! { Icon { glyph: Glyph::More } },
                        MenuItem { glyph: Glyph::Pencil, onclick: move |()| editing.set(true), "Edit" }
                        MenuLine {}
                        MenuItem { glyph: Glyph::Trash, tone: Tone::Err, onclick: move |()| deleting.set(true), "Remove" }
                    }
                }
                if editing() {
                    ProviderDialog { provider: provider.clone(), onclose: move |()| editing.set(false) }
                }
                if deleting() {
                    Remove { provider: provider.clone(), onclose: move |()| deleting.set(false) }
                }
            }
        }
    }
}

/// Asks a provider's first model for one token.
pub(super) async fn ask_once(id: ProviderId) -> Result<ProviderTest, Problem> {
    api::post(&format!("{PROVIDERS}/{id}/test"), &serde_json::json!({})).await
}

#[component]
fn Test(id: ProviderId, name: String) -> Element {
    let mut busy = use_signal(|| false);
    let mut result = use_signal(|| None::<Result<ProviderTest, Problem>>);
    let test = move |_| async move {
        busy.set(true);
        result.set(Some(ask_once(id).await));
        busy.set(false);
    };
    let told = result().map(|result| match result {
        Ok(test) if test.ok => (
            Tone::Ok,
            Glyph::Success,
            format!("Answered in {}", format::duration(test.duration_ms)),
        ),
        Ok(test) => (Tone::Err, Glyph::Error, sentence(&test.message)),
        Err(problem) => (Tone::Err, Glyph::Error, sentence(&problem.detail)),
    });
    rsx! {
        div { class: "row", role: "status",
            Button { small: true, busy: busy(), onclick: test, "aria-label": "Test {name}", "Test" }
            if let Some((tone, glyph, text)) = told {
                Badge { tone, glyph, "{text}" }
            }
        }
    }
}

#[component]
fn Remove(provider: Provider, onclose: EventHandler<()>) -> Element {
    let mut busy = use_signal(|| false);
    let mut problem = use_signal(|| None::<Problem>);
    let (id, name) = (provider.id, provider.name.clone());
    let remove = move |()| {
        let name = name.clone();
        spawn(async move {
            busy.set(true);
            match api::delete(&format!("{PROVIDERS}/{id}")).await {
                Ok(()) => {
                    toast::done(format!("Removed “{name}”."));
                    query::invalidate(PROVIDERS);
                    query::invalidate(MODELS);
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
        Confirm { title: "Remove “{provider.name}”?", act: "Remove provider", busy: busy(), problem: problem(), onconfirm: remove, onclose,
            p { "Agents and flows that name its models fail until they name others. Its key is deleted." }
        }
    }
}
