//! Which tool a model shall call, as the question says it.

use contracts::llm::Complete;
use serde_json::Value;

use super::{Fault, names::Names, terms::Terms};

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Choice {
    Auto,
    None,
    /// Any of them.
    Required,
    /// This one, by the name the vendor is told.
    Named(String),
}

impl Choice {
    /// None where the question leaves it open.
    pub(crate) fn of(
        ask: &Complete,
        names: &Names,
        terms: &Terms<'_>,
    ) -> Result<Option<Self>, Fault> {
        let Some(said) = &ask.tool_choice else {
            return Ok(None);
        };
        let choice = match said.as_str() {
            Some("auto") => Self::Auto,
            Some("none") => Self::None,
            Some("required") => Self::Required,
            Some(_) => return Err(terms.invalid("`tool_choice` is auto, none, required or a tool")),
            None => {
                let name = said.pointer("/function/name").and_then(Value::as_str);
                let name = name.ok_or_else(|| terms.invalid("`tool_choice` names no tool"))?;
                if !ask.tools.iter().any(|tool| tool.function.name == name) {
                    return Err(terms.invalid("`tool_choice` names a tool that is not there"));
                }
                Self::Named(names.told(name))
            }
        };
        Ok(Some(choice))
    }

    /// Whether a tool must be called.
    pub(crate) fn is_forced(&self) -> bool {
        matches!(self, Self::Required | Self::Named(_))
    }
}
