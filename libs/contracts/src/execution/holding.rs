//! Holding an execution, and letting it go on.

use serde::{Deserialize, Serialize};

use super::Execution;
use crate::{Access, Permission, id::ExecutionId, message::request};

/// Nothing new begins: what runs comes to its end and is recorded, timers wait. Answered once it is recorded; changes nothing
/// where it is paused already.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PauseExecution {
    pub execution_id: ExecutionId,
}
request!(PauseExecution => Execution, "execution.pause", Access::Permission(Permission::ExecutionCancel), objects: &["execution_id"],
    example: PauseExecution { execution_id: ExecutionId::EXAMPLE });

/// The execution goes on; timers whose time has come fire. Changes nothing where it is not paused.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResumeExecution {
    pub execution_id: ExecutionId,
}
request!(ResumeExecution => Execution, "execution.resume", Access::Permission(Permission::ExecutionCancel), objects: &["execution_id"],
    example: ResumeExecution { execution_id: ExecutionId::EXAMPLE });
