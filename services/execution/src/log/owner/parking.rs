//! Parking executions that wait, and reading them back: beside the owner's loop, while requests for them wait in order.
//!
//! **Invariant:** while the archive does not answer nothing is lost: what rests stays in memory, what is parked stays parked,
//! and whoever asks for it is told to come again.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
    time::Duration,
};

use bus::Incoming;
use contracts::{ErrorCode, Problem, id::ExecutionId};
use kernel::ServiceError;
use tokio::{sync::Semaphore, time::Instant};

use super::{Note, Owner, now};
use crate::{
    Error,
    log::{
        partition::{NotParked, Resting, Ticket},
        reviving::Revived,
        slots::Held,
    },
    measure,
};

/// Requests that wait for one execution to be read back, and for all of them together; further ones are refused.
const MAX_ASKED: usize = 256;
const MAX_ASKED_IN_ALL: usize = 4096;
/// Executions of a partition that are read at the same time.
const MAX_READ: usize = 64;
/// Executions that are compared with the archive at the same time, of those.
const MAX_COMPARED: usize = 8;
/// Executions that are to be read back before further ones are looked for.
const MAX_AWAITED: usize = 1024;
/// The pause before something that failed is tried again.
const AGAIN: Duration = Duration::from_secs(5);
/// The same for what someone has to mend first.
const LATER: Duration = Duration::from_secs(60);
/// Executions that are parked before timers that nobody needs any more are thrown away.
const MIN_STALE: usize = 1024;

/// An execution as the archive has it.
pub(crate) struct ReadBack {
    id: ExecutionId,
    purpose: Purpose,
    outcome: Result<Revived, Error>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Purpose {
    /// It is to leave memory, if the archive has it as it is.
    Park,
    /// It is to come back.
    Wake,
}

/// What is being read.
pub(super) struct Reading {
    /// The parked executions that are read back, with the requests that wait for them.
    asked: HashMap<ExecutionId, Vec<Incoming>>,
    /// How many requests wait.
    kept: usize,
    /// Executions in memory that are being compared with the archive.
    compared: usize,
    /// Parked executions that could not be read when they were due.
    again: BTreeSet<(Instant, ExecutionId)>,
    /// Executions parked since timers were last thrown away.
    stale: usize,
    permits: Arc<Semaphore>,
}

impl Default for Reading {
    fn default() -> Self {
        Self {
            asked: HashMap::new(),
            kept: 0,
            compared: 0,
            again: BTreeSet::new(),
            stale: 0,
            permits: Arc::new(Semaphore::new(MAX_READ)),
        }
    }
}

impl Owner {
    /// Compares executions that rest with what the archive has of them.
    pub(super) fn look_for_rest(&mut self) {
        let room = MAX_COMPARED.saturating_sub(self.reading.compared);
        for resting in self.partition.resting(self.archived, now(), room) {
            self.reading.compared += 1;
            self.read(resting, Purpose::Park);
        }
        if self.reading.stale >= MIN_STALE.max(self.timers.len() / 2) {
            self.reading.stale = 0;
            let slots = &self.partition.slots;
            self.timers.retain(|id| slots.get(id).is_some());
            let begun = &self.outlet.giver.begun;
            begun.retain(|id| slots.get(id).is_some());
        }
    }

    /// Keeps a request until its execution is back in memory.
    pub(super) fn wait_for(&mut self, id: ExecutionId, ticket: Ticket, incoming: Incoming) {
        let waiting = self.reading.asked.get(&id).map_or(0, Vec::len);
        if waiting >= MAX_ASKED || self.reading.kept >= MAX_ASKED_IN_ALL {
            return self.partition.refuse(ticket, not_read());
        }
        self.waiting.remove(&ticket);
        self.reading.kept += 1;
        self.wake(id);
        self.reading.asked.entry(id).or_default().push(incoming);
    }

    /// Reads a parked execution back, once.
    pub(super) fn wake(&mut self, id: ExecutionId) {
        let Some(entry) = self.partition.parking.parked.get(id) else {
            return;
        };
        if self.reading.asked.contains_key(&id) {
            return;
        }
        self.reading.asked.insert(id, Vec::new());
        let (tenant, n) = (entry.tenant, entry.n);
        self.read(Resting { tenant, id, n }, Purpose::Wake);
    }

    /// Reads those back of which something becomes due.
    pub(super) fn wake_due(&mut self) {
        let at = Instant::now();
        while let Some((again, id)) = self.reading.again.first().copied()
            && again <= at
        {
            self.reading.again.pop_first();
            self.wake(id);
        }
        while self.reading.asked.len() < MAX_AWAITED
            && let Some(id) = self.partition.parking.parked.due(now())
        {
            self.wake(id);
        }
    }

    /// When the next timer fires, or a parked execution is to be read back.
    pub(super) fn next_wake(&self) -> Option<Instant> {
        let timer = self.timers.next().map(Instant::from_std);
        let again = self.reading.again.first().map(|(at, _)| *at);
        let has_room = self.reading.asked.len() < MAX_AWAITED;
        let parked = self.partition.parking.parked.next().filter(|_| has_room);
        // By the clock on the wall, so it is looked at again from time to time.
        let parked = parked.map(|at| {
            let pause = (at - now()).to_std().unwrap_or_default();
            Instant::now() + pause.min(Duration::from_secs(60))
        });
        [timer, again, parked].into_iter().flatten().min()
    }

    fn read(&mut self, resting: Resting, purpose: Purpose) {
        let Resting { tenant, id, n } = resting;
        let (engine, notes) = (self.engine.clone(), self.outlet.notes.clone());
        let permits = self.reading.permits.clone();
        self.work.spawn(async move {
            let Ok(_permit) = permits.acquire().await else {
                return;
            };
            let read = async {
                if purpose == Purpose::Park {
                    // However long it waits, its history is still there then.
                    engine.archive.hold_events(tenant, id).await?;
                }
                engine.source().revive(tenant, id, n).await
            };
            let back = ReadBack {
                id,
                purpose,
                outcome: read.await,
            };
            // Without an owner nobody needs to know.
            let note = Note::Read(Box::new(back));
            notes.send(note).await.unwrap_or_default();
        });
    }

    pub(super) fn read_back(&mut self, back: ReadBack) {
        let ReadBack {
            id,
            purpose,
            outcome,
        } = back;
        match purpose {
            Purpose::Park => {
                self.compared(id, outcome);
                self.look_for_rest();
            }
            Purpose::Wake => self.woken(id, outcome),
        }
    }

    fn compared(&mut self, id: ExecutionId, outcome: Result<Revived, Error>) {
        self.reading.compared -= 1;
        let revived = match outcome {
            Ok(revived) => revived,
            Err(error) if is_passing(&error) => return self.partition.let_rest(id, now()),
            Err(error) => {
                // Archived by an earlier version, or damaged: the log has it.
                let cause = error.source_text();
                return tracing::warn!(execution.id = %id, cause, "an execution that waits stays in memory: {error}");
            }
        };
        match self.partition.park(revived, self.archived, now()) {
            Ok(()) => {
                self.reading.stale += 1;
                measure::count(&measure::PARKED);
            }
            Err(NotParked::Awake) => self.partition.let_rest(id, now()),
            Err(NotParked::Different) => {
                tracing::error!(execution.id = %id, alarm = "archive_differs", "the archive has an execution not as it was stored");
            }
        }
    }

    fn woken(&mut self, id: ExecutionId, outcome: Result<Revived, Error>) {
        let asked = self.reading.asked.remove(&id).unwrap_or_default();
        self.reading.kept -= asked.len();
        let outcome = outcome.and_then(|revived| {
            let unparked = self.partition.unpark(revived, now());
            unparked.map_err(|problem| Error::BrokenHistory {
                id,
                source: problem.into(),
            })
        });
        match outcome {
            Ok(()) => {
                measure::count(&measure::WOKEN);
                for incoming in asked {
                    self.take(incoming);
                }
            }
            Err(Error::Gap { after: 0, .. }) if self.partition.forget_deleted(id, now()) => {
                for incoming in asked {
                    self.take(incoming);
                }
            }
            Err(error) => {
                let error = match error {
                    Error::NoDefinition { .. } | Error::InvalidDefinition { .. } => {
                        let source = Box::new(error);
                        Error::BrokenHistory { id, source }
                    }
                    error => error,
                };
                let cause = error.source_text();
                let problem = if is_passing(&error) {
                    tracing::warn!(execution.id = %id, cause, "a parked execution was not read: {error}");
                    not_read()
                } else {
                    let alarm = match error {
                        Error::Gap { .. } => "archive_differs",
                        _ => "unreadable_execution",
                    };
                    tracing::error!(execution.id = %id, alarm, cause, "a parked execution cannot be read: {error}");
                    error.problem()
                };
                let pause = if is_passing(&error) { AGAIN } else { LATER };
                for incoming in asked {
                    if let Some(ticket) = self.ticket(&incoming) {
                        self.partition.refuse(ticket, problem.clone());
                    }
                }
                let parked = &self.partition.parking.parked;
                let is_due = parked.get(id).is_some_and(|entry| entry.is_due(now()));
                if is_due || parked.tail(id).is_some() {
                    self.reading.again.retain(|(_, other)| *other != id);
                    self.reading.again.insert((Instant::now() + pause, id));
                }
            }
        }
    }

    /// Reads those back that an earlier owner had in memory: what they had under way goes on.
    pub(super) fn wake_those_at_work(&mut self) {
        for id in self.partition.parking.parked.with_tails() {
            self.wake(id);
        }
    }

    /// Those who still wait for an execution to be read back.
    pub(super) fn take_asked(&mut self) -> Vec<Incoming> {
        let asked = std::mem::take(&mut self.reading.asked);
        kernel::parked_executions(self.number, 0);
        asked.into_values().flatten().collect()
    }

    /// Lets the events of an execution that is over be forgotten in time, and then the execution itself.
    pub(super) fn let_expire(&mut self, held: Held) {
        let (archive, notes) = (self.engine.archive.clone(), self.outlet.notes.clone());
        let permits = self.reading.permits.clone();
        self.work.spawn(async move {
            let Held { tenant, id, at } = held;
            loop {
                let Ok(permit) = permits.acquire().await else {
                    return;
                };
                match archive.let_expire(tenant, id, at).await {
                    Ok(()) => break,
                    Err(error) => {
                        tracing::warn!(%error, execution.id = %id, "events were not told to expire");
                    }
                }
                drop(permit);
                tokio::time::sleep(AGAIN).await;
            }
            // Without an owner nobody needs to know.
            notes.send(Note::Expires(id)).await.unwrap_or_default();
        });
    }
}

/// Whether trying again may help.
fn is_passing(error: &Error) -> bool {
    matches!(error.code(), ErrorCode::Unavailable | ErrorCode::Timeout)
}

pub(super) fn not_read() -> Problem {
    let text = "the execution cannot be read from the archive at present";
    Problem::new(ErrorCode::Unavailable, text)
        .with_reason("archive_unavailable")
        .with_retry_after_ms(1000)
}
