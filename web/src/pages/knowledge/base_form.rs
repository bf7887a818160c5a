//! Makes a knowledge base, or changes one.

use contracts::{
    knowledge::{Base, CreateBase},
    llm::Model,
    page::Page,
};
use dioxus::prelude::*;
use serde_json::json;

use crate::{
    api::{
        self,
        query::{self, use_get},
    },
    ui::{
        button::{Button, Variant},
        dialog::{Dialog, DialogActions},
        field::{TextArea, TextField},
        problem::{ProblemLine, field_error},
        select::SelectField,
    },
};

/// The words of a model's name by which it is likely to embed.
const EMBEDDING: [&str; 3] = ["embed", "bge", "rehearsal"];

/// Those that are likely to embed come first; the one that is set is always among them.
fn options(models: &[Model], set: &str) -> Vec<(String, String)> {
    let embeds = |id: &str| {
        EMBEDDING
            .iter()
            .any(|word| id.to_lowercase().contains(word))
    };
    let mut ids: Vec<_> = models.iter().map(|model| model.id.clone()).collect();
    if !set.is_empty() && !ids.iter().any(|id| id == set) {
        ids.push(set.to_owned());
    }
    ids.sort_by_key(|id| (!embeds(id), id.clone()));
    let mut options: Vec<_> = ids.into_iter().map(|id| (id.clone(), id)).collect();
    options.insert(0, (String::new(), "The organization's default".into()));
    options
}

#[component]
pub(in super::super) fn BaseForm(
    base: Option<Base>,
    onclose: EventHandler<()>,
    ondone: EventHandler<Base>,
) -> Element {
    let models = use_get::<Page<Model>>("/llm/models".into());
    let start = base.clone();
    let mut name = use_signal(|| {
        start
            .as_ref()
            .map_or(String::new(), |base| base.name.clone())
    });
    let mut about = use_signal(|| {
        base.as_ref()
            .map_or(String::new(), |base| base.description.clone())
    });
    let set = base
        .as_ref()
        .and_then(|base| base.embedding_model.clone())
        .unwrap_or_default();
    let mut model = use_signal(|| set.clone());
    let mut problem = use_signal(|| None);
    let mut busy = use_signal(|| false);
    let changing = base.is_some();
    let may_clear = set.is_empty();
    let submit = move |event: FormEvent| {
        event.prevent_default();
        let id = base.as_ref().map(|base| base.id);
        async move {
            busy.set(true);
            let chosen = Some(model()).filter(|model| !model.is_empty());
            let answer = match id {
                None => {
                    let form = CreateBase {
                        name: name(),
                        description: about(),
                        embedding_model: chosen,
                    };
                    api::post::<Base>("/knowledge/bases", &form).await
                }
                Some(id) => {
                    let mut body = json!({"name": name(), "description": about()});
                    if let Some(chosen) = chosen {
                        body["embedding_model"] = chosen.into();
                    }
                    api::patch(&format!("/knowledge/bases/{id}"), &body).await
                }
            };
            busy.set(false);
            match answer {
                Ok(base) => {
                    query::invalidate("/knowledge/bases");
                    ondone.call(base);
                }
                Err(found) => problem.set(Some(found)),
            }
        }
    };
    let mut options = models
        .data()
        .map_or_else(|| options(&[], &set), |models| options(&models.items, &set));
    if !may_clear {
        // The API sets a model, but does not go back to the default.
        options.remove(0);
    }
    rsx! {
        Dialog { title: if changing { "Change base" } else { "New knowledge base" }, onclose,
            form { class: "stack", onsubmit: submit,
                TextField {
                    label: "Name",
                    required: true,
                    focused: true,
                    maxlength: 100,
                    error: field_error(problem().as_ref(), "/name"),
                    value: name(),
                    oninput: move |text| name.set(text),
                }
                TextArea {
                    label: "Description",
                    hint: "Agents read it to decide whether they look here.",
                    maxlength: 2_000,
                    value: about(),
                    oninput: move |text| about.set(text),
                }
                SelectField {
                    label: "Embedding model",
                    hint: changing.then(|| "Another model takes effect with a re-indexing.".to_owned()),
                    options,
                    value: model(),
                    onchange: move |id| model.set(id),
                }
                if let Some(problem) = problem() {
                    ProblemLine { problem }
                }
                DialogActions {
                    Button { onclick: move |_| onclose.call(()), "Cancel" }
                    Button { variant: Variant::Primary, submit: true, busy: busy(), if changing { "Save" } else { "Create base" } }
                }
            }
        }
    }
}
