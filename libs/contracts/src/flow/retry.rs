//! How a failed step is tried again.

use serde::{Deserialize, Serialize};

/// How often and how patiently a failed step is tried again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(
    feature = "openapi",
    derive(poem_openapi::Object),
    oai(deny_unknown_fields)
)]
pub struct Retry {
    /// All attempts, the first included: 1 to 100.
    pub max_attempts: u32,
    #[serde(default)]
    #[cfg_attr(feature = "openapi", oai(default))]
    pub backoff: Backoff,
    /// The pause before the second attempt. Where the server asks for a longer one by `Retry-After`, that counts, up to a day.
    #[serde(default = "Retry::default_backoff_ms")]
    #[cfg_attr(feature = "openapi", oai(default = "Retry::default_backoff_ms"))]
    pub backoff_ms: u64,
    #[serde(default = "Retry::default_max_backoff_ms")]
    #[cfg_attr(feature = "openapi", oai(default = "Retry::default_max_backoff_ms"))]
    pub max_backoff_ms: u64,
    /// 0 to 1: the share of the pause that is random.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", oai(default))]
    pub jitter: f64,
    /// No attempt begins later than this after the first one: 1 ms to 365 days.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", oai(skip_serializing_if_is_none))]
    pub max_elapsed_ms: Option<u64>,
    /// The codes of the errors that are tried again, 1 to 20; without, all errors that another attempt may heal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", oai(skip_serializing_if_is_none))]
    pub on: Option<Vec<String>>,
}

/// How the pause grows from attempt to attempt.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(
    feature = "openapi",
    derive(poem_openapi::Enum),
    oai(rename_all = "snake_case")
)]
pub enum Backoff {
    /// It doubles, up to `max_backoff_ms`.
    #[default]
    Exponential,
    /// It stays.
    Fixed,
}

impl Retry {
    const fn default_backoff_ms() -> u64 {
        1000
    }
    const fn default_max_backoff_ms() -> u64 {
        60_000
    }
}
