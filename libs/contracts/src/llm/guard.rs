//! What a route makes of questions and answers on their way.

use serde::{Deserialize, Serialize};

/// What is struck out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(
    feature = "openapi",
    derive(poem_openapi::Enum),
    oai(rename_all = "snake_case")
)]
pub enum Redaction {
    Email,
    Phone,
    /// Numbers of payment cards.
    Card,
    /// Numbers of bank accounts.
    Iban,
}

/// What holds for the texts of questions before they are put, and for those of answers before anybody hears them. Where
/// anything of it looks at answers, they are told once they are whole.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(
    feature = "openapi",
    derive(poem_openapi::Object),
    oai(deny_unknown_fields)
)]
pub struct Guardrails {
    /// Struck out of questions and of answers: `[email]` and so on stands in its place.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "openapi", oai(default, skip_serializing_if_is_empty))]
    pub redact: Vec<Redaction>,
    /// Texts that no question and no answer may hold, whatever their case: 100 of up to 200 characters.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "openapi", oai(default, skip_serializing_if_is_empty))]
    pub blocked: Vec<String>,
    /// Answers are JSON objects, also where the question does not ask for that.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", oai(default))]
    pub json_only: bool,
    /// Tokens of an answer at most, whatever the question says: 1 to 1,000,000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", oai(skip_serializing_if_is_none))]
    pub max_output_tokens: Option<u32>,
}

/// The same question gets the same answer again, at no price.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(
    feature = "openapi",
    derive(poem_openapi::Object),
    oai(deny_unknown_fields)
)]
pub struct AnswerCache {
    /// How long an answer counts, in seconds: 1 to 2,592,000.
    pub ttl_s: u32,
}
