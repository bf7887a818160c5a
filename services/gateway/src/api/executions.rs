//! `/executions`: state, history, live events, cancelling.

use std::time::Duration;

use chrono::{DateTime, Utc};
use contracts::{
    Problem,
    execution::{
        AnswerExecution, Approve, CancelExecution, DeleteExecution, Events, Execution,
        ExecutionState, ExecutionSummary, GetExecution, GetExecutionDefinition, GetPayload,
        ListEvents, ListExecutions,
    },
    flow::Definition,
    id::{AgentId, CrewId, ExecutionId, FlowId},
    page::Page,
    payload::PayloadHash,
};
use futures::{StreamExt, stream::BoxStream};
use poem::web::sse::Event;
use poem_openapi::{
    ApiResponse, Object, OpenApi,
    param::{Header, Path, Query},
    payload::EventStream,
};
use serde::Deserialize;
use serde_json::Value;

use super::{
    Tag,
    form::{Deleted, paging},
};
use crate::{
    caller::Bearer,
    download::{self, Apart},
    live::{Item, Resume, follow},
    payload::Json,
    problem::Refusal,
};

/// A comment this often keeps proxies from closing a silent stream.
pub(super) const KEEP_ALIVE: Duration = Duration::from_secs(15);

pub(crate) struct Api;

#[derive(Deserialize, Object)]
#[serde(deny_unknown_fields)]
#[oai(deny_unknown_fields)]
struct ApprovalBody {
    /// The step that waits, as the execution's `approvals` name it.
    node: String,
    approved: bool,
    /// Of the pending approval: the word holds for exactly those arguments.
    arguments_hash: String,
    /// Told to the agent when the call is refused: up to 1,000 characters.
    #[serde(default)]
    #[oai(default)]
    comment: String,
}

#[derive(Deserialize, Object)]
#[serde(deny_unknown_fields)]
#[oai(deny_unknown_fields)]
struct AnswerBody {
    /// The node that asks.
    node: String,
    /// That of the chosen button.
    port: String,
    /// What the form asks for; null where it asks for nothing.
    #[serde(default)]
    #[oai(default)]
    values: Value,
    /// Up to 1,000 characters.
    #[serde(default)]
    #[oai(default)]
    comment: String,
}

#[derive(ApiResponse)]
enum Live {
    /// Server-sent events: `id` is the event's number, `event` its type, `data` the event. A stream that ends before the
    /// execution says why in an event `problem`.
    #[oai(status = 200)]
    Events(EventStream<BoxStream<'static, Item>>),
    /// The client has seen the terminal event: there is nothing to come.
    #[oai(status = 204)]
    AtTheEnd,
}

#[OpenApi(prefix_path = "/executions", tag = "Tag::Executions")]
#[allow(
    clippy::too_many_arguments,
    reason = "each is a parameter of the query, and stands so in the document"
)]
impl Api {
    /// The organization's executions, the newest first
    #[oai(path = "/", method = "get", operation_id = "execution.list")]
    async fn list(
        &self,
        caller: Bearer,
        /// Only executions of this flow.
        flow_id: Query<Option<FlowId>>,
        /// Only runs of this agent by itself.
        agent_id: Query<Option<AgentId>>,
        /// Only runs of this crew.
        crew_id: Query<Option<CrewId>>,
        /// Only executions that a step of this execution began.
        parent_id: Query<Option<ExecutionId>>,
        /// Only executions in this state.
        state: Query<Option<ExecutionState>>,
        /// Only executions that wait for a person's answer or approval; only the others, when false.
        asks: Query<Option<bool>>,
        /// Only executions that were started then or later.
        since: Query<Option<DateTime<Utc>>>,
        /// Only executions that were started before.
        until: Query<Option<DateTime<Utc>>>,
        /// An execution's id, or a text in the code, the node or the message of its error, whatever the case.
        search: Query<Option<String>>,
        /// The `next` of the page before.
        cursor: Query<Option<String>>,
        /// 1 to 200, 50 when absent.
        limit: Query<Option<u32>>,
    ) -> poem::Result<Json<Page<ExecutionSummary>>> {
        let request = ListExecutions {
            flow_id: flow_id.0,
            agent_id: agent_id.0,
            crew_id: crew_id.0,
            parent_id: parent_id.0,
            state: state.0,
            asks: asks.0,
            since: since.0,
            until: until.0,
            search: search.0,
            paging: paging(cursor, limit),
        };
        Ok(Json(caller.ask(&request).await?))
    }

    /// One execution
    #[oai(
        path = "/:execution_id",
        method = "get",
        operation_id = "execution.get"
    )]
    async fn get(
        &self,
        caller: Bearer,
        execution_id: Path<ExecutionId>,
    ) -> poem::Result<Json<Execution>> {
        let execution_id = execution_id.0;
        Ok(Json(caller.ask(&GetExecution { execution_id }).await?))
    }

    /// Delete an execution that has ended
    ///
    /// With its history. It cannot be brought back, and an `Idempotency-Key` that began it begins nothing any more.
    #[oai(
        path = "/:execution_id",
        method = "delete",
        operation_id = "execution.delete"
    )]
    async fn delete(
        &self,
        caller: Bearer,
        execution_id: Path<ExecutionId>,
    ) -> poem::Result<Deleted> {
        let execution_id = execution_id.0;
        caller.ask(&DeleteExecution { execution_id }).await?;
        Ok(Deleted::Done)
    }

    /// The history of an execution
    #[oai(
        path = "/:execution_id/events",
        method = "get",
        operation_id = "execution.events"
    )]
    async fn events(
        &self,
        caller: Bearer,
        execution_id: Path<ExecutionId>,
        /// Only events with a greater number.
        after: Query<Option<u64>>,
        /// 1 to 1000, 200 when absent.
        limit: Query<Option<u32>>,
    ) -> poem::Result<Json<Events>> {
        let request = ListEvents {
            execution_id: execution_id.0,
            after: after.0.unwrap_or(0),
            limit: limit.0,
        };
        Ok(Json(caller.ask(&request).await?))
    }

    /// What an execution executes
    ///
    /// As it was when the execution began, whatever became of its flow since.
    #[oai(
        path = "/:execution_id/definition",
        method = "get",
        operation_id = "execution.definition"
    )]
    async fn definition(
        &self,
        caller: Bearer,
        execution_id: Path<ExecutionId>,
    ) -> poem::Result<Json<Definition>> {
        let execution_id = execution_id.0;
        Ok(Json(
            caller.ask(&GetExecutionDefinition { execution_id }).await?,
        ))
    }

    /// A value that stands apart from its execution
    ///
    /// Where an event or an answer has `{"$payload": {"hash", "bytes", "preview"}}` in a value's place, the value is read here.
    #[oai(
        path = "/:execution_id/payloads/:hash",
        method = "get",
        operation_id = "execution.payload"
    )]
    async fn payload(
        &self,
        caller: Bearer,
        execution_id: Path<ExecutionId>,
        /// Of the value's JSON text: 64 hexadecimal digits in lower case.
        hash: Path<String>,
        /// Tags of values that the caller has.
        #[oai(name = "If-None-Match")]
        if_none_match: Header<Option<String>>,
    ) -> poem::Result<Apart> {
        let malformed = || Problem::malformed("`hash` must be 64 hexadecimal digits in lower case");
        let hash = PayloadHash::new(&hash.0).ok_or_else(|| Refusal(malformed()))?;
        let (execution_id, name) = (execution_id.0, hash.clone());
        let piece = move |offset| GetPayload {
            execution_id,
            hash: name.clone(),
            offset,
        };
        let known = if_none_match.0.as_deref();
        Ok(download::value(&caller, &hash, known, piece).await?)
    }

    /// The events of an execution as they happen
    ///
    /// Begins with the history after `Last-Event-ID` (or `after`), goes on live, and ends with the terminal event.
    #[oai(
        path = "/:execution_id/stream",
        method = "get",
        operation_id = "execution.events:stream"
    )]
    async fn stream(
        &self,
        caller: Bearer,
        execution_id: Path<ExecutionId>,
        /// The last event seen; a browser that reconnects sends it by itself.
        #[oai(name = "Last-Event-ID")]
        last_event_id: Header<Option<String>>,
        /// As `Last-Event-ID`, for clients that cannot send headers.
        after: Query<Option<u64>>,
    ) -> poem::Result<Live> {
        let after = resume_after(last_event_id.0.as_deref(), after.0)?;
        let followed = follow(caller.0, execution_id.0, after).await;
        Ok(match followed.map_err(Refusal)? {
            Resume::AtTheEnd => Live::AtTheEnd,
            Resume::Stream(items) => Live::Events(
                EventStream::new(items.boxed())
                    .keep_alive(KEEP_ALIVE)
                    .to_event(event_of),
            ),
        })
    }

    /// Cancel an execution
    ///
    /// Answered once the wish is recorded; nothing new is begun after it.
    #[oai(
        path = "/:execution_id/cancel",
        method = "post",
        operation_id = "execution.cancel"
    )]
    async fn cancel(
        &self,
        caller: Bearer,
        execution_id: Path<ExecutionId>,
    ) -> poem::Result<Json<Execution>> {
        let execution_id = execution_id.0;
        Ok(Json(caller.ask(&CancelExecution { execution_id }).await?))
    }

    /// Approve or refuse a call that waits for a person
    #[oai(
        path = "/:execution_id/approvals",
        method = "post",
        operation_id = "execution.approve"
    )]
    async fn approve(
        &self,
        caller: Bearer,
        execution_id: Path<ExecutionId>,
        body: Json<ApprovalBody>,
    ) -> poem::Result<Json<Execution>> {
        let request = Approve {
            execution_id: execution_id.0,
            node: body.0.node,
            approved: body.0.approved,
            arguments_hash: body.0.arguments_hash,
            comment: body.0.comment,
        };
        Ok(Json(caller.ask(&request).await?))
    }

    /// Answer what a node asks
    ///
    /// The first answer counts; the same one once more changes nothing.
    #[oai(
        path = "/:execution_id/answers",
        method = "post",
        operation_id = "execution.answer"
    )]
    async fn answer(
        &self,
        caller: Bearer,
        execution_id: Path<ExecutionId>,
        body: Json<AnswerBody>,
    ) -> poem::Result<Json<Execution>> {
        let request = AnswerExecution {
            execution_id: execution_id.0,
            node: body.0.node,
            port: body.0.port,
            values: body.0.values,
            comment: body.0.comment,
        };
        Ok(Json(caller.ask(&request).await?))
    }
}

pub(super) fn resume_after(
    last_event_id: Option<&str>,
    after: Option<u64>,
) -> Result<u64, Refusal> {
    let Some(text) = last_event_id.map(str::trim).filter(|text| !text.is_empty()) else {
        return Ok(after.unwrap_or(0));
    };
    let problem = || Problem::malformed("`Last-Event-ID` must be the number of an event");
    text.parse().map_err(|_| Refusal(problem()))
}

fn event_of(item: Item) -> Event {
    match item {
        Item::Event(frame) => Event::message(frame.json())
            .id(frame.n.to_string())
            .event_type(frame.event.kind()),
        Item::Problem(problem) => Event::message(json(&problem)).event_type("problem"),
    }
}

pub(super) fn json<T: serde::Serialize>(value: &T) -> String {
    serde_json::to_string(value).expect("frames and problems have only string keys")
}
