//! Adding a provider, or changing one, and hearing at once whether it answers.

use contracts::{
    ErrorCode, Problem,
    llm::{Provider, ProviderKind, ProviderTest},
};
use dioxus::prelude::*;

use super::{
    MODELS, PROVIDERS,
    draft::Draft,
    key::KeyFields,
    models::models_error,
    row::ask_once,
    vendors::{self, Vendor, vendor},
};
use crate::{
    api::{self, query},
    format,
    ui::{
        button::{Button, Variant},
        dialog::{Dialog, DialogActions},
        field::{TextArea, TextField},
        problem::{ProblemLine, field_error},
        select::SelectField,
        switch::Switch,
        toast,
    },
};

const MODELS_HINT: &str = "One a line: a name, the word embedding if it makes vectors, and the prices of a million prompt and completion tokens, then of prompt tokens read from and written to the vendor's cache.";

#[component]
pub(super) fn ProviderDialog(provider: Option<Provider>, onclose: EventHandler<()>) -> Element {
    // What was saved and does not answer is changed, not added once more.
    let mut saved = use_signal(|| provider);
    let draft = use_signal(|| match &*saved.peek() {
        Some(provider) => Draft::of(provider),
        None => Draft::fresh(ProviderKind::OpenaiCompatible),
    });
    let mut tested = use_signal(|| true);
    let mut problem = use_signal(|| None::<Problem>);
    let mut busy = use_signal(|| false);
    let submit = move |event: FormEvent| {
        event.prevent_default();
        async move {
            busy.set(true);
            problem.set(None);
            // Nothing is borrowed while it is waited for: the form can still be typed into.
            let (known, typed, wants_test) = (saved(), draft(), tested());
            match save(known, &typed).await {
                Ok(provider) => {
                    query::invalidate(PROVIDERS);
                    query::invalidate(MODELS);
                    saved.set(Some(provider.clone()));
                    match told(&provider, wants_test).await {
                        Ok(text) => {
                            toast::done(text);
                            return onclose.call(());
                        }
                        Err(silence) => problem.set(Some(silence)),
                    }
                }
                Err(refusal) => problem.set(Some(refusal)),
            }
            busy.set(false);
        }
    };
    let fixed = saved.read().is_some();
    rsx! {
        Dialog { title: if fixed { "Edit provider" } else { "Add provider" }, wide: true, onclose,
            form { onsubmit: submit,
                div { class: "stack",
                    Fields { draft, provider: saved(), problem: problem() }
                    Switch { label: "Test it when it is saved", hint: "Asks its first model for one token.", checked: tested(), onchange: move |on| tested.set(on) }
                    if let Some(problem) = problem() {
                        ProblemLine { problem }
                    }
                }
                DialogActions {
                    Button { onclick: move |_| onclose.call(()), if fixed { "Close" } else { "Cancel" } }
                    Button { variant: Variant::Primary, submit: true, busy: busy(), if fixed { "Save" } else { "Add provider" } }
                }
            }
        }
    }
}

#[component]
fn Fields(draft: Signal<Draft>, provider: Option<Provider>, problem: Option<Problem>) -> Element {
    let fixed = provider.is_some();
    let now = draft();
    let vendor = vendor(now.kind);
    let wrong = |path: &str| field_error(problem.as_ref(), path);
    rsx! {
        div { class: "fields",
            SelectField {
                label: "Kind",
                value: vendor.name,
                options: kinds(),
                disabled: fixed,
                error: wrong("/kind"),
                onchange: move |name: String| if let Some(kind) = vendors::kind_named(&name) { draft.write().choose(kind) },
            }
            TextField { label: "Name", required: true, disabled: fixed, pattern: "[A-Za-z0-9_\\-]+", maxlength: 64, "spellcheck": "false", hint: "The first part of its models' names.", value: now.name.clone(), error: wrong("/name"), oninput: move |text| draft.write().name = text }
        }
        div { class: "fields",
            Address { draft, vendor, error: wrong("/base_url") }
            // Another kind has other fields, not these with other contents.
            for kind in [vendor.key] {
                KeyFields { key: "{vendor.name}", draft, kind, stored: provider.as_ref().and_then(|it| it.key_hint.clone()), kept: fixed, error: wrong("/api_key") }
            }
        }
        TextArea {
            label: "Models",
            required: true,
            "spellcheck": "false",
            placeholder: vendor.model,
            hint: format!("{MODELS_HINT} {}", vendor.models_hint).trim_end().to_owned(),
            value: now.models,
            error: models_error(problem.as_ref()),
            oninput: move |text| draft.write().models = text,
        }
    }
}

/// Where it is asked. Amazon's own addresses have a region each.
#[component]
fn Address(draft: Signal<Draft>, vendor: Vendor, error: Option<String>) -> Element {
    let now = draft();
    let has_regions = now.kind == ProviderKind::Bedrock;
    let region = vendors::region_of(&now.base_url)
        .unwrap_or_default()
        .to_owned();
    rsx! {
        if has_regions {
            TextField { label: "Region", "spellcheck": "false", pattern: "[a-z0-9\\-]+", value: region, oninput: move |text: String| draft.write().base_url = vendors::address_in(text.trim()) }
        }
        TextField {
            label: if has_regions || vendor.base_url.is_empty() { "Endpoint" } else { "Base URL" },
            kind: "url",
            required: true,
            placeholder: vendor.like,
            hint: vendor.address_hint.to_owned(),
            value: now.base_url,
            error,
            oninput: move |text| draft.write().base_url = text,
        }
    }
}

fn kinds() -> Vec<(String, String)> {
    vendors::OFFERED
        .map(vendor)
        .map(|vendor| (vendor.name.to_owned(), vendor.title.to_owned()))
        .to_vec()
}

async fn save(provider: Option<Provider>, draft: &Draft) -> Result<Provider, Problem> {
    match provider {
        Some(provider) => {
            let path = format!("{PROVIDERS}/{}", provider.id);
            api::put(&path, &draft.change()?).await
        }
        None => api::post(PROVIDERS, &draft.create()?).await,
    }
}

/// What to say of a saved provider; the problem is that it does not answer.
async fn told(provider: &Provider, tested: bool) -> Result<String, Problem> {
    let name = &provider.name;
    if !tested {
        return Ok(format!("Saved “{name}”."));
    }
    match ask_once(provider.id).await? {
        ProviderTest {
            ok: true,
            duration_ms,
            ..
        } => {
            let took = format::duration(duration_ms);
            Ok(format!("Saved “{name}”: it answered in {took}."))
        }
        ProviderTest { message, .. } => {
            let text = format!("it is saved, but does not answer: {message}");
            Err(Problem::new(ErrorCode::Unavailable, text))
        }
    }
}
