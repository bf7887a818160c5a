//! From a run that is over to the answer that stays.

use bus::{Bus, Call};
use contracts::{
    Problem,
    chat::MessageState,
    execution::ReadExecution,
    id::{ExecutionId, TenantId},
};
use documents::ChatText;

use crate::{
    State,
    domain::{Node, outcome::Transcript},
    error::Error,
    turns::{conclude, kick_or_leave},
};

/// Stretches of a run's history that are read at most; what is beyond is not shown with the answer.
const STRETCHES: usize = 100;

/// Writes the answer down if its run is over. Returns whether the answer is final; doing it twice is doing it once.
pub(crate) async fn settle(
    bus: &Bus,
    state: &State,
    tenant: TenantId,
    answer: &Node,
) -> Result<bool, Error> {
    if answer.state.is_final() {
        return Ok(true);
    }
    let (MessageState::Running, Some(execution)) = (answer.state, answer.execution) else {
        return Ok(false);
    };
    let Some((outcome, text)) = read(bus, tenant, execution).await.map_err(Error::Engine)? else {
        return Ok(false);
    };
    conclude(state, tenant, answer, outcome, &text).await?;
    Ok(true)
}

/// For whoever reads an answer: it is as new as its run, whether or not the end of that was announced yet.
pub(crate) async fn refresh(bus: &Bus, state: &State, tenant: TenantId, answer: &Node) -> bool {
    if answer.state != MessageState::Running || answer.started_at.is_none() {
        return false;
    }
    match settle(bus, state, tenant, answer).await {
        Ok(true) => {
            kick_or_leave(bus, state, tenant, answer.session).await;
            true
        }
        Ok(false) => false,
        Err(error) => {
            // What is stored is shown; the announcement of the end will settle it.
            tracing::debug!(%error, "an answer could not be refreshed");
            false
        }
    }
}

/// What became of a run; none while it goes on.
async fn read(
    bus: &Bus,
    tenant: TenantId,
    execution_id: ExecutionId,
) -> Result<Option<(MessageState, ChatText)>, Problem> {
    let ask = async |after| {
        let request = ReadExecution {
            execution_id,
            after,
        };
        bus.call(tenant, &request, Call::anonymous()).await
    };
    let first = ask(0).await?;
    if !first.execution.state.is_final() {
        return Ok(None);
    }
    let mut transcript = Transcript::default();
    let mut stretch = first.events;
    for _ in 0..STRETCHES {
        for frame in stretch.items {
            transcript.add(frame.event);
        }
        let Some(next) = stretch.next else { break };
        stretch = ask(next).await?.events;
    }
    Ok(transcript.close(first.execution))
}
