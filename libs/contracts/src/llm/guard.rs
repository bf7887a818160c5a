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
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(
    feature = "openapi",
    derive(poem_openapi::Object),
    oai(deny_unknown_fields)
)]
pub struct AnswerCache {
    /// How long an answer counts, in seconds: 1 to 2,592,000.
    pub ttl_s: u32,
    /// Also a question that means the same gets the answer; only an equal one when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", oai(skip_serializing_if_is_none))]
    pub semantic: Option<SemanticCache>,
}

impl AnswerCache {
    /// For equal questions alone.
    pub const fn exact(ttl_s: u32) -> Self {
        Self {
            ttl_s,
            semantic: None,
        }
    }
}

/// How questions are compared by their meaning: by the words of the last message, while all else has to be equal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(
    feature = "openapi",
    derive(poem_openapi::Object),
    oai(deny_unknown_fields)
)]
pub struct SemanticCache {
    /// The model that makes vectors of the words: `<provider>/<model>`. Each question that is compared asks it once.
    pub model: String,
    /// The least cosine of two vectors whose questions mean the same: 0.5 to 1.
    #[serde(default = "SemanticCache::default_threshold")]
    #[cfg_attr(feature = "openapi", oai(default = "SemanticCache::default_threshold"))]
    pub threshold: f64,
    /// Answers of the route that are compared at most, the newest: 1 to 2,000.
    #[serde(default = "SemanticCache::default_max_entries")]
    #[cfg_attr(
        feature = "openapi",
        oai(default = "SemanticCache::default_max_entries")
    )]
    pub max_entries: u32,
}

impl SemanticCache {
    const fn default_threshold() -> f64 {
        0.95
    }
    const fn default_max_entries() -> u32 {
        500
    }

    /// With the usual threshold and bound.
    pub fn by(model: impl Into<String>) -> Self {
        Self {
            model: model.into(),
            threshold: Self::default_threshold(),
            max_entries: Self::default_max_entries(),
        }
    }
}
