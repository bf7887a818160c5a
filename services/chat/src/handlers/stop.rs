//! Stopping answers.

use std::time::Duration;

use contracts::{
    ErrorCode, Subject,
    chat::{ChatSession, DeleteSession, MessageState, StopAnswer},
    execution::CancelExecution,
    id::{ChatId, ExecutionId, MessageId},
};
use documents::ChatText;
use futures::StreamExt;

use crate::{
    domain::{
        Node,
        queue::{self, Next},
    },
    error::Error,
    handlers::{Ctx, now},
    settle::settle,
    turns::{conclude, kick_or_leave},
};

/// How long a new question waits for the answer that it interrupts; after that it waits in the queue.
const INTERRUPT: Duration = Duration::from_secs(3);
/// How long a deletion waits for what runs.
const BEFORE_DELETE: Duration = Duration::from_secs(3);
/// Between two looks at a run that comes to its end; its frames say so earlier.
const LOOK: Duration = Duration::from_millis(300);
/// Between two looks at a run that another process is starting.
const STARTING: Duration = Duration::from_millis(50);

pub(crate) async fn stop(ctx: Ctx, request: StopAnswer) -> Result<ChatSession, Error> {
    let owner = ctx.principal().user_id;
    let store = &ctx.state.store;
    let locked = store.lock(ctx.tenant, owner, request.session_id).await?;
    locked.drop_queued(now()).await?;
    let running = running(&locked.active().await?);
    locked.commit().await?;
    if let Some(running) = running {
        halt(&ctx, request.session_id, running).await?;
    }
    store.session(ctx.tenant, owner, request.session_id).await
}

pub(crate) async fn delete(ctx: Ctx, request: DeleteSession) -> Result<(), Error> {
    let (owner, session) = (ctx.principal().user_id, request.session_id);
    let store = &ctx.state.store;
    let locked = store.lock(ctx.tenant, owner, session).await?;
    locked.drop_queued(now()).await?;
    let running = running(&locked.active().await?);
    locked.commit().await?;
    if let Some(running) = running {
        let halted = tokio::time::timeout(BEFORE_DELETE, halt(&ctx, session, running)).await;
        if !matches!(halted, Ok(Ok(()))) {
            tracing::warn!("a chat is deleted whose answer did not stop");
        }
    }
    let locked = store.lock(ctx.tenant, owner, session).await?;
    // The texts first: if it breaks off in between, the session is there to be deleted again.
    ctx.state
        .texts
        .delete_chat_texts(ctx.tenant, session)
        .await?;
    locked.delete().await
}

/// Makes room for a question that does not wait.
pub(crate) async fn interrupt(ctx: &Ctx, session: ChatId, answer: MessageId) {
    match tokio::time::timeout(INTERRUPT, halt(ctx, session, answer)).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::warn!(%error, "an answer could not be interrupted"),
        Err(_) => tracing::info!("an answer that was interrupted takes its time"),
    }
}

/// Stops an answer, and returns once it is final. The caller's time is the bound.
async fn halt(ctx: &Ctx, session: ChatId, answer: MessageId) -> Result<(), Error> {
    let owner = ctx.principal().user_id;
    let mut cancelled = false;
    loop {
        let store = &ctx.state.store;
        let node = store.node(ctx.tenant, owner, session, answer).await?;
        let (false, Some(execution)) = (node.state.is_final(), node.execution) else {
            return Ok(());
        };
        // Whoever is starting it says in a moment whether there is something to cancel.
        if let Next::Starting(_) = queue::next(std::slice::from_ref(&node), now()) {
            tokio::time::sleep(STARTING).await;
            continue;
        }
        let mut frames = ctx
            .bus
            .subscribe(&Subject::live(ctx.tenant, execution), None)
            .await?;
        if !cancelled {
            cancelled = cancel(ctx, &node, execution).await?;
            if !cancelled {
                continue;
            }
        }
        if settle(&ctx.bus, &ctx.state, ctx.tenant, &node).await? {
            kick_or_leave(&ctx.bus, &ctx.state, ctx.tenant, session).await;
            return Ok(());
        }
        // Frames may be lost, so this is only to be early.
        tokio::time::timeout(LOOK, frames.next()).await.ok();
    }
}

/// Returns whether there is a run that now comes to its end. Where there never was one, the answer is stopped as it is.
async fn cancel(ctx: &Ctx, node: &Node, execution_id: ExecutionId) -> Result<bool, Error> {
    match ctx.call(&CancelExecution { execution_id }).await {
        Ok(_) => Ok(true),
        Err(problem) if problem.code == ErrorCode::NotFound && node.started_at.is_none() => {
            let stopped = MessageState::Stopped;
            conclude(&ctx.state, ctx.tenant, node, stopped, &ChatText::default()).await?;
            kick_or_leave(&ctx.bus, &ctx.state, ctx.tenant, node.session).await;
            Ok(false)
        }
        // It was over before.
        Err(problem) if problem.code == ErrorCode::Conflict => Ok(true),
        Err(problem) => Err(Error::Engine(problem)),
    }
}

fn running(active: &[Node]) -> Option<MessageId> {
    let running = active
        .iter()
        .find(|node| node.state == MessageState::Running);
    running.map(|node| node.id)
}
