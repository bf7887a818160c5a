//! What of a question a provider cannot say: refused, or left out and named.
//!
//! **Invariant:** nothing is left out that is not in [`Terms::dropped`].

use contracts::llm::Complete;
use serde_json::{Map, Value};

use super::fault::{Fault, FaultKind};

/// Wishes that no answer depends on: left out where a vendor does not know them, also by those who are strict.
const HINTS: [&str; 9] = [
    "user",
    "store",
    "metadata",
    "service_tier",
    "verbosity",
    "prompt_cache_key",
    "prompt_cache_retention",
    "safety_identifier",
    "strict",
];

pub(crate) struct Terms<'a> {
    provider: &'a str,
    lenient: bool,
    dropped: Vec<String>,
}

impl<'a> Terms<'a> {
    pub(crate) fn of(provider: &'a str, ask: &Complete) -> Self {
        Self {
            provider,
            lenient: ask.lenient,
            dropped: Vec::new(),
        }
    }

    /// Leaves a wish out that changes nothing about what the answer means.
    pub(crate) fn hint(&mut self, name: &str) {
        let shown: String = name.chars().take(64).collect();
        if !self.dropped.contains(&shown) {
            self.dropped.push(shown);
        }
    }

    /// Leaves a parameter out, if the caller allows that.
    pub(crate) fn cannot(&mut self, name: &str) -> Result<(), Fault> {
        if self.lenient || HINTS.contains(&name) {
            self.hint(name);
            return Ok(());
        }
        let shown: String = name.chars().take(64).collect();
        Err(Fault::new(self.provider, FaultKind::Unsupported).because(format!("`{shown}`")))
    }

    /// A question that no provider of this kind could understand.
    pub(crate) fn invalid(&self, why: impl Into<String>) -> Fault {
        Fault::new(self.provider, FaultKind::Invalid).because(why)
    }

    /// Leaves out what of these parameters is left and says something.
    pub(crate) fn rest(&mut self, parameters: &Map<String, Value>) -> Result<(), Fault> {
        let said = parameters
            .iter()
            .filter(|(name, value)| !is_neutral(name, value));
        for (name, _) in said {
            self.cannot(name)?;
        }
        Ok(())
    }

    pub(crate) fn dropped(self) -> Vec<String> {
        self.dropped
    }
}

/// Whether a parameter says what would be without it.
fn is_neutral(name: &str, value: &Value) -> bool {
    match name {
        "stream_options" => true,
        "frequency_penalty" | "presence_penalty" | "top_logprobs" => value.as_f64() == Some(0.0),
        "logprobs" | "store" => *value == false,
        "n" => *value == 1,
        "parallel_tool_calls" => *value == true,
        "logit_bias" | "metadata" => value.as_object().is_some_and(Map::is_empty),
        _ => value.is_null(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn rest(lenient: bool, parameters: &Value) -> Result<Vec<String>, Fault> {
        let ask = Complete {
            lenient,
            ..Complete::default()
        };
        let mut terms = Terms::of("p", &ask);
        terms.rest(parameters.as_object().unwrap())?;
        Ok(terms.dropped())
    }

    #[test]
    fn strict_refuses_and_lenient_names() {
        let seed = json!({"seed": 7, "user": "ada", "logprobs": false});
        let fault = rest(false, &seed).unwrap_err();
        assert_eq!(fault.kind, FaultKind::Unsupported);
        assert_eq!(fault.detail.as_deref(), Some("`seed`"));
        assert_eq!(rest(true, &seed).unwrap(), ["seed", "user"]);
    }

    #[test]
    fn what_changes_nothing_is_no_reason_to_refuse() {
        let neutral = json!({"n": 1, "frequency_penalty": 0, "logit_bias": {}, "store": false,
            "parallel_tool_calls": true, "stream_options": {"include_usage": true}, "seed": null});
        assert_eq!(rest(false, &neutral).unwrap(), [""; 0]);
        assert_eq!(
            rest(false, &json!({"verbosity": "low"})).unwrap(),
            ["verbosity"]
        );
    }
}
