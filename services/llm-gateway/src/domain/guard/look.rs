//! Every text of a message, wherever it stands: its content, thoughts, calls and what vendors say beside.

use contracts::llm::{Guardrails, Message};
use serde_json::{Map, Value};

use super::{super::redact::redact, Blocked};

/// What no reader makes a text of: ids, and what vendors signed or sealed.
const OPAQUE: [&str; 9] = [
    "id",
    "type",
    "vendor",
    "format",
    "signature",
    "data",
    "encrypted_content",
    "thought_signature",
    "thoughtSignature",
];
/// Beside these a text cannot be changed: whoever signed it would refuse it.
const SIGNED: [&str; 4] = [
    "signature",
    "encrypted_content",
    "thought_signature",
    "thoughtSignature",
];
/// A text token by token, in which nothing can be found.
const SPELLED: &str = "logprobs";

/// Looks at texts by the rules of one route.
pub(super) struct Look<'a> {
    rails: &'a Guardrails,
}

impl<'a> Look<'a> {
    pub(super) fn by(rails: &'a Guardrails) -> Self {
        Self { rails }
    }

    /// # Errors
    /// When a text holds what is blocked.
    pub(super) fn message(&self, message: &mut Message) -> Result<(), Blocked> {
        match &mut message.content {
            Value::String(text) => self.said(text)?,
            Value::Array(parts) => {
                let texts = parts.iter_mut().filter_map(|part| part.get_mut("text"));
                for text in texts {
                    self.value(text, false)?;
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => {}
        }
        for call in &mut message.tool_calls {
            self.passes(&call.function.name)?;
            self.said(&mut call.function.arguments)?;
            self.beside(&mut call.extra)?;
        }
        self.beside(&mut message.extra)
    }

    /// All texts within, whatever they are.
    pub(super) fn all(&self, value: &mut Value) -> Result<(), Blocked> {
        self.value(value, false)
    }

    /// What a vendor says beside the fields we know.
    pub(super) fn beside(&self, fields: &mut Map<String, Value>) -> Result<(), Blocked> {
        fields.retain(|name, _| !name.contains(SPELLED));
        fields
            .iter_mut()
            .filter(|(name, _)| !OPAQUE.contains(&name.as_str()))
            .try_for_each(|(_, value)| self.value(value, true))
    }

    /// Looked at for what is blocked alone: it is not changed.
    pub(super) fn passes(&self, text: &str) -> Result<(), Blocked> {
        if self.rails.blocked.is_empty() {
            return Ok(());
        }
        let text = text.to_lowercase();
        let mut blocked = self.rails.blocked.iter();
        match blocked.any(|blocked| text.contains(&blocked.to_lowercase())) {
            true => Err(Blocked),
            false => Ok(()),
        }
    }

    fn text(&self, text: &mut String) -> Result<(), Blocked> {
        self.passes(text)?;
        if let Some(clean) = redact(text, &self.rails.redact) {
            *text = clean;
        }
        Ok(())
    }

    /// A text, which stays JSON where it is JSON.
    pub(super) fn said(&self, text: &mut String) -> Result<(), Blocked> {
        let is_json = text.trim_start().starts_with(['{', '[']);
        let parsed = is_json.then(|| serde_json::from_str::<Value>(text).ok());
        let Some(mut value) = parsed.flatten() else {
            return self.text(text);
        };
        self.passes(text)?;
        let before = value.clone();
        self.value(&mut value, false)?;
        if value != before {
            *text = value.to_string();
        }
        Ok(())
    }

    /// All texts within; `is_vendors` where some of them are the vendor's own and no text.
    fn value(&self, value: &mut Value, is_vendors: bool) -> Result<(), Blocked> {
        match value {
            Value::Null | Value::Bool(_) => Ok(()),
            Value::String(text) => self.text(text),
            Value::Number(number) => {
                let mut text = number.to_string();
                let before = text.clone();
                self.text(&mut text)?;
                if text != before {
                    *value = text.into();
                }
                Ok(())
            }
            Value::Array(list) => {
                for value in &mut *list {
                    self.value(value, is_vendors)?;
                }
                if is_vendors {
                    list.retain(|value| !value.is_null());
                }
                Ok(())
            }
            Value::Object(fields) => {
                let is_signed = is_vendors && SIGNED.iter().any(|name| fields.contains_key(*name));
                let before = is_signed.then(|| fields.clone());
                for (name, value) in &mut *fields {
                    if !is_vendors || !OPAQUE.contains(&name.as_str()) {
                        self.value(value, is_vendors)?;
                    }
                }
                if before.is_some_and(|before| before != *fields) {
                    *value = Value::Null;
                }
                Ok(())
            }
        }
    }
}
