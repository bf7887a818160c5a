//! Webhooks that come in: proven, noted, started, and answered.
//!
//! **Invariant:** before the signature is proven nothing is told, not even whether there is such a trigger; after it, a
//! delivery counts once however often it comes.

use base64::{Engine, engine::general_purpose::STANDARD};
use bus::{Call, Subscription};
use contracts::{
    ErrorCode, Problem, Subject,
    execution::{ExecutionState, ReadExecution, ReadPayload},
    id::ExecutionId,
    live::{ExecutionEvent, Frame},
    payload::{PayloadRef, SENT},
    trigger::{
        FireOutcome, MAX_WEBHOOK_BODY, ReceiveWebhook, Trigger, WebhookAnswer, WebhookReceived,
    },
};
use futures::StreamExt;
use serde_json::Value;
use tokio::time::Instant;

use crate::{
    domain::{signature, trigger as rules},
    error::Error,
    fires::{self, Tried},
    handlers::{Ctx, now},
    store::PendingFire,
    wakes,
};

pub(crate) async fn receive(ctx: Ctx, request: ReceiveWebhook) -> Result<WebhookReceived, Error> {
    let now = now();
    let found = ctx
        .state
        .webhook(ctx.tenant, request.trigger_id, now)
        .await?;
    let (trigger, secrets) = found.ok_or(Error::NotSigned)?;
    let webhook = trigger.spec.webhook.clone().ok_or(Error::NotSigned)?;
    let body = STANDARD.decode(&request.body);
    let body = body.map_err(|_| Error::InvalidBody("is no base64"))?;
    let key = signature::check(webhook.signature, &secrets, &request.headers, &body, now)
        .map_err(|_| Error::NotSigned)?;
    if !trigger.enabled {
        return Err(Error::TriggerDisabled(trigger.id));
    }
    if body.len() > MAX_WEBHOOK_BODY {
        return Err(Error::InvalidBody("has more than 256 KiB"));
    }
    let input = rules::webhook_input(&webhook, &request, body)?;
    let locked = ctx
        .state
        .lock_trigger(ctx.tenant, None, trigger.id, now)
        .await?;
    let locked = locked.ok_or(Error::NotSigned)?;
    let fire = wakes::fire(
        key,
        FireOutcome::Pending,
        Some(ExecutionId::generate()),
        now,
    );
    let (pending, is_new) = locked.note(fire, Some(&input)).await?;
    if is_new {
        wakes::wake_soon(&ctx.bus, ctx.tenant, &trigger).await?;
    }
    locked.commit().await?;
    match webhook.answer {
        WebhookAnswer::Accepted => begin(&ctx, &trigger, &pending).await,
        WebhookAnswer::Output => {
            let until = Instant::now() + rules::wait(&webhook);
            output(&ctx, &trigger, &pending, until).await
        }
    }
}

/// Begins the execution, unless it was begun before.
async fn begin(
    ctx: &Ctx,
    trigger: &Trigger,
    pending: &PendingFire,
) -> Result<WebhookReceived, Error> {
    let fire = &pending.fire;
    let state = match fire.outcome {
        FireOutcome::Pending => {
            match fires::begin(&ctx.bus, &ctx.state, ctx.tenant, trigger, pending).await? {
                Tried::Started(accepted) => accepted.state,
                // It is stored, and begun later.
                Tried::NotNow => ExecutionState::Queued,
                Tried::Refused(refusal) => return Err(Error::Refused(refusal.problem())),
            }
        }
        FireOutcome::Started => read(ctx, fires::execution_of(trigger, fire)?).await?.state,
        FireOutcome::Skipped | FireOutcome::Refused => {
            let detail = fire.detail.clone().unwrap_or_default();
            let problem = Problem::new(ErrorCode::InvalidInput, detail);
            return Err(Error::Refused(match &fire.reason {
                Some(reason) => problem.with_reason(reason),
                None => problem,
            }));
        }
    };
    Ok(WebhookReceived {
        execution_id: fires::execution_of(trigger, fire)?,
        state,
        output: None,
    })
}

/// As [`begin`], and waits for the output until then.
async fn output(
    ctx: &Ctx,
    trigger: &Trigger,
    pending: &PendingFire,
    until: Instant,
) -> Result<WebhookReceived, Error> {
    let id = fires::execution_of(trigger, &pending.fire)?;
    let subject = Subject::live(ctx.tenant, id);
    // Before the start: no event is missed.
    let events = ctx.bus.subscribe(&subject, None).await;
    let mut events = events.map_err(Error::Bus)?;
    let mut received = begin(ctx, trigger, pending).await?;
    if received.state.is_final() {
        // It was over before, and says no more.
        let execution = read(ctx, id).await?;
        received.output = execution.output;
    } else if let Ok(end) = tokio::time::timeout_at(until, end_of(&mut events)).await {
        (received.state, received.output) = end;
    }
    received.output = whole(ctx, id, received.output).await?;
    match received.state {
        ExecutionState::Failed | ExecutionState::Cancelled => Err(Error::NotSucceeded(id)),
        ExecutionState::Succeeded
        | ExecutionState::Queued
        | ExecutionState::Running
        | ExecutionState::Waiting
        | ExecutionState::Paused => Ok(received),
    }
}

/// How the execution ends; never, where its events do not arrive.
async fn end_of(events: &mut Subscription) -> (ExecutionState, Option<Value>) {
    while let Some(message) = events.next().await {
        let Ok(frames) = serde_json::from_slice::<Vec<Frame>>(message.payload()) else {
            continue;
        };
        for frame in frames {
            match frame.event {
                ExecutionEvent::ExecutionSucceeded { output, .. } => {
                    return (ExecutionState::Succeeded, Some(output));
                }
                ExecutionEvent::ExecutionFailed { .. } => return (ExecutionState::Failed, None),
                ExecutionEvent::ExecutionCancelled { .. } => {
                    return (ExecutionState::Cancelled, None);
                }
                _ => {}
            }
        }
    }
    std::future::pending().await
}

/// The output itself, where an event or the engine's answer had its reference.
async fn whole(ctx: &Ctx, id: ExecutionId, output: Option<Value>) -> Result<Option<Value>, Error> {
    let Some(reference) = output.as_ref().and_then(PayloadRef::of) else {
        return Ok(output);
    };
    if reference.bytes > SENT as u64 {
        return Err(Error::LargeOutput(id));
    }
    let call = Call {
        token: None,
        deadline: ctx.remaining(),
    };
    let piece = |hash, offset| ReadPayload {
        execution_id: id,
        hash,
        offset,
    };
    let value = ctx.bus.value(ctx.tenant, call, &reference, piece).await;
    value.map(Some).map_err(Error::Engine)
}

async fn read(
    ctx: &Ctx,
    execution_id: ExecutionId,
) -> Result<contracts::execution::Execution, Error> {
    let question = ReadExecution {
        execution_id,
        after: u64::MAX,
    };
    let call = Call {
        token: None,
        deadline: ctx.remaining(),
    };
    let answer = ctx.bus.call(ctx.tenant, &question, call).await;
    Ok(answer.map_err(Error::Engine)?.execution)
}
