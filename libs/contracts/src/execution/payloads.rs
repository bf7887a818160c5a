//! Values that stand apart from their execution, piece by piece.

use serde::{Deserialize, Serialize};

use crate::{
    Access, Permission, file::FilePart, id::ExecutionId, message::request, payload::PayloadHash,
};

/// A piece of the JSON text of a value that stands apart from its execution: a `$payload` in an event or in an answer names
/// its hash.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GetPayload {
    pub execution_id: ExecutionId,
    pub hash: PayloadHash,
    /// Where the piece begins.
    #[serde(default)]
    pub offset: u64,
}
request!(GetPayload => FilePart, "execution.payload", Access::Permission(Permission::ExecutionRead), objects: &["execution_id"],
    example: GetPayload { execution_id: ExecutionId::EXAMPLE, hash: PayloadHash::example(), offset: 0 });

/// As [`GetPayload`], for services that keep what came of an execution.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReadPayload {
    pub execution_id: ExecutionId,
    pub hash: PayloadHash,
    #[serde(default)]
    pub offset: u64,
}
request!(ReadPayload => FilePart, "execution.read_payload", Access::Internal, objects: &["execution_id"],
    example: ReadPayload { execution_id: ExecutionId::EXAMPLE, hash: PayloadHash::example(), offset: 0 });
