//! How much a model shall think, in words and in tokens.

use serde_json::Value;

/// Below this no vendor thinks at all.
pub(crate) const LEAST: u32 = 1024;

/// The words of `reasoning_effort` (OpenAI API reference) and of Anthropic's `effort`, the least first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effort {
    None,
    Minimal,
    Low,
    Medium,
    High,
    Extra,
    Max,
}

impl Effort {
    pub(crate) fn read(value: &Value) -> Option<Self> {
        Some(match value.as_str()? {
            "none" => Self::None,
            "minimal" => Self::Minimal,
            "low" => Self::Low,
            "medium" => Self::Medium,
            "high" => Self::High,
            "xhigh" => Self::Extra,
            "max" => Self::Max,
            _ => return None,
        })
    }

    /// The effort that Anthropic's `thinking` means; none where it is no such object.
    pub(crate) fn of_thinking(thinking: &Value) -> Option<Self> {
        let budget = thinking["budget_tokens"].as_u64();
        Some(match (thinking["type"].as_str()?, budget) {
            ("adaptive", _) => Self::Medium,
            ("enabled", Some(0..=1024)) => Self::Low,
            ("enabled", Some(1025..=4095)) => Self::Medium,
            ("enabled", Some(_)) => Self::High,
            _ => return None,
        })
    }

    /// Tokens that the thoughts may take.
    pub(crate) fn budget(self) -> u32 {
        match self {
            Self::None => 0,
            Self::Minimal | Self::Low => LEAST,
            Self::Medium => 2048,
            Self::High => 4096,
            Self::Extra => 8192,
            Self::Max => 16_384,
        }
    }

    /// The word, for models that take one of three.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::None | Self::Minimal | Self::Low => "low",
            Self::Medium => "medium",
            Self::High | Self::Extra | Self::Max => "high",
        }
    }
}
