//! Taking work items of one class, doing them, and reporting.
//!
//! **Invariant:** an item is taken from the queue only when a slot is free, and while one is worked on the server hears of
//! it twice a second: an item in hand never goes to another worker as long as this one lives.

use std::{sync::Arc, time::Duration};

use bus::{Bus, Delivery};
use contracts::{
    ErrorCode,
    dead_letter::DeadReason,
    execution::StepError,
    owner::{Claim, Outcome, Result as StepResult},
    subject::WorkAddress,
    work::{WorkClass, WorkItem},
};
use futures::StreamExt;
use serde_json::Value;
use tokio::{
    task::JoinSet,
    time::{Instant, timeout},
};
use tokio_util::sync::CancellationToken;

use super::{
    Attempted, code,
    counter::Counter,
    custom,
    cuts::{Cuts, Cuttable},
    flow, http, knowledge, llm,
    pulse::Pulse,
    suspects::{self, Suspects, Verdict},
    tool,
};
use crate::{
    State,
    domain::limits,
    failpoint,
    log::effects::stored,
    payloads::{Lost, MISSING, Payloads},
};

/// How often the server hears that an item is being worked on.
const PROGRESS: Duration = Duration::from_millis(500);
/// What a code step gets beside its limit, so that the sandbox can say how it ended.
const CODE_GRACE: Duration = Duration::from_secs(1);
/// How long an owner may take to answer.
pub(super) const ANSWER: Duration = Duration::from_secs(5);
/// The pause before an owner is asked again.
pub(super) const RETRY: Duration = Duration::from_millis(200);

/// What every attempt needs.
#[derive(Clone)]
pub(crate) struct Worker {
    pub(crate) bus: Bus,
    pub(crate) cuts: Arc<Cuts>,
    pub(crate) state: Arc<State>,
    pub(crate) suspects: Arc<Suspects>,
}

/// Works in one class, until `stop`; attempts under way are then finished.
pub(crate) async fn run(
    worker: Worker,
    class: WorkClass,
    counter: Arc<Counter>,
    stop: CancellationToken,
) {
    let mut attempts = JoinSet::new();
    while !stop.is_cancelled() {
        let taking = take_all(&worker, class, &counter, &mut attempts);
        tokio::select! {
            () = stop.cancelled() => break,
            () = taking => {}
        }
        tokio::select! {
            () = stop.cancelled() => break,
            () = tokio::time::sleep(RETRY) => {}
        }
    }
    while attempts.join_next().await.is_some() {}
}

/// Takes items until the queue cannot be read.
async fn take_all(
    worker: &Worker,
    class: WorkClass,
    counter: &Arc<Counter>,
    attempts: &mut JoinSet<()>,
) {
    // One at a time: an item fetched ahead would wait in hand, and the server would take it for lost.
    let mut items = match worker.bus.work(class, 1).await {
        Ok(items) => Box::pin(items),
        Err(error) => return tracing::warn!(%error, ?class, "no work can be received"),
    };
    loop {
        let Some(mut slot) = counter.slot().await else {
            return;
        };
        while attempts.try_join_next().is_some() {}
        let idle = counter.idle();
        match items.next().await {
            Some(Ok(delivery)) => {
                if let Some(address) = WorkAddress::parse(delivery.subject()) {
                    idle.came(&mut slot, address.tenant);
                }
                let worker = worker.clone();
                attempts.spawn(async move {
                    worker.handle(class, delivery).await;
                    drop(slot);
                });
            }
            Some(Err(error)) => tracing::debug!(%error, ?class, "work was not received"),
            None => return,
        }
    }
}

impl Worker {
    async fn handle(&self, class: WorkClass, delivery: Delivery) {
        let mut item: WorkItem = match serde_json::from_slice(delivery.payload()) {
            Ok(item) => item,
            Err(error) => {
                tracing::error!(%error, subject = delivery.subject(), "a work item cannot be read");
                return settle(delivery.bury(DeadReason::Unreadable).await);
            }
        };
        let is_done = tokio::select! {
            is_done = self.work(class, &mut item, &delivery) => is_done,
            () = keep(&delivery) => return,
        };
        settle(if is_done {
            delivery.done().await
        } else {
            delivery.bury(DeadReason::Exhausted).await
        });
    }

    /// Whether the item is done, or else given up.
    async fn work(&self, class: WorkClass, item: &mut WorkItem, delivery: &Delivery) -> bool {
        let address = WorkAddress::parse(delivery.subject()).filter(|_| delivery.deliveries() > 1);
        let Some(address) = address else {
            self.attempt(class, item).await;
            return true;
        };
        if item.at_most_once {
            let text = "the worker broke down, and may have done it";
            let error = StepError::new("outcome_unknown", text);
            self.give_up(item, error).await;
            return true;
        }
        match self.suspects.admit(&self.bus, &address).await {
            Verdict::Begin { _turn } => {
                self.attempt(class, item).await;
                true
            }
            Verdict::GiveUp => {
                if class == WorkClass::Flow {
                    flow::cancel(&self.bus, item).await;
                }
                let text = "each of the workers that tried this attempt broke down";
                let error = StepError::new("worker_lost", text).retryable();
                self.give_up(item, error).await;
                suspects::forget(&self.bus, &address).await;
                false
            }
        }
    }

    /// Fails the attempt before its item is put away: a step waits for nothing that no worker will take, and `retry` and
    /// `on_error` of its node decide what follows.
    async fn give_up(&self, item: &WorkItem, error: StepError) {
        self.report(item, Err(error).into(), Duration::ZERO).await;
    }

    async fn attempt(&self, class: WorkClass, item: &mut WorkItem) {
        failpoint::pass(failpoint::FETCHED);
        // Registered before the owner is asked: a cancel after its answer meets this attempt.
        let cuttable = self.cuts.register(item.tenant, item.execution_id);
        if !self.claim(item).await {
            // A worker that broke down may have begun it.
            if class == WorkClass::Flow {
                flow::cancel(&self.bus, item).await;
            }
            return;
        }
        failpoint::pass(failpoint::CLAIMED);
        match self.fill(item).await {
            Ok(()) => self.carry_out(class, item, &cuttable).await,
            Err(lost) => self.give_up(item, lost.error().retryable()).await,
        }
    }

    /// Loads what stands apart from the item. Tries until the stores answer.
    async fn fill(&self, item: &mut WorkItem) -> Result<(), Lost> {
        let payloads = Payloads::new(self.bus.clone(), self.state.archive.clone());
        loop {
            match payloads.fill_item(item).await {
                Ok(filled) => return filled,
                Err(error) => {
                    let cause = error.source_text();
                    tracing::warn!(cause, execution.id = %item.execution_id, "a step waits for its values: {error}");
                }
            }
            tokio::time::sleep(RETRY).await;
        }
    }

    /// Does an attempt that is wanted, and reports its outcome.
    pub(super) async fn carry_out(&self, class: WorkClass, item: &WorkItem, cuttable: &Cuttable) {
        let started = Instant::now();
        // The sandbox keeps the limit itself, and knows more about why it was reached.
        let grace = if class == WorkClass::Code {
            CODE_GRACE
        } else {
            Duration::ZERO
        };
        let limit = Duration::from_millis(item.timeout_ms) + grace;
        let pulse = Pulse::default();
        let attempted = tokio::select! {
            biased;
            () = cuttable.cut() => {
                Err(StepError::new("cancelled", "the execution is being cancelled")).into()
            }
            attempted = timeout(limit, self.perform(class, item, &pulse)) => {
                attempted.unwrap_or_else(|_| timed_out(item).into())
            }
            error = pulse.silence(item.idle_timeout_ms) => Err(error).into(),
        };
        if class == WorkClass::Flow && matches!(attempted.outcome, Outcome::Failed { .. }) {
            // It may go on where the attempt has had its time, and does nothing where it is over.
            flow::cancel(&self.bus, item).await;
        }
        failpoint::pass(failpoint::PERFORMED);
        self.report(item, attempted, started.elapsed()).await;
        failpoint::pass(failpoint::REPORTED);
    }

    async fn perform(&self, class: WorkClass, item: &WorkItem, pulse: &Pulse) -> Attempted {
        match class {
            WorkClass::Llm => llm::perform(&self.bus, item, pulse).await,
            WorkClass::Http => http::perform(&self.state.egress, item, pulse).await.into(),
            WorkClass::Code => code::perform(&self.state.sandbox, item).await.into(),
            WorkClass::Tool => tool::perform(&self.bus, item, pulse).await.into(),
            WorkClass::Knowledge => knowledge::perform(&self.bus, item).await.into(),
            WorkClass::Custom => custom::perform(&self.bus, item, pulse).await.into(),
            WorkClass::Flow => flow::perform(&self.bus, &self.state, item, pulse).await,
        }
    }

    /// Whether the attempt is wanted. Asks until an owner answers.
    async fn claim(&self, item: &WorkItem) -> bool {
        let claim = Claim {
            tenant: item.tenant,
            execution_id: item.execution_id,
            node: item.node.clone(),
            attempt: item.attempt,
        };
        loop {
            match self.bus.ask_owner(&claim, ANSWER).await {
                Ok(()) => return true,
                Err(problem) if problem.code == ErrorCode::NotFound => return false,
                Err(problem) => {
                    tracing::debug!(%problem, execution.id = %item.execution_id, "no owner answers yet");
                }
            }
            tokio::time::sleep(RETRY).await;
        }
    }

    /// Gives the result to the owner. Tries until one has stored it, or says that nobody wants it.
    async fn report(&self, item: &WorkItem, attempted: Attempted, took: Duration) {
        let output = match fitting(attempted.outcome) {
            Outcome::Succeeded { output } => Ok(output),
            other => Err(other),
        };
        let mut result = StepResult {
            tenant: item.tenant,
            execution_id: item.execution_id,
            node: item.node.clone(),
            attempt: item.attempt,
            outcome: self.by_reference(item, &output).await,
            usage: attempted.usage,
            duration_ms: u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
        };
        loop {
            match self.bus.ask_owner(&result, ANSWER).await {
                Ok(()) => return,
                Err(problem) if problem.code == ErrorCode::NotFound => return,
                Err(problem) => {
                    if problem.reason.as_deref() == Some(MISSING) {
                        result.outcome = self.by_reference(item, &output).await;
                    }
                    tracing::warn!(%problem, execution.id = %item.execution_id, "a result waits for its owner");
                }
            }
            tokio::time::sleep(RETRY).await;
        }
    }
}

impl Worker {
    /// The outcome as it is reported: a large output is stored before.
    async fn by_reference(&self, item: &WorkItem, output: &Result<Value, Outcome>) -> Outcome {
        match output {
            Ok(output) => Outcome::Succeeded {
                output: stored(&self.bus, item.tenant, item.execution_id, output.clone()).await,
            },
            Err(other) => other.clone(),
        }
    }
}

fn timed_out(item: &WorkItem) -> Result<serde_json::Value, StepError> {
    let text = format!("no result within {} ms", item.timeout_ms);
    Err(StepError::new("timeout", text).retryable())
}

/// What is too large would be refused by the owner, or not even reach it.
fn fitting(outcome: Outcome) -> Outcome {
    match outcome {
        Outcome::Succeeded { output } if limits::fits(&output) => Outcome::Succeeded { output },
        Outcome::Succeeded { .. } => Outcome::Failed {
            error: limits::output_too_large(),
        },
        Outcome::Failed { error } => Outcome::Failed {
            error: limits::shortened(error),
        },
        handed_on @ Outcome::HandedOn { .. } => handed_on,
    }
}

/// Tells the server again and again that the item is being worked on.
async fn keep(delivery: &Delivery) {
    let mut interval = tokio::time::interval_at(Instant::now() + PROGRESS, PROGRESS);
    loop {
        interval.tick().await;
        if let Err(error) = delivery.progress().await {
            // At worst another worker gets it too; the owner takes one result.
            tracing::debug!(%error, "progress was not reported");
        }
    }
}

fn settle(acknowledged: Result<(), bus::Error>) {
    if let Err(error) = acknowledged {
        // It comes again, and the owner says that its result is there already.
        tracing::debug!(%error, "an item was not acknowledged");
    }
}
