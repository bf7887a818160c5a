//! How long executions are kept that have ended.

use serde::{Deserialize, Serialize};

use crate::{Access, Permission, id::ExecutionId, message::request};

/// Forgets an execution that has ended: its row, its history and what was kept of it elsewhere in the engine. It cannot be
/// brought back, and its id is never used again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeleteExecution {
    pub execution_id: ExecutionId,
}
request!(DeleteExecution => (), "execution.delete", Access::Permission(Permission::ExecutionDelete), objects: &["execution_id"],
    example: DeleteExecution { execution_id: ExecutionId::EXAMPLE });

/// How long the organization keeps executions that have ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(
    feature = "openapi",
    derive(poem_openapi::Object),
    oai(deny_unknown_fields)
)]
pub struct Retention {
    /// 1 to 3650, from the end of an execution; for ever when null. The platform's archive may forget histories earlier.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", oai(default))]
    pub days: Option<u32>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GetRetention {}
request!(GetRetention => Retention, "execution.retention", Access::Permission(Permission::OrganizationRead),
    example: GetRetention {});

/// Executions that ended before are forgotten within the hour.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetRetention {
    /// As [`Retention::days`].
    #[serde(default)]
    pub days: Option<u32>,
}
request!(SetRetention => Retention, "execution.set_retention", Access::Permission(Permission::OrganizationWrite),
    example: SetRetention { days: Some(90) });
