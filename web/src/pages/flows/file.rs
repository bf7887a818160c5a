//! A flow as a JSON file: what is exported from one organization can be imported into another.
//!
//! **Invariant:** a file holds what the API takes for a new flow, and nothing of the organization it came from.

use contracts::{
    ErrorCode, Problem,
    flow::{CreateFlow, Definition, Flow},
};
use dioxus::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::File;

use crate::{
    api::{self, file, query},
    dom,
    routes::Route,
    ui::{
        icon::{Glyph, Icon},
        toast,
    },
};

/// Saves the flow as it stands on the server.
pub(crate) async fn export(path: &str) {
    let saved = async {
        let flow: Flow = api::get(path).await?;
        let name = file_name(&flow.name);
        let content = CreateFlow {
            name: flow.name,
            description: flow.description,
            definition: flow.definition,
        };
        let text = serde_json::to_string_pretty(&content).expect("a flow has a JSON form");
        file::save_text(&text, &name)
    };
    if let Err(problem) = saved.await {
        toast::problem(&problem);
    }
}

/// `Sort incoming mail` becomes `sort-incoming-mail.flow.json`.
fn file_name(name: &str) -> String {
    let letters: String = name
        .to_lowercase()
        .chars()
        .map(|letter| {
            if letter.is_alphanumeric() {
                letter
            } else {
                ' '
            }
        })
        .collect();
    let words: Vec<&str> = letters.split_whitespace().collect();
    match words.as_slice() {
        [] => "flow.json".to_owned(),
        words => format!("{}.flow.json", words.join("-")),
    }
}

/// A button that reads a file, makes a flow of it, and opens that.
#[component]
pub(super) fn ImportButton() -> Element {
    let navigator = navigator();
    rsx! {
        label { class: "button",
            input {
                class: "visually-hidden",
                r#type: "file",
                accept: ".json,application/json",
                "aria-label": "Import a flow from a file",
                onchange: move |event| async move {
                    let Some(file) = dom::picked_files(&event).pop() else { return };
                    match import(file).await {
                        Ok(flow) => {
                            query::invalidate("/flows");
                            toast::done(format!("Imported “{}”.", flow.name));
                            navigator.push(Route::flow(flow.id));
                        }
                        Err(problem) => toast::problem(&problem),
                    }
                },
            }
            Icon { glyph: Glyph::Upload }
            "Import"
        }
    }
}

async fn import(file: File) -> Result<Flow, Problem> {
    let text = JsFuture::from(file.text())
        .await
        .ok()
        .and_then(|text| text.as_string());
    let flow = read(&text.unwrap_or_default(), &file.name())
        .map_err(|why| Problem::new(ErrorCode::InvalidInput, why))?;
    api::post("/flows", &flow).await
}

/// A whole flow, or a bare definition, which is then called as its file.
fn read(text: &str, file: &str) -> Result<CreateFlow, String> {
    if let Ok(flow) = serde_json::from_str::<CreateFlow>(text) {
        return Ok(flow);
    }
    let stem = file.strip_suffix(".json").unwrap_or(file);
    let stem = stem.strip_suffix(".flow").unwrap_or(stem);
    match serde_json::from_str::<Definition>(text) {
        Ok(definition) => Ok(CreateFlow {
            name: stem.to_owned(),
            description: String::new(),
            definition,
        }),
        Err(error) => Err(format!("`{file}` holds no flow: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_called_as_its_flow() {
        assert_eq!(
            file_name("Sort incoming mail!"),
            "sort-incoming-mail.flow.json"
        );
        assert_eq!(file_name("…"), "flow.json");
    }

    #[test]
    fn a_file_holds_a_flow_or_a_definition() {
        let definition = Definition::example();
        let flow = CreateFlow {
            name: "Greet".into(),
            description: "Says hello.".into(),
            definition: definition.clone(),
        };
        assert_eq!(
            read(&serde_json::to_string(&flow).unwrap(), "x.json"),
            Ok(flow)
        );
        let bare = read(
            &serde_json::to_string(&definition).unwrap(),
            "greet.flow.json",
        )
        .unwrap();
        assert_eq!((bare.name.as_str(), bare.definition), ("greet", definition));
        assert!(
            read("[]", "x.json")
                .unwrap_err()
                .contains("`x.json` holds no flow")
        );
    }
}
