//! The rules of flows in a worker of the browser: the code that the platform itself decides by.
//!
//! It is a program of its own, because the rules weigh more than the rest of the app, and
//! only the flow editor needs them.

use wasm_bindgen::prelude::wasm_bindgen;

/// The problems (JSON of a list of `contracts::flow::FlowProblem`) of a definition (JSON of
/// `contracts::flow::Definition`), none when it is valid.
///
/// # Errors
/// What keeps the text from being a definition.
#[wasm_bindgen]
pub fn check(definition: &str) -> Result<String, String> {
    let definition = serde_json::from_str(definition).map_err(|error| error.to_string())?;
    serde_json::to_string(&graph::validate(&definition)).map_err(|error| error.to_string())
}
