//! From a run that is over to the answer that stays.

use bus::{Bus, Call};
use contracts::{
    ErrorCode, Problem,
    chat::MessageState,
    execution::{ReadExecution, ReadPayload},
    id::{ExecutionId, TenantId},
    live::ExecutionEvent,
    payload::PayloadRef,
};
use documents::ChatText;
use serde_json::Value;

use crate::{
    State,
    domain::{
        Node,
        outcome::{Transcript, Wanted},
    },
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
    let values = Values {
        bus,
        tenant,
        execution_id,
    };
    for _ in 0..STRETCHES {
        for mut frame in stretch.items {
            match transcript.wants(&frame.event) {
                Some(Wanted::Whole(reference)) => {
                    values
                        .whole(output_in(&mut frame.event), &reference)
                        .await?;
                }
                Some(Wanted::Start(reference)) => {
                    values
                        .start(output_in(&mut frame.event), &reference)
                        .await?;
                }
                None => {}
            }
            transcript.add(frame.event);
        }
        let Some(next) = stretch.next else { break };
        stretch = ask(next).await?.events;
    }
    let mut execution = first.execution;
    if let Some(reference) = execution.output.as_ref().and_then(PayloadRef::of) {
        values.whole(execution.output.as_mut(), &reference).await?;
    }
    Ok(transcript.close(execution))
}

/// The values of a run that stand apart from it.
struct Values<'a> {
    bus: &'a Bus,
    tenant: TenantId,
    execution_id: ExecutionId,
}

impl Values<'_> {
    /// Puts the value in its place; one that is gone stays away.
    async fn whole(
        &self,
        place: Option<&mut Value>,
        reference: &PayloadRef,
    ) -> Result<(), Problem> {
        let piece = |hash, offset| ReadPayload {
            execution_id: self.execution_id,
            hash,
            offset,
        };
        let call = Call::anonymous();
        let value = self.bus.value(self.tenant, call, reference, piece).await;
        put(place, value)
    }

    /// Puts the first piece of the value's text in its place.
    async fn start(
        &self,
        place: Option<&mut Value>,
        reference: &PayloadRef,
    ) -> Result<(), Problem> {
        let Some(hash) = reference.name() else {
            return Ok(());
        };
        let first = ReadPayload {
            execution_id: self.execution_id,
            hash,
            offset: 0,
        };
        let part = self.bus.call(self.tenant, &first, Call::anonymous()).await;
        let text = part.map(|part| {
            let bytes = part.content().unwrap_or_default();
            Value::String(String::from_utf8_lossy(&bytes).into_owned())
        });
        put(place, text)
    }
}

fn put(place: Option<&mut Value>, value: Result<Value, Problem>) -> Result<(), Problem> {
    match (place, value) {
        (Some(place), Ok(value)) => *place = value,
        (None, Ok(_)) => {}
        (_, Err(problem)) if problem.code == ErrorCode::NotFound => {}
        (_, Err(problem)) => return Err(problem),
    }
    Ok(())
}

fn output_in(event: &mut ExecutionEvent) -> Option<&mut Value> {
    match event {
        ExecutionEvent::StepSucceeded { output, .. } => Some(output),
        _ => None,
    }
}
