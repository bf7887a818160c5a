//! Makes passages of the documents that wait: a task of the service, in each of its processes.
//!
//! A document's row says that it waits, so nothing is lost with a process: an organization whose holder falls silent goes
//! to another worker, and an attempt that broke down is followed by the next one.
//!
//! **Invariant:** an organization is worked for by one worker at a time, a few documents together, and then waits behind
//! the others; what is embedded is asked for in the name of whoever wanted the document indexed.

use std::time::Duration;

use bus::Call;
use chrono::Utc;
use contracts::{
    ErrorCode, Problem,
    auth::RunToken,
    id::{ExecutionId, TenantId},
};
use futures::future::join_all;
use kernel::{ServiceError, TaskCtx};
use tokio::time::{Instant, sleep, timeout};

use crate::{
    State, embedding,
    error::Error,
    knowledge::{
        queue::Claim,
        reading::{self, Passage},
        store::{Attempt, Original, Outcome},
    },
};

/// Organizations that a process works for at the same time.
const ORGANIZATIONS: usize = 2;
/// Documents of an organization that are indexed at the same time.
const DOCUMENTS: i64 = 4;
/// How often the queue is looked at when nobody here has put anything into it.
const LOOK: Duration = Duration::from_secs(1);
/// How often a holder gives a sign of life: three times within the time after which another takes over.
const SIGN: Duration = Duration::from_secs(5);
/// How long one answer with vectors may take.
const ANSWER: Duration = Duration::from_secs(60);
/// How long reading a document may take.
const READING: Duration = Duration::from_secs(60);
/// A run's token lives for ten minutes; it is used for the first half of them.
const TOKEN: Duration = Duration::from_secs(5 * 60);

/// Works until the service drains. What is under way is then dropped: its rows say that it still waits.
pub(crate) async fn run(task: TaskCtx<State>) {
    join_all((0..ORGANIZATIONS).map(|_| work(&task))).await;
}

async fn work(task: &TaskCtx<State>) {
    while !task.stop.is_cancelled() {
        match task.state.queue.claim(Utc::now()).await {
            Ok(Some(claim)) => serve(task, &claim).await,
            Ok(None) => wait(task).await,
            Err(error) => {
                tracing::warn!(%error, "the queue of documents cannot be read at present");
                wait(task).await;
            }
        }
    }
}

async fn wait(task: &TaskCtx<State>) {
    tokio::select! {
        () = task.stop.cancelled() => {}
        () = task.state.wake.notified() => {}
        () = sleep(LOOK) => {}
    }
}

/// Some documents of an organization; then it is let go, for another round if more wait.
async fn serve(task: &TaskCtx<State>, claim: &Claim) {
    let served = tokio::select! {
        served = index_some(task, claim.tenant) => served,
        () = task.stop.cancelled() => Ok(Some(Utc::now())),
        () = hold(task, claim) => return tracing::warn!(tenant.id = %claim.tenant, "another worker indexes by now"),
    };
    let next = match served {
        Ok(next) => next.map(|next| next.max(Utc::now())),
        // Its documents went with the organization.
        Err(Error::Store(sql::Error::UnknownTenant(_))) => None,
        // Held until the time is over, so that a database in trouble is not asked all the time.
        Err(error) => {
            return tracing::warn!(tenant.id = %claim.tenant, %error, "documents wait for the database");
        }
    };
    if let Err(error) = task.state.queue.release(claim, next).await {
        tracing::warn!(tenant.id = %claim.tenant, %error, "an organization is held until its time is over");
    }
}

/// Returns when the organization is no longer held.
async fn hold(task: &TaskCtx<State>, claim: &Claim) {
    loop {
        sleep(SIGN).await;
        match task.state.queue.keep(claim, Utc::now()).await {
            Ok(true) => {}
            Ok(false) => return,
            Err(error) => tracing::debug!(%error, "no sign of life was given"),
        }
    }
}

/// Gives when the next document is due.
async fn index_some(
    task: &TaskCtx<State>,
    tenant: TenantId,
) -> Result<Option<chrono::DateTime<Utc>>, Error> {
    let store = &task.state.knowledge;
    let attempts = store.take(tenant, DOCUMENTS, Utc::now()).await?;
    let settled = attempts.iter().map(async |attempt| {
        let Err(error) = index(task, tenant, attempt).await else {
            return Ok(());
        };
        tracing::info!(tenant.id = %tenant, document.id = %attempt.document, attempt = attempt.number, %error, "a document was not indexed");
        let (reason, passing) = verdict(&error);
        store.fail(tenant, attempt, &reason, passing).await
    });
    for outcome in join_all(settled).await {
        outcome?;
    }
    store.next_due(tenant).await
}

async fn index(task: &TaskCtx<State>, tenant: TenantId, attempt: &Attempt) -> Result<(), Error> {
    let store = &task.state.knowledge;
    if attempt.number > crate::knowledge::domain::ATTEMPTS {
        return Err(Error::AttemptsBroke);
    }
    let Some(original) = store.original(tenant, attempt.document).await? else {
        return Ok(());
    };
    let model = original.embedding_model.clone();
    let passages = read(original).await?;
    let mut model = model.unwrap_or_default();
    let mut embedded = Vec::with_capacity(passages.len());
    let mut token: Option<(String, Instant)> = None;
    let mut passages = passages.into_iter().peekable();
    while passages.peek().is_some() {
        let batch: Vec<Passage> = passages.by_ref().take(embedding::BATCH).collect();
        let bearer = match token.take().filter(|(_, since)| since.elapsed() < TOKEN) {
            Some(fresh) => fresh,
            None => (run_token(task, tenant, attempt).await?, Instant::now()),
        };
        let call = Call {
            token: Some(&bearer.0),
            deadline: ANSWER,
        };
        let texts = batch.iter().map(Passage::for_embedding).collect();
        let named = Some(model.as_str()).filter(|name| !name.is_empty());
        let answer = embedding::ask_as(&task.bus, tenant, call, named, texts).await?;
        // From here on by name: a default that changes in between would mix two models.
        model = answer.model;
        embedded.extend(batch.into_iter().zip(answer.vectors));
        token = Some(bearer);
    }
    match store.finish(tenant, attempt, &model, &embedded).await? {
        Outcome::Kept => Ok(()),
        Outcome::TooMany => Err(Error::BasePassages),
    }
}

/// Reading a file is work for a processor, not for the threads that wait for answers.
async fn read(original: Original) -> Result<Vec<Passage>, Error> {
    let read = move || reading::passages(&original.content, &original.content_type);
    let read = tokio::task::spawn_blocking(read);
    match timeout(READING, read).await {
        Ok(Ok(passages)) => passages,
        Ok(Err(_)) | Err(_) => Err(Error::ReadingBroke),
    }
}

/// A token that acts for who wanted the document indexed; each document is a run of its own.
async fn run_token(
    task: &TaskCtx<State>,
    tenant: TenantId,
    attempt: &Attempt,
) -> Result<String, Error> {
    let request = RunToken {
        user_id: attempt.asked_by,
        execution_id: ExecutionId::from_uuid(attempt.document.uuid()),
    };
    let answer = task.bus.call(tenant, &request, Call::anonymous()).await?;
    Ok(answer.access_token)
}

/// What is written down about a failure, and whether another attempt may fare better.
fn verdict(error: &Error) -> (String, bool) {
    let problem: Problem = error.problem();
    let passing = match problem.code {
        ErrorCode::RateLimited
        | ErrorCode::Timeout
        | ErrorCode::Unavailable
        | ErrorCode::Internal => !matches!(error, Error::ReadingBroke | Error::AttemptsBroke),
        ErrorCode::InvalidInput
        | ErrorCode::Unauthenticated
        | ErrorCode::Forbidden
        | ErrorCode::NotFound
        | ErrorCode::Conflict => false,
    };
    (problem.detail.chars().take(500).collect(), passing)
}
