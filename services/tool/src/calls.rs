//! One call, from its arguments to its record.
//!
//! **Invariant:** each call of a tool that exists leaves exactly one record, however it ends, and never waits for it.

use std::{sync::Arc, time::Duration};

use bus::Bus;
use chrono::{SubsecRound, Utc};
use contracts::{
    Principal, Subject,
    id::{TenantId, ToolId},
    tool::{InvokeTool, Tool, ToolCallRecord, ToolResult},
};
use kernel::Ear;
use serde_json::Value;
use tokio::time::{Instant, timeout};
use tokio_util::task::task_tracker::TaskTrackerToken;

use crate::{
    State,
    domain::arguments,
    error::Error,
    failure::Failure,
    kinds::{self, Call},
    pulse::Pulse,
    records::Records,
};

/// In whose name a tool is called.
pub(crate) struct Caller<'a> {
    pub(crate) bus: &'a Bus,
    pub(crate) tenant: TenantId,
    pub(crate) principal: &'a Principal,
    /// How long the caller waits.
    pub(crate) patience: Duration,
    /// Where the caller listens for signs of life.
    pub(crate) heartbeat: Option<&'a Subject>,
}

/// # Errors
/// Whatever keeps the call from a result.
pub(crate) async fn invoke(
    state: &State,
    caller: &Caller<'_>,
    tool: &Tool,
    request: &InvokeTool,
) -> Result<ToolResult, Error> {
    let mut entry = Entry::begin(state.records.clone(), caller, tool);
    let outcome = perform(state, caller, tool, request).await;
    let duration_ms = entry.close(outcome.as_ref().err().map(Error::reason));
    Ok(ToolResult {
        result: outcome?,
        version: tool.version,
        duration_ms,
    })
}

async fn perform(
    state: &State,
    caller: &Caller<'_>,
    tool: &Tool,
    request: &InvokeTool,
) -> Result<Value, Error> {
    if !caller.principal.role.covers(tool.least_role) {
        return Err(Error::RoleTooLow {
            tool: tool.name.clone(),
            least: tool.least_role,
        });
    }
    arguments::check(tool, &request.arguments)?;
    let slot = state.slots.take(caller.tenant);
    let _slot = slot.ok_or(Error::TooManyCalls)?;
    let limit = Duration::from_millis(tool.timeout_ms).min(caller.patience);
    let pulse = Pulse::new(caller.heartbeat.cloned());
    let call = Call {
        bus: caller.bus,
        tenant: caller.tenant,
        tool,
        arguments: &request.arguments,
        key: request.idempotency_key.as_deref(),
        timeout: limit,
        pulse: &pulse,
    };
    let execution = caller.principal.execution_id;
    let ear = execution.map(|execution| state.cancels.listen(caller.tenant, execution));
    let result = tokio::select! {
        biased;
        () = cancelled(ear.as_ref()) => return Err(Error::Cancelled),
        never = pulse.pass_on(caller.bus) => never,
        result = timeout(limit, kinds::run(state, &call)) => result.map_err(|_| {
            let text = format!("tool `{}` did not end within {} ms", tool.name, limit.as_millis());
            Failure::timeout(text)
        })??,
    };
    arguments::check_result(tool, &result)?;
    Ok(result)
}

async fn cancelled(ear: Option<&Ear>) {
    match ear {
        Some(ear) => ear.cancelled().await,
        None => std::future::pending().await,
    }
}

/// The record of a call while the call runs.
struct Entry {
    records: Arc<Records>,
    tenant: TenantId,
    tool: ToolId,
    record: ToolCallRecord,
    begun: Instant,
    closed: bool,
    /// The last write waits for the calls that are still under way.
    _open: TaskTrackerToken,
}

impl Entry {
    fn begin(records: Arc<Records>, caller: &Caller<'_>, tool: &Tool) -> Self {
        let record = ToolCallRecord {
            at: Utc::now().trunc_subsecs(6),
            version: tool.version,
            called_by: caller.principal.user_id,
            execution_id: caller.principal.execution_id,
            duration_ms: 0,
            error: None,
        };
        let open = records.open();
        Self {
            records,
            tenant: caller.tenant,
            tool: tool.id,
            record,
            begun: Instant::now(),
            closed: false,
            _open: open,
        }
    }

    /// Keeps the record; gives how long the call took, in milliseconds.
    fn close(&mut self, error: Option<&'static str>) -> u64 {
        self.closed = true;
        let took = self.begun.elapsed().as_millis();
        self.record.duration_ms = u64::try_from(took).unwrap_or(u64::MAX);
        self.record.error = error.map(str::to_owned);
        self.records
            .keep(self.tenant, self.tool, self.record.clone());
        self.record.duration_ms
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        if !self.closed {
            self.close(Some(Error::Gone.reason()));
        }
    }
}
