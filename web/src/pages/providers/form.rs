//! Adding a provider, or changing one. A key goes in and never comes back.

use contracts::{
    Problem,
    llm::{CreateProvider, ModelKind, Price, Provider, ProviderKind, ProviderModel},
};
use dioxus::prelude::*;
use serde_json::{Value, json};

use super::{MODELS, PROVIDERS};
use crate::{
    api::{self, query},
    ui::{
        button::{Button, Variant},
        dialog::{Dialog, DialogActions},
        field::{TextArea, TextField},
        problem::{ProblemLine, field_error},
        toast,
    },
};

const MODELS_HINT: &str = "One a line: a name, `embedding` if it makes vectors, and the prices of a million prompt and completion tokens. For example: gpt-4o-mini 0.15 0.60";

#[component]
pub(super) fn ProviderDialog(provider: Option<Provider>, onclose: EventHandler<()>) -> Element {
    let known = provider.clone();
    let mut name = use_signal(|| known.as_ref().map(|it| it.name.clone()).unwrap_or_default());
    let mut base_url = use_signal(|| {
        known.as_ref().map_or_else(
            || "https://api.openai.com/v1".to_owned(),
            |it| it.base_url.clone(),
        )
    });
    let mut key = use_signal(String::new);
    let mut models = use_signal(|| {
        known
            .as_ref()
            .map(|it| write_models(&it.models))
            .unwrap_or_default()
    });
    let mut problem = use_signal(|| None::<Problem>);
    let mut busy = use_signal(|| false);
    let editing = provider.clone();
    let submit = move |event: FormEvent| {
        event.prevent_default();
        let editing = editing.clone();
        async move {
            let parsed = match read_models(&models()) {
                Ok(parsed) => parsed,
                Err(detail) => return problem.set(Some(Problem::malformed(detail))),
            };
            busy.set(true);
            let key = Some(key()).filter(|key| !key.is_empty());
            let saved = match &editing {
                Some(provider) => change(provider, &base_url(), key, parsed).await,
                None => add(&name(), &base_url(), key, parsed).await,
            };
            match saved {
                Ok(provider) => {
                    toast::done(format!("Saved “{}”.", provider.name));
                    query::invalidate(PROVIDERS);
                    query::invalidate(MODELS);
                    onclose.call(());
                }
                Err(refusal) => {
                    problem.set(Some(refusal));
                    busy.set(false);
                }
            }
        }
    };
    let wrong = |path: &str| field_error(problem.read().as_ref(), path);
    let fixed = provider.is_some();
    let hint = provider.as_ref().and_then(|it| it.key_hint.clone());
    rsx! {
        Dialog { title: if fixed { "Edit provider" } else { "Add provider" }, onclose,
            form { onsubmit: submit,
                div { class: "stack",
                    TextField { label: "Name", required: true, focused: !fixed, disabled: fixed, pattern: "[A-Za-z0-9_\\-]+", maxlength: 64, hint: "The first part of a model's name, as in openai/gpt-4o-mini.", value: name(), error: wrong("/name"), oninput: move |text| name.set(text) }
                    TextField { label: "Base URL", kind: "url", required: true, hint: "Any server that speaks OpenAI's chat-completions API.", value: base_url(), error: wrong("/base_url"), oninput: move |text| base_url.set(text) }
                    TextField { label: "API key", kind: "password", autocomplete: "off", hint: hint.map(|hint| format!("Empty keeps the one that ends in {hint}.")), value: key(), error: wrong("/api_key"), oninput: move |text| key.set(text) }
                    TextArea { label: "Models", required: true, "spellcheck": "false", hint: MODELS_HINT, value: models(), error: wrong("/models"), oninput: move |text| models.set(text) }
                    if let Some(problem) = problem() {
                        ProblemLine { problem }
                    }
                }
                DialogActions {
                    Button { onclick: move |_| onclose.call(()), "Cancel" }
                    Button { variant: Variant::Primary, submit: true, busy: busy(), if fixed { "Save" } else { "Add provider" } }
                }
            }
        }
    }
}

async fn add(
    name: &str,
    base_url: &str,
    api_key: Option<String>,
    models: Vec<ProviderModel>,
) -> Result<Provider, Problem> {
    let form = CreateProvider {
        name: name.into(),
        kind: ProviderKind::OpenaiCompatible,
        base_url: base_url.into(),
        api_key,
        more_api_keys: Vec::new(),
        limits: None,
        models,
    };
    api::post(PROVIDERS, &form).await
}

/// What is left out stays.
async fn change(
    provider: &Provider,
    base_url: &str,
    api_key: Option<String>,
    models: Vec<ProviderModel>,
) -> Result<Provider, Problem> {
    let mut form = json!({"base_url": base_url, "models": models});
    if let Some(key) = api_key {
        form["api_key"] = Value::from(key);
    }
    api::put(&format!("{PROVIDERS}/{}", provider.id), &form).await
}

fn write_models(models: &[ProviderModel]) -> String {
    let lines = models.iter().map(|model| {
        let kind = match model.kind {
            ModelKind::Chat => "",
            ModelKind::Embedding => " embedding",
        };
        let price = model
            .price
            .map(|price| format!(" {} {}", price.prompt, price.completion));
        format!("{}{kind}{}", model.name, price.unwrap_or_default())
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn read_models(text: &str) -> Result<Vec<ProviderModel>, String> {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let models: Vec<_> = lines.map(read_model).collect::<Result<_, _>>()?;
    match models.is_empty() {
        true => Err("name at least one model".into()),
        false => Ok(models),
    }
}

fn read_model(line: &str) -> Result<ProviderModel, String> {
    let mut words = line.split_whitespace().peekable();
    let name = words.next().unwrap_or_default().to_owned();
    let kind = match words.next_if_eq(&"embedding") {
        Some(_) => ModelKind::Embedding,
        None => ModelKind::Chat,
    };
    let rest: Vec<_> = words.collect();
    let price = match rest.as_slice() {
        [] => None,
        [prompt, completion] => {
            let number = |word: &str| {
                word.parse()
                    .map_err(|_| format!("`{word}` in `{line}` is not a price"))
            };
            Some(Price {
                prompt: number(prompt)?,
                completion: number(completion)?,
                ..Price::default()
            })
        }
        _ => {
            return Err(format!(
                "`{line}` has to be a name, with two prices or none"
            ));
        }
    };
    Ok(ProviderModel { name, kind, price })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_are_written_as_they_are_read() {
        let text = "gpt-4o-mini 0.15 0.60\nsmall embedding 0.02 0\nlocal";
        let models = read_models(text).expect("three models");
        assert_eq!(models.len(), 3);
        assert_eq!(models[1].kind, ModelKind::Embedding);
        assert_eq!(models[2].price, None);
        assert_eq!(write_models(&models), text);
    }

    #[test]
    fn half_a_price_is_refused() {
        for text in ["", "gpt 1", "gpt one two", "gpt 1 2 3"] {
            assert!(read_models(text).is_err(), "{text}");
        }
    }
}
