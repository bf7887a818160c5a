//! Requests that bring a value by reference: they are taken once it is loaded, beside the owner's loop.
//!
//! **Invariant:** a request whose value is not there changes nothing: its sender is told to store the value again.

use bus::Incoming;
use contracts::{
    ErrorCode, Problem,
    id::{ExecutionId, TenantId},
    owner::{Ended, Outcome, Result as StepResult, Signal, Start},
    payload::PayloadRef,
};
use kernel::ServiceError;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{Note, Owner};
use crate::{
    Error,
    domain::limits,
    log::partition::Ticket,
    payloads::{Lost, Payloads},
};

/// Values that are loaded at the same time, for one partition.
pub(super) const MAX_LOADED: usize = 8;

/// A request whose value was loaded.
pub(crate) struct Loaded {
    message: Incoming,
    wanted: Wanted,
    outcome: Result<Result<Value, Lost>, Error>,
}

/// A value that a request names.
#[derive(Clone)]
pub(super) struct Wanted {
    tenant: TenantId,
    execution: ExecutionId,
    /// The execution that it goes on from, which may have the value.
    source: Option<ExecutionId>,
    reference: PayloadRef,
}

/// The value of a request: given with it, or still to be loaded.
#[derive(Default)]
pub(super) struct Given {
    loaded: Option<Value>,
    pub(super) wanted: Option<Wanted>,
}

/// A request that may bring a value by reference.
pub(super) trait Brings: DeserializeOwned {
    fn of(&self) -> (TenantId, ExecutionId);
    fn value(&mut self) -> Option<&mut Value>;
    fn source(&self) -> Option<ExecutionId> {
        None
    }
}

impl Brings for Start {
    fn of(&self) -> (TenantId, ExecutionId) {
        (self.tenant, self.execution_id)
    }
    fn value(&mut self) -> Option<&mut Value> {
        Some(&mut self.input)
    }
    fn source(&self) -> Option<ExecutionId> {
        self.basis.as_ref()?.source.execution_id
    }
}

impl Brings for StepResult {
    fn of(&self) -> (TenantId, ExecutionId) {
        (self.tenant, self.execution_id)
    }
    fn value(&mut self) -> Option<&mut Value> {
        output_of(&mut self.outcome)
    }
}

impl Brings for Ended {
    fn of(&self) -> (TenantId, ExecutionId) {
        (self.tenant, self.execution_id)
    }
    fn value(&mut self) -> Option<&mut Value> {
        output_of(&mut self.outcome)
    }
}

impl Brings for Signal {
    fn of(&self) -> (TenantId, ExecutionId) {
        (self.tenant, self.execution_id)
    }
    fn value(&mut self) -> Option<&mut Value> {
        Some(&mut self.output)
    }
}

fn output_of(outcome: &mut Outcome) -> Option<&mut Value> {
    match outcome {
        Outcome::Succeeded { output } => Some(output),
        Outcome::Failed { .. } | Outcome::HandedOn { .. } => None,
    }
}

/// Reads a request; none where its value is to be loaded first, which `given` then says.
pub(super) fn read<T: Brings>(
    incoming: &Incoming,
    given: &mut Given,
) -> Result<Option<T>, Problem> {
    let mut request: T = super::read(incoming)?;
    let ((tenant, execution), source) = (request.of(), request.source());
    let Some(value) = request.value() else {
        return Ok(Some(request));
    };
    let Some(reference) = PayloadRef::of(value) else {
        return Ok(Some(request));
    };
    if let Some(loaded) = given.loaded.take() {
        *value = loaded;
        return Ok(Some(request));
    }
    if reference.bytes > limits::MAX_VALUE as u64 {
        return Err(limits::value_too_large());
    }
    given.wanted = Some(Wanted {
        tenant,
        execution,
        source,
        reference,
    });
    Ok(None)
}

impl Owner {
    /// Loads the value of a request, which is taken again then.
    pub(super) fn load(&mut self, wanted: Wanted, ticket: Ticket, message: Incoming) {
        self.waiting.remove(&ticket);
        let (payloads, notes) = (self.engine.payloads.clone(), self.outlet.notes.clone());
        let permits = self.loading.clone();
        self.work.spawn(async move {
            let Ok(_permit) = permits.acquire().await else {
                return;
            };
            let loaded = Loaded {
                outcome: wanted.load(&payloads).await,
                message,
                wanted,
            };
            // Without an owner nobody needs to know: who sent it sends it again.
            let note = Note::Loaded(Box::new(loaded));
            notes.send(note).await.unwrap_or_default();
        });
    }

    pub(super) fn loaded(&mut self, loaded: Loaded) {
        let Loaded {
            message,
            wanted,
            outcome,
        } = loaded;
        let problem = match outcome {
            Ok(Ok(value)) => {
                let slots = &mut self.partition.slots;
                if let Some(slot) = slots.get_mut(wanted.execution) {
                    slot.has_apart(wanted.reference.hash);
                }
                let given = Given {
                    loaded: Some(value),
                    wanted: None,
                };
                return self.take_given(message, given);
            }
            Ok(Err(lost)) => lost.problem(),
            Err(error) => {
                let cause = error.source_text();
                tracing::warn!(execution.id = %wanted.execution, cause, "a value was not loaded: {error}");
                let problem = error.problem();
                match problem.code {
                    ErrorCode::Timeout | ErrorCode::Unavailable => problem,
                    _ => Problem::new(ErrorCode::Unavailable, "the value cannot be read"),
                }
            }
        };
        if let Some(ticket) = self.ticket(&message) {
            self.partition.refuse(ticket, problem);
        }
    }
}

impl Wanted {
    async fn load(&self, payloads: &Payloads) -> Result<Result<Value, Lost>, Error> {
        let found = payloads.load(self.tenant, self.execution, &self.reference);
        let found = found.await?;
        match (found, self.source) {
            (Err(_), Some(source)) => payloads.load(self.tenant, source, &self.reference).await,
            (found, _) => Ok(found),
        }
    }
}
