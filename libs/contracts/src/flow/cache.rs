//! How long a step's output may be taken again.

use serde::{Deserialize, Serialize};

/// Of steps of the same node type with the same configuration and input, in the same flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(
    feature = "openapi",
    derive(poem_openapi::Object),
    oai(deny_unknown_fields)
)]
pub struct Cache {
    /// 1 s to 30 days.
    pub ttl_seconds: u64,
}
