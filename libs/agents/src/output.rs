//! Whether an answer is what was asked for.

use contracts::{
    agent::Guardrail,
    execution::StepError,
    llm::{Completion, FinishReason},
};
use graph::expression::{self, Scope};
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

/// Why an answer cannot stand.
pub(crate) enum Objection {
    Schema(String),
    Guardrail(String),
}

impl Objection {
    /// What the model is told.
    pub(crate) fn told(&self) -> String {
        match self {
            Self::Schema(reason) => format!(
                "Your answer does not fit the required JSON Schema: {reason}. Answer again with the JSON value alone."
            ),
            Self::Guardrail(message) => {
                format!("Your answer cannot stand: {message} Answer again.")
            }
        }
    }

    /// Why the run fails when the second answer is no better.
    pub(crate) fn error(&self) -> StepError {
        match self {
            Self::Schema(reason) => StepError::new(
                "output_schema",
                format!("the answer does not fit the output schema: {reason}"),
            ),
            Self::Guardrail(message) => StepError::new(
                "guardrail",
                format!("the answer broke a guardrail: {message}"),
            ),
        }
    }
}

/// The answer, where it fits the schema and every guardrail holds.
pub(crate) fn checked(
    completion: &Completion,
    schema: Option<&Value>,
    guardrails: &[Guardrail],
) -> Result<Value, Objection> {
    let value = match schema {
        None => Value::String(text_of(completion)),
        Some(schema) => structured(completion, schema).map_err(Objection::Schema)?,
    };
    for guardrail in guardrails {
        let holds = expression::condition(&guardrail.expression, &Scope::of_output(&value));
        // A condition that cannot be evaluated, because the answer has another form, does not hold.
        if !holds.unwrap_or(false) {
            return Err(Objection::Guardrail(guardrail.message.clone()));
        }
    }
    Ok(value)
}

/// The object that the answer must be.
///
/// # Errors
/// Why it is not, in words that a model can act on.
fn structured(completion: &Completion, schema: &Value) -> Result<Value, String> {
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
pub(crate) fn unfenced(text: &str) -> &str {
    let text = text.trim();
    let inner = text
        .strip_prefix("```json")
        .or_else(|| text.strip_prefix("```"))
        .and_then(|text| text.strip_suffix("```"));
    inner.unwrap_or(text).trim()
}
