//! Whether an answer is the JSON that was asked for, and how it is asked for again.

use std::sync::Arc;

use contracts::llm::{Complete, Message};
use graph::schema::Schema;
use serde_json::{Value, json};

use crate::Error;

/// The form that an answer shall have.
#[derive(Clone, Debug)]
pub(crate) struct Shape {
    schema: Arc<Schema>,
}

impl Shape {
    /// None where the question asks for no JSON.
    pub(crate) fn of(ask: &Complete) -> Result<Option<Self>, Error> {
        let Some(format) = &ask.response_format else {
            return Ok(None);
        };
        let invalid = |what: String| Error::InvalidQuestion {
            parameter: "response_format",
            what,
        };
        let schema = match format["type"].as_str() {
            Some("text") => return Ok(None),
            Some("json_object") => json!({"type": "object"}),
            Some("json_schema") => format
                .pointer("/json_schema/schema")
                .cloned()
                .ok_or_else(|| invalid("`response_format` has no schema".to_owned()))?,
            _ => {
                let text = "`response_format.type` is text, json_object or json_schema";
                return Err(invalid(text.to_owned()));
            }
        };
        let schema = Schema::new(&schema).map_err(|why| invalid(format!("the schema: {why}")))?;
        Ok(Some(Self {
            schema: Arc::new(schema),
        }))
    }

    /// The JSON of an answer; why it is not what was asked for, where it is not. The answer is not quoted.
    pub(crate) fn fit<'a>(&self, answer: &'a str) -> Result<&'a str, String> {
        let text = unfenced(answer);
        let value: Value = serde_json::from_str(text).map_err(|_| "it is not JSON".to_owned())?;
        match self.schema.misfits(&value).first() {
            None => Ok(text),
            Some(misfit) => Err(format!("at `{}`: {}", misfit.path, misfit.message)),
        }
    }
}

/// The question after an answer that does not fit.
pub(crate) fn again(ask: &Complete, answer: &str, why: &str) -> Complete {
    let mut again = ask.clone();
    if !answer.is_empty() {
        let mut said = Message::user(answer);
        "assistant".clone_into(&mut said.role);
        again.messages.push(said);
    }
    let text = format!(
        "Your answer does not fit the schema: {why}. Answer again, with nothing but JSON that fits."
    );
    again.messages.push(Message::user(text));
    // Another question, not the same one again.
    again.idempotency_key = ask.idempotency_key.as_ref().map(|key| format!("{key}.2"));
    again
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

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(format: Value) -> Result<Option<Shape>, Error> {
        Shape::of(&Complete {
            response_format: Some(format),
            ..Complete::default()
        })
    }

    #[test]
    fn answers_are_measured_by_the_callers_schema() {
        let schema = json!({"type": "object", "required": ["n"], "properties": {"n": {"type": "integer", "minimum": 2}}});
        let format = json!({"type": "json_schema", "json_schema": {"name": "x", "schema": schema}});
        let shape = shape(format).unwrap().unwrap();
        assert_eq!(shape.fit(" {\"n\": 2} "), Ok("{\"n\": 2}"));
        assert_eq!(shape.fit("```json\n{\"n\": 3}\n```"), Ok("{\"n\": 3}"));
        assert!(shape.fit("{\"n\": 1}").unwrap_err().contains("`/n`"));
        assert_eq!(shape.fit("n is 2"), Err("it is not JSON".to_owned()));
    }

    #[test]
    fn what_is_no_form_is_refused() {
        assert!(shape(json!({"type": "text"})).unwrap().is_none());
        assert!(
            shape(json!({"type": "json_object"}))
                .unwrap()
                .unwrap()
                .fit("[]")
                .is_err()
        );
        for format in [
            json!({"type": "xml"}),
            json!({"type": "json_schema"}),
            json!({"type": "json_schema", "json_schema": {"schema": {"type": "strnig"}}}),
        ] {
            assert!(shape(format).is_err());
        }
    }
}
