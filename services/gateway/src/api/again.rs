//! `/executions/{id}/…`: holding an execution, and running it once more.

use contracts::{
    execution::{
        CompareExecutions, Comparison, Execution, PauseExecution, ReplayExecution, Replayed,
        ResumeExecution,
    },
    flow::{ContinueExecution, ForkExecution, RetryExecution, RevisionChoice},
    id::ExecutionId,
};
use poem_openapi::{
    Object, OpenApi,
    param::{Header, Path},
};
use serde::Deserialize;
use serde_json::Value;

use super::{
    Tag,
    flows::{Started, started},
};
use crate::{
    caller::Bearer,
    payload::{Json, MaybeJson},
};

pub(crate) struct Api;

#[derive(Default, Deserialize, Object)]
#[serde(deny_unknown_fields)]
#[oai(deny_unknown_fields)]
struct RetryBody {
    /// Runs too, although it had succeeded, and all that depends on it. Needed where nothing had failed.
    #[serde(default)]
    node: Option<String>,
}

#[derive(Default, Deserialize, Object)]
#[serde(deny_unknown_fields)]
#[oai(deny_unknown_fields)]
struct ContinueBody {
    /// The latest revision when absent.
    #[serde(default)]
    revision: Option<RevisionChoice>,
}

#[derive(Deserialize, Object)]
#[serde(deny_unknown_fields)]
#[oai(deny_unknown_fields)]
struct ForkBody {
    /// A node that stands in no body.
    node: String,
    /// What it gives instead: up to 1 MiB.
    output: Value,
    /// The port by which the execution goes on; the one that was taken before, else `out`, when absent.
    #[serde(default)]
    port: Option<String>,
}

#[OpenApi(prefix_path = "/executions", tag = "Tag::Executions")]
impl Api {
    /// Pause an execution
    ///
    /// Nothing new begins: what runs comes to its end and is recorded, timers wait. Cancelling works as before.
    #[oai(
        path = "/:execution_id/pause",
        method = "post",
        operation_id = "execution.pause"
    )]
    async fn pause(
        &self,
        caller: Bearer,
        execution_id: Path<ExecutionId>,
    ) -> poem::Result<Json<Execution>> {
        let execution_id = execution_id.0;
        Ok(Json(caller.ask(&PauseExecution { execution_id }).await?))
    }

    /// Let a paused execution go on
    #[oai(
        path = "/:execution_id/resume",
        method = "post",
        operation_id = "execution.resume"
    )]
    async fn resume(
        &self,
        caller: Bearer,
        execution_id: Path<ExecutionId>,
    ) -> poem::Result<Json<Execution>> {
        let execution_id = execution_id.0;
        Ok(Json(caller.ask(&ResumeExecution { execution_id }).await?))
    }

    /// Compare two executions that have ended
    #[oai(
        path = "/:execution_id/compare/:with_execution_id",
        method = "get",
        operation_id = "execution.compare"
    )]
    async fn compare(
        &self,
        caller: Bearer,
        execution_id: Path<ExecutionId>,
        with_execution_id: Path<ExecutionId>,
    ) -> poem::Result<Json<Comparison>> {
        let request = CompareExecutions {
            execution_id: execution_id.0,
            with_execution_id: with_execution_id.0,
        };
        Ok(Json(caller.ask(&request).await?))
    }

    /// Replay an execution that has ended
    ///
    /// The engine decides it once more from what was recorded, and says where it would decide otherwise. Nothing outside is
    /// called, and nothing is paid.
    #[oai(
        path = "/:execution_id/replay",
        method = "get",
        operation_id = "execution.replay"
    )]
    async fn replay(
        &self,
        caller: Bearer,
        execution_id: Path<ExecutionId>,
    ) -> poem::Result<Json<Replayed>> {
        let execution_id = execution_id.0;
        Ok(Json(caller.ask(&ReplayExecution { execution_id }).await?))
    }

    /// Run an execution anew, without what had succeeded
    ///
    /// Begins a new execution of the same definition with the same input. What had succeeded is taken over; what had failed,
    /// was cut or was undone runs, with all that depends on it.
    #[oai(
        path = "/:execution_id/retry",
        method = "post",
        operation_id = "flow.retry"
    )]
    async fn retry(
        &self,
        caller: Bearer,
        execution_id: Path<ExecutionId>,
        /// The same key and body give the same execution; the same key with another body is refused.
        #[oai(name = "Idempotency-Key")]
        idempotency_key: Header<Option<String>>,
        body: MaybeJson<RetryBody>,
    ) -> poem::Result<Started> {
        let request = RetryExecution {
            execution_id: execution_id.0,
            node: body.0.node,
            idempotency_key: idempotency_key.0,
        };
        Ok(started(caller.ask(&request).await?))
    }

    /// Continue an execution on another revision
    ///
    /// Begins a new execution of that revision, or of the draft, with the same input. What had succeeded is taken over where
    /// neither the node, nor anything before it, nor a variable it names has changed.
    #[oai(
        path = "/:execution_id/continue",
        method = "post",
        operation_id = "flow.continue"
    )]
    async fn continue_(
        &self,
        caller: Bearer,
        execution_id: Path<ExecutionId>,
        /// The same key and body give the same execution; the same key with another body is refused.
        #[oai(name = "Idempotency-Key")]
        idempotency_key: Header<Option<String>>,
        body: MaybeJson<ContinueBody>,
    ) -> poem::Result<Started> {
        let request = ContinueExecution {
            execution_id: execution_id.0,
            revision: body.0.revision,
            idempotency_key: idempotency_key.0,
        };
        Ok(started(caller.ask(&request).await?))
    }

    /// Fork an execution with another output of one node
    ///
    /// Begins a new execution of the same definition with the same input, in which the node has that output. What does not
    /// depend on it is taken over.
    #[oai(
        path = "/:execution_id/fork",
        method = "post",
        operation_id = "flow.fork"
    )]
    async fn fork(
        &self,
        caller: Bearer,
        execution_id: Path<ExecutionId>,
        /// The same key and body give the same execution; the same key with another body is refused.
        #[oai(name = "Idempotency-Key")]
        idempotency_key: Header<Option<String>>,
        body: Json<ForkBody>,
    ) -> poem::Result<Started> {
        let request = ForkExecution {
            execution_id: execution_id.0,
            node: body.0.node,
            output: body.0.output,
            port: body.0.port,
            idempotency_key: idempotency_key.0,
        };
        Ok(started(caller.ask(&request).await?))
    }
}
