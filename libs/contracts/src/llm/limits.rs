//! How much may be asked of models at a time.

use serde::{Deserialize, Serialize};

use crate::{Access, Permission, message::request};

/// What is absent is not limited.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(
    feature = "openapi",
    derive(poem_openapi::Object),
    oai(deny_unknown_fields)
)]
pub struct RateLimits {
    /// Questions in any 60 seconds: 1 to 1,000,000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", oai(skip_serializing_if_is_none))]
    pub requests_per_minute: Option<u32>,
    /// Tokens of questions and answers in any 60 seconds: 1 to 1,000,000,000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", oai(skip_serializing_if_is_none))]
    pub tokens_per_minute: Option<u32>,
    /// Questions at the same time: 1 to 100,000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", oai(skip_serializing_if_is_none))]
    pub parallel: Option<u32>,
}

/// The limits of the organization as a whole; providers and routes have their own beside.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GetLimits {}
request!(GetLimits => RateLimits, "llm.limits", Access::Permission(Permission::ProviderRead), example: GetLimits {});

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetLimits {
    /// All of them: what is absent is not limited any more.
    pub limits: RateLimits,
}
request!(SetLimits => RateLimits, "llm.set_limits", Access::Permission(Permission::ProviderWrite),
    example: SetLimits { limits: RateLimits { requests_per_minute: Some(600), ..RateLimits::default() } });
