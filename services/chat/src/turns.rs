//! From a stored question to the run that answers it.
//!
//! **Invariant:** a run is named before anything is stored and its start is idempotent by that name, so a start that
//! was interrupted is made again, by whichever process finds it, and begins nothing twice.

use std::time::Duration;

use bus::{Bus, Call};
use chrono::TimeDelta;
use contracts::{
    Principal, Problem,
    chat::{ChatRole, ChatSession, MessageState},
    execution::StepError,
    flow::{RunTurn, TurnTarget},
    id::{ChatId, MessageId, TenantId},
};
use documents::ChatText;

use crate::{
    State,
    domain::{
        Node, history,
        queue::{self, Next},
    },
    error::Error,
    handlers::now,
};

/// How long the start itself may take.
const START: Duration = Duration::from_secs(5);
/// Starts that are tried before the answer fails: about five minutes.
const ATTEMPTS: u32 = 12;
/// The longest pause between two of them.
const LONGEST_PAUSE: TimeDelta = TimeDelta::seconds(60);

/// What is left to do for a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kicked {
    /// Nothing until an answer is over or a question comes.
    Rest,
    /// To look again after this time.
    Later(Duration),
}

/// A turn whose run is to be started.
struct Due {
    session: ChatSession,
    answer: Node,
    principal: String,
}

enum Started {
    Yes,
    /// Never: the answer fails.
    Refused(StepError),
    NotNow,
}

/// Makes what should run, run: starts the oldest answer that waits when none runs, and one whose start was interrupted.
pub(crate) async fn kick(
    bus: &Bus,
    state: &State,
    tenant: TenantId,
    session: ChatId,
) -> Result<Kicked, Error> {
    // Each answer that is refused makes room for the next, and only so many wait.
    for _ in 0..=queue::WAITING {
        let Some(locked) = state.store.lock_any(tenant, session).await? else {
            return Ok(Kicked::Rest);
        };
        let answer = match queue::next(&locked.active().await?, now()) {
            Next::Rest => return Ok(Kicked::Rest),
            Next::Starting(until) => return Ok(later(until - now())),
            Next::Start(answer) => answer,
        };
        let (answer, principal) = locked.take_turn(answer, now() + state.lease).await?;
        let due = Due {
            session: locked.session()?,
            answer,
            principal,
        };
        locked.commit().await?;
        let started = match start(bus, state, tenant, &due).await {
            Err(error) => {
                tracing::warn!(%error, "a turn could not be prepared");
                Started::NotNow
            }
            Ok(started) => started,
        };
        match started {
            Started::Yes => return Ok(Kicked::Rest),
            Started::Refused(error) => fail(state, tenant, &due.answer, error).await?,
            Started::NotNow => {
                let pause = pause(due.answer.attempts);
                let until = now() + pause;
                state.store.postpone(tenant, due.answer.id, until).await?;
                return Ok(later(pause));
            }
        }
    }
    Ok(Kicked::Later(Duration::ZERO))
}

/// For handlers: what they answer is stored, and what could not be started now is started by the task.
pub(crate) async fn kick_or_leave(bus: &Bus, state: &State, tenant: TenantId, session: ChatId) {
    if let Err(error) = kick(bus, state, tenant, session).await {
        tracing::warn!(%error, "a turn is left to be started later");
    }
}

async fn start(bus: &Bus, state: &State, tenant: TenantId, due: &Due) -> Result<Started, Error> {
    let request = match prepare(state, tenant, due).await {
        Err(error @ (Error::Stored(_) | Error::Principal(_) | Error::TextMissing(_))) => {
            tracing::error!(%error, "a stored turn cannot be read");
            let error = StepError::new("stored_turn", error.to_string());
            return Ok(Started::Refused(error));
        }
        outcome => outcome?,
    };
    let call = Call {
        token: None,
        deadline: START,
    };
    match bus.call(tenant, &request, call).await {
        Ok(_) => {
            if !state.store.started(tenant, due.answer.id, now()).await? {
                tracing::warn!(
                    execution.id = %request.execution_id,
                    "a run began whose answer nobody waits for any more"
                );
            }
            Ok(Started::Yes)
        }
        Err(problem) if problem.code.may_heal() && due.answer.attempts < ATTEMPTS => {
            tracing::warn!(
                problem = problem.detail,
                "a run could not be started, and will be tried again"
            );
            Ok(Started::NotNow)
        }
        Err(problem) => Ok(Started::Refused(refusal(problem))),
    }
}

/// Gathers what the one who answers is told.
async fn prepare(state: &State, tenant: TenantId, due: &Due) -> Result<RunTurn, Error> {
    let principal: Principal = serde_json::from_str(&due.principal).map_err(Error::Principal)?;
    let question = due
        .answer
        .parent
        .ok_or(Error::Stored("an answer without a question"))?;
    let session = due.session.id;
    let branch = state
        .store
        .newest(tenant, session, question, history::MESSAGES + 1)
        .await?;
    let ids: Vec<MessageId> = branch.iter().map(|node| node.id).collect();
    let mut texts = state.texts.chat_texts(tenant, &ids).await?;
    let asked = texts
        .remove(&question)
        .ok_or(Error::TextMissing(question))?;
    let before = branch.iter().skip(1).map(|node| {
        let text = texts.remove(&node.id).unwrap_or_default();
        (node.role, text.content)
    });
    let attached = state.store.attached(tenant, &ids).await?;
    Ok(RunTurn {
        principal,
        execution_id: due
            .answer
            .execution
            .ok_or(Error::Stored("an answer without a run"))?,
        target: target(&due.session)?,
        session_id: session,
        message: asked.content,
        messages: history::messages(before),
        attachments: history::attachments(attached),
    })
}

fn target(session: &ChatSession) -> Result<TurnTarget, Error> {
    let agent = session
        .agent_id
        .map(|agent_id| TurnTarget::Agent { agent_id });
    let crew = session.crew_id.map(|crew_id| TurnTarget::Crew { crew_id });
    let flow = session.flow_id.map(|flow_id| TurnTarget::Flow { flow_id });
    agent
        .or(crew)
        .or(flow)
        .ok_or(Error::Stored("a session with nobody to answer"))
}

/// Ends an answer that never had a run.
async fn fail(
    state: &State,
    tenant: TenantId,
    answer: &Node,
    error: StepError,
) -> Result<(), Error> {
    let text = ChatText {
        error: Some(error),
        ..ChatText::default()
    };
    conclude(state, tenant, answer, MessageState::Failed, &text).await
}

/// Writes an answer down for good: the text first, so that no final answer is without.
pub(crate) async fn conclude(
    state: &State,
    tenant: TenantId,
    answer: &Node,
    outcome: MessageState,
    text: &ChatText,
) -> Result<(), Error> {
    debug_assert!(answer.role == ChatRole::Assistant && outcome.is_final());
    let (session, id) = (answer.session, answer.id);
    state.texts.put_chat_text(tenant, session, id, text).await?;
    let Some(mut locked) = state.store.lock_any(tenant, session).await? else {
        // The conversation was deleted meanwhile: nothing of it stays.
        return Ok(state.texts.delete_chat_text(tenant, id).await?);
    };
    locked.finish(id, outcome, now()).await?;
    locked.commit().await
}

fn refusal(problem: Problem) -> StepError {
    let word = problem.reason.as_deref().unwrap_or(problem.code.as_str());
    StepError::new(word, problem.detail)
}

/// 1 s, 2 s, 4 s, and so on.
fn pause(attempts: u32) -> TimeDelta {
    let seconds = 1i64 << attempts.saturating_sub(1).min(10);
    TimeDelta::seconds(seconds).min(LONGEST_PAUSE)
}

fn later(wait: TimeDelta) -> Kicked {
    Kicked::Later(wait.to_std().unwrap_or_default())
}
