//! How often a step's work may be begun.

use serde::{Deserialize, Serialize};

/// What becomes of a step whose worker broke down before its result was recorded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(
    feature = "openapi",
    derive(poem_openapi::Enum),
    oai(rename_all = "snake_case")
)]
pub enum Idempotency {
    /// It is done again with the same `Idempotency-Key`, by which the other side knows it.
    #[default]
    Keyed,
    /// It is never begun a second time: it fails with `outcome_unknown`.
    AtMostOnce,
}

impl Idempotency {
    pub fn is_keyed(&self) -> bool {
        *self == Self::Keyed
    }
}
