//! From an execution that has ended to another that goes on from it, and from a flow to a test of it.
//!
//! The engine decides what is taken over: it has the history. Here stands what the new execution runs, and who may ask.

use std::collections::BTreeMap;

use contracts::{
    Permission,
    execution::{
        Accepted, Execution, ExecutionState, Origin, Pin, ReadExecution, Source, SourceKind,
    },
    flow::{ContinueExecution, ForkExecution, RetryExecution, RevisionChoice, TestFlow},
    id::ExecutionId,
    live::ExecutionEvent,
    owner::Basis,
};
use serde_json::json;

use super::execute::{self, Asked, begin, choose, record, repeated};
use crate::{domain, error::Error, handlers::Ctx, store::Begun};

pub(crate) async fn retry(ctx: Ctx, request: RetryExecution) -> Result<Accepted, Error> {
    let source = Known::read(&ctx, request.execution_id).await?;
    if source.execution.state == ExecutionState::Succeeded && request.node.is_none() {
        return Err(Error::NothingFailed(request.execution_id));
    }
    let asked = Asked {
        body: json!(["retry", request.execution_id, request.node]),
        key: request.idempotency_key,
        input: source.execution.input.clone(),
        ..Asked::default()
    };
    let basis = basis(&source, SourceKind::Retry, request.node);
    source.begin_again(&ctx, asked, basis).await
}

pub(crate) async fn fork(ctx: Ctx, request: ForkExecution) -> Result<Accepted, Error> {
    let source = Known::read(&ctx, request.execution_id).await?;
    let ForkExecution {
        node, output, port, ..
    } = request;
    let asked = Asked {
        body: json!(["fork", request.execution_id, node, output, port]),
        key: request.idempotency_key,
        input: source.execution.input.clone(),
        ..Asked::default()
    };
    let basis = Basis {
        pins: BTreeMap::from([(node.clone(), Pin { output, port })]),
        ..basis(&source, SourceKind::Fork, Some(node))
    };
    source.begin_again(&ctx, asked, basis).await
}

pub(crate) async fn continue_(ctx: Ctx, request: ContinueExecution) -> Result<Accepted, Error> {
    let source = Known::read(&ctx, request.execution_id).await?;
    let Some(flow_id) = source.execution.origin.flow_id else {
        return Err(Error::NoFlow(request.execution_id));
    };
    let asked = Asked {
        body: json!(["continue", request.execution_id, request.revision]),
        key: request.idempotency_key,
        input: source.execution.input.clone(),
        ..Asked::default()
    };
    let basis = basis(&source, SourceKind::Continue, None);
    let begun = match repeated(&ctx, &asked).await? {
        Some(begun) => begun,
        None => {
            let (revision, executable) = choose(&ctx, flow_id, request.revision).await?;
            domain::check_input_again(&executable.definition, &asked.input)?;
            begin(&ctx, &asked, revision, &executable).await?
        }
    };
    let origin = Origin::flow(flow_id, begun.revision);
    start(&ctx, asked, origin, begun, basis).await
}

pub(crate) async fn test(ctx: Ctx, request: TestFlow) -> Result<Accepted, Error> {
    let TestFlow {
        flow_id,
        input,
        until,
        pins,
        ..
    } = request;
    let choice = request.revision.unwrap_or(RevisionChoice::DRAFT);
    let asked = Asked {
        body: json!(["test", flow_id, choice, input, until, pins]),
        key: request.idempotency_key,
        input,
        ..Asked::default()
    };
    let begun = match repeated(&ctx, &asked).await? {
        Some(begun) => begun,
        None => {
            let (revision, executable) = choose(&ctx, flow_id, Some(choice)).await?;
            // A part of the flow may do without it.
            if until.is_none() && pins.is_empty() {
                domain::check_input(&executable.definition, &asked.input)?;
            }
            begin(&ctx, &asked, revision, &executable).await?
        }
    };
    let source = Source {
        execution_id: None,
        kind: SourceKind::Test,
        node: until,
    };
    let origin = Origin::flow(flow_id, begun.revision);
    start(&ctx, asked, origin, begun, Basis { source, pins }).await
}

fn basis(source: &Known, kind: SourceKind, node: Option<String>) -> Basis {
    Basis {
        source: Source {
            execution_id: Some(source.execution.id),
            kind,
            node,
        },
        pins: BTreeMap::new(),
    }
}

/// An execution that has ended, and what it executed.
struct Known {
    execution: Execution,
    definition_hash: String,
}

impl Known {
    async fn read(ctx: &Ctx, execution_id: ExecutionId) -> Result<Self, Error> {
        let question = ReadExecution {
            execution_id,
            after: 0,
        };
        let read = ctx.call(&question).await.map_err(Error::Refused)?;
        let execution = read.execution;
        let permission = match execution.origin.flow_id {
            Some(_) => Permission::FlowExecute,
            None => Permission::AgentRun,
        };
        if !ctx.principal().allows(permission) {
            return Err(Error::NotAllowed(permission.as_str()));
        }
        if !execution.state.is_final() {
            return Err(Error::NotEnded(execution_id));
        }
        let mut events = read.events.items.into_iter();
        let Some(ExecutionEvent::ExecutionStarted {
            definition_hash, ..
        }) = events.next().map(|frame| frame.event)
        else {
            return Err(Error::Forgotten(execution_id));
        };
        Ok(Self {
            execution,
            definition_hash,
        })
    }

    /// Begins what it executed once more.
    async fn begin_again(self, ctx: &Ctx, asked: Asked, basis: Basis) -> Result<Accepted, Error> {
        let origin = self.execution.origin;
        let begun = match repeated(ctx, &asked).await? {
            Some(begun) => begun,
            None => record(ctx, &asked, origin.revision, self.definition_hash).await?,
        };
        start(ctx, asked, origin, begun, basis).await
    }
}

async fn start(
    ctx: &Ctx,
    asked: Asked,
    origin: Origin,
    begun: Begun,
    basis: Basis,
) -> Result<Accepted, Error> {
    let started = execute::start(ctx, asked, origin, begun, Some(basis)).await;
    // What the engine does not take over is said as it says it.
    started.map_err(|error| match error {
        Error::Engine(problem) => Error::Refused(problem),
        other => other,
    })
}
