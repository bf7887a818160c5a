//! Being a node: what an integrator's service is asked on `node.<tenant>.<name>`, and what it answers.
//!
//! **Invariant:** the question carries no token and no secret: a node is trusted with its own input alone.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::id::ExecutionId;

/// A reply may be as large as any output of a step: 1 MiB of JSON.
pub const MAX_REPLY: usize = 1024 * 1024;

/// One attempt of a step whose work an integrator does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CallNode {
    pub execution_id: ExecutionId,
    /// The id of the node in the flow.
    pub node: String,
    /// The node's configuration, with all expressions evaluated.
    pub config: Value,
    /// What came in by the node's edges.
    pub input: Value,
    /// The same for all attempts of the step, different for every other step: do the work once per key.
    pub idempotency_key: String,
}

impl CallNode {
    /// A valid question, for the documentation.
    pub fn example() -> Self {
        Self {
            execution_id: ExecutionId::EXAMPLE,
            node: "invoice".into(),
            config: serde_json::json!({"currency": "EUR"}),
            input: serde_json::json!({"customer": "Ada", "amount": 12.5}),
            idempotency_key: "5f3c".repeat(16),
        }
    }
}

/// What a node answers. A failure is a [`crate::Problem`] with the headers of a NATS micro service instead.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NodeReply {
    pub output: Value,
}

impl NodeReply {
    /// A valid answer, for the documentation.
    pub fn example() -> Self {
        Self {
            output: serde_json::json!({"invoice": 17}),
        }
    }
}
