//! Whether an answer is what was asked for.

use contracts::llm::{Completion, FinishReason};
use serde_json::Value;

/// The answer's text.
pub(crate) fn text_of(completion: &Completion) -> String {
    match &completion.message.content {
        Value::String(text) => text.clone(),
        Value::Array(parts) => parts
            .iter()
            .filter_map(|part| part["text"].as_str())
            .collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => String::new(),
    }
}

/// The object that the answer must be.
///
/// # Errors
/// Why it is not, in words that a model can act on.
pub(crate) fn structured(completion: &Completion, schema: &Value) -> Result<Value, String> {
    if completion.finish_reason == FinishReason::Length {
        return Err("the answer was cut off at the token limit".to_owned());
    }
    let text = text_of(completion);
    let value: Value = serde_json::from_str(unfenced(&text))
        .map_err(|error| format!("the answer is not JSON: {error}"))?;
    let schema = graph::schema::Schema::new(schema)
        .map_err(|reason| format!("the output schema is not valid: {reason}"))?;
    match schema.misfits(&value).into_iter().next() {
        None => Ok(value),
        Some(misfit) => Err(format!("at `{}`: {}", misfit.path, misfit.message)),
    }
}

/// Without the Markdown fence that some models put around JSON.
fn unfenced(text: &str) -> &str {
    let text = text.trim();
    let inner = text
        .strip_prefix("```json")
        .or_else(|| text.strip_prefix("```"))
        .and_then(|text| text.strip_suffix("```"));
    inner.unwrap_or(text).trim()
}
