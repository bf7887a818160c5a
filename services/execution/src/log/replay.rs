//! From the entries of a log to the executions of its partition.
//!
//! **Invariant:** replay ends in an error, never in a state, when an entry is missing, unreadable, of an epoch or batch that
//! cannot follow, or when a record of an execution is missing. An execution whose records are all there and cannot follow
//! each other, or whose definition is missing, is set aside with all of them counted: nothing is derived from a part of it.

use std::{collections::HashMap, sync::Arc};

use bytes::Bytes;
use chrono::{DateTime, Utc};
use contracts::{
    execution::ExecutionState,
    id::{ExecutionId, TenantId},
    live::ExecutionEvent,
};

use super::{
    index::BadChunk,
    parked::{Parked, Tail},
    slots::{Gone, Slot, Slots},
};
use crate::{
    domain::{Broken, Program, State},
    record::{self, Batch, Kind, Stamp, Stored, Unreadable},
};

mod aside;

use aside::Aside;
pub(crate) use aside::SetAside;

/// Why a log cannot be replayed. Its partition stands still until someone has looked at it.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(crate) enum Corrupt {
    #[error("entry {sequence} cannot be read: {problem}")]
    Unreadable { sequence: u64, problem: Unreadable },
    #[error("entry {found} follows entry {last}")]
    MissingEntry { last: u64, found: u64 },
    #[error("entry {sequence} is of epoch {found}, after epoch {last}")]
    Epoch {
        sequence: u64,
        last: u64,
        found: u64,
    },
    #[error("entry {sequence} is batch {found} of its epoch, after batch {last}")]
    MissingBatch {
        sequence: u64,
        last: u64,
        found: u64,
    },
    #[error("entry {sequence}: execution `{execution}`: {problem}")]
    Broken {
        sequence: u64,
        execution: ExecutionId,
        problem: Broken,
    },
    #[error("execution `{execution}` lacks its first records")]
    Headless { execution: ExecutionId },
    #[error("a part of the index of parked executions cannot be read: {problem}")]
    Index { problem: BadChunk },
}

/// A replay in progress.
pub(crate) struct Replay {
    slots: HashMap<ExecutionId, Slot>,
    headless: HashMap<ExecutionId, Headless>,
    aside: HashMap<ExecutionId, Aside>,
    parked: Parked,
    /// What the log has of parked executions beyond the index.
    tails: HashMap<ExecutionId, Tail>,
    last: Option<(u64, Stamp)>,
}

/// An execution whose first records were trimmed, as they may be once it is over.
struct Headless {
    tenant: TenantId,
    n: u64,
    end: Option<(ExecutionState, DateTime<Utc>)>,
}

/// A partition as its log tells it.
pub(crate) struct Replayed {
    pub(crate) slots: Slots,
    pub(crate) parked: Parked,
    /// Those of `parked` that only wait because they could not be read.
    pub(crate) aside: Vec<SetAside>,
    /// Sequence of the last entry, 0 in an empty log.
    pub(crate) last: u64,
    /// The epoch that a new owner begins.
    pub(crate) next_epoch: u64,
}

impl Replay {
    /// `parked` is what the stored index names.
    pub(crate) fn new(parked: Parked) -> Self {
        Self {
            slots: HashMap::new(),
            headless: HashMap::new(),
            aside: HashMap::new(),
            parked,
            tails: HashMap::new(),
            last: None,
        }
    }

    /// Reads an entry and checks that it follows the one before.
    ///
    /// # Errors
    /// [`Corrupt`].
    pub(crate) fn read(&mut self, sequence: u64, message: &Bytes) -> Result<Batch, Corrupt> {
        let batch =
            record::read(message).map_err(|problem| Corrupt::Unreadable { sequence, problem })?;
        if let Some((last, stamp)) = self.last {
            if sequence != last + 1 {
                let found = sequence;
                return Err(Corrupt::MissingEntry { last, found });
            }
            follows(sequence, stamp, &batch)?;
        }
        self.last = Some((sequence, batch.stamp));
        Ok(batch)
    }

    /// The definitions that the executions of a batch need.
    pub(crate) fn definitions(batch: &Batch) -> impl Iterator<Item = &str> {
        batch.records.iter().filter_map(|stored| {
            let ExecutionEvent::ExecutionStarted {
                definition_hash, ..
            } = &stored.record.frame.event
            else {
                return None;
            };
            Some(definition_hash.as_str())
        })
    }

    /// Whether a record is of an execution that is known from its start or is parked, so that its values are needed.
    pub(crate) fn needs_values(&self, record: &record::Record) -> bool {
        let begins = matches!(record.frame.event, ExecutionEvent::ExecutionStarted { .. });
        let id = record.execution;
        begins || self.slots.contains_key(&id) || self.parked.known(id).is_some()
    }

    /// Takes the records of a batch in.
    ///
    /// # Errors
    /// [`Corrupt`].
    #[cfg(test)]
    pub(crate) fn take(
        &mut self,
        sequence: u64,
        batch: Batch,
        plan: impl Fn(&str) -> Option<Arc<Program>>,
    ) -> Result<(), Corrupt> {
        for stored in batch.records {
            self.take_record(sequence, stored, &plan)?;
        }
        Ok(())
    }

    /// Takes one of its records in.
    ///
    /// # Errors
    /// [`Corrupt`].
    pub(crate) fn take_record(
        &mut self,
        sequence: u64,
        stored: Stored,
        plan: &impl Fn(&str) -> Option<Arc<Program>>,
    ) -> Result<(), Corrupt> {
        let Stored {
            mut record,
            frame,
            lost,
        } = stored;
        let execution = record.execution;
        let broken = |problem| Corrupt::Broken {
            sequence,
            execution,
            problem,
        };
        if let Some(aside) = self.aside.get_mut(&execution) {
            return aside.take(&record).map_err(broken);
        }
        if let Some(slot) = self.slots.get_mut(&execution) {
            match slot.state.fold_filled(&mut record, lost) {
                Ok(()) => slot.keep(frame, sequence),
                Err(problem @ Broken::Gap { .. }) => return Err(broken(problem)),
                Err(problem) => self.set_aside(sequence, &record, problem.to_string()),
            }
            return Ok(());
        }
        let ExecutionEvent::ExecutionStarted {
            definition_hash: hash,
            ..
        } = &record.frame.event
        else {
            let taken = match self.parked.known(execution) {
                Some(entry) => self.take_tail(
                    sequence,
                    entry.n,
                    Stored {
                        record,
                        frame,
                        lost,
                    },
                ),
                None => self.take_headless(&record),
            };
            return taken.map_err(broken);
        };
        let Some(plan) = plan(hash) else {
            let problem = format!("the definition `{hash}` is not there");
            self.set_aside(sequence, &record, problem);
            return Ok(());
        };
        let mut state = match State::begin(&record, plan) {
            Ok(state) => state,
            Err(problem @ Broken::Gap { .. }) => return Err(broken(problem)),
            Err(problem) => {
                self.set_aside(sequence, &record, problem.to_string());
                return Ok(());
            }
        };
        state.note_apart(&mut record, lost);
        let mut slot = Slot::new(state);
        slot.keep(frame, sequence);
        self.slots.insert(execution, slot);
        Ok(())
    }

    fn set_aside(&mut self, sequence: u64, record: &record::Record, problem: String) {
        let slot = self.slots.remove(&record.execution);
        let aside = Aside::new(slot.as_ref(), record, sequence, problem);
        self.aside.insert(record.execution, aside);
    }

    /// Takes a record of a parked execution whose first records were trimmed: those that were stored since it was parked.
    fn take_tail(&mut self, sequence: u64, n: u64, stored: Stored) -> Result<(), Broken> {
        let (execution, found) = (stored.record.execution, stored.record.frame.n);
        if found <= n {
            return Ok(());
        }
        let tail = self.tails.entry(execution).or_insert(Tail {
            records: Vec::new(),
            entries: (sequence, sequence),
        });
        let last = n + tail.records.len() as u64;
        if found != last + 1 {
            return Err(Broken::Gap { last, found });
        }
        tail.records.push(stored);
        tail.entries.1 = sequence;
        Ok(())
    }

    fn take_headless(&mut self, record: &record::Record) -> Result<(), Broken> {
        let n = record.frame.n;
        let known = self.headless.entry(record.execution).or_insert(Headless {
            tenant: record.tenant,
            n: n.saturating_sub(1),
            end: None,
        });
        if n != known.n + 1 || known.end.is_some() {
            return Err(Broken::Gap {
                last: known.n,
                found: n,
            });
        }
        known.n = n;
        known.end = final_state(&record.frame.event).map(|state| (state, record.frame.ts));
        Ok(())
    }

    /// The sequence of the last entry that was read, 0 before the first.
    pub(crate) fn last(&self) -> u64 {
        self.last.map_or(0, |(last, _)| last)
    }

    /// Ends the replay of a log whose first entry is `first`; in a log that was never trimmed that is 1.
    ///
    /// # Errors
    /// [`Corrupt`].
    pub(crate) fn finish(mut self, first: u64) -> Result<Replayed, Corrupt> {
        let mut slots = Slots::default();
        for (execution, headless) in self.headless {
            match headless.end {
                Some((state, at)) if first > 1 => {
                    let tenant = headless.tenant;
                    slots.remember(execution, Gone { tenant, state }, at);
                }
                _ => return Err(Corrupt::Headless { execution }),
            }
        }
        for mut slot in self.slots.into_values() {
            let (id, last) = (slot.state.data.id, slot.state.data.n);
            match self.parked.known(id) {
                // As the index has it: it stays where it is.
                Some(entry) if entry.n == last => continue,
                Some(entry) if entry.n > last => {
                    let (sequence, found) = (self.last.map_or(0, |(last, _)| last), entry.n);
                    return Err(Corrupt::Broken {
                        sequence,
                        execution: id,
                        problem: Broken::Gap { last, found },
                    });
                }
                Some(_) => {
                    self.parked.wake(id);
                    slot.is_held = true;
                }
                None => {}
            }
            slots.insert(slot);
        }
        for (id, tail) in self.tails {
            self.parked.set_tail(id, tail);
        }
        let mut set_aside = Vec::new();
        for (id, aside) in self.aside {
            let at = aside.entry();
            match (aside.end, at.wakes_at) {
                (Some(state), Some(at)) => {
                    let tenant = aside.tenant;
                    self.parked.forget(id, Some(aside.first));
                    slots.remember(id, Gone { tenant, state }, at);
                }
                _ => {
                    self.parked.insert(id, at, Some(aside.first));
                    let problem = aside.problem;
                    set_aside.push(SetAside { id, problem });
                }
            }
        }
        let (last, epoch) = self
            .last
            .map_or((0, 0), |(last, stamp)| (last, stamp.epoch));
        Ok(Replayed {
            slots,
            parked: self.parked,
            aside: set_aside,
            last,
            next_epoch: epoch + 1,
        })
    }
}

fn follows(sequence: u64, last: Stamp, batch: &Batch) -> Result<(), Corrupt> {
    let stamp = batch.stamp;
    let epoch = match batch.kind {
        Kind::EpochBegin => stamp.epoch == last.epoch + 1,
        Kind::Records => stamp.epoch == last.epoch && stamp.writer == last.writer,
    };
    if !epoch {
        return Err(Corrupt::Epoch {
            sequence,
            last: last.epoch,
            found: stamp.epoch,
        });
    }
    if batch.kind == Kind::Records && stamp.batch != last.batch + 1 {
        return Err(Corrupt::MissingBatch {
            sequence,
            last: last.batch,
            found: stamp.batch,
        });
    }
    Ok(())
}

pub(super) fn final_state(event: &ExecutionEvent) -> Option<ExecutionState> {
    match event {
        ExecutionEvent::ExecutionSucceeded { .. } => Some(ExecutionState::Succeeded),
        ExecutionEvent::ExecutionFailed { .. } => Some(ExecutionState::Failed),
        ExecutionEvent::ExecutionCancelled { .. } => Some(ExecutionState::Cancelled),
        ExecutionEvent::ExecutionStarted { .. }
        | ExecutionEvent::StepStarted { .. }
        | ExecutionEvent::StepSleeping { .. }
        | ExecutionEvent::StepListening { .. }
        | ExecutionEvent::StepIterating { .. }
        | ExecutionEvent::IterationStarted { .. }
        | ExecutionEvent::IterationSucceeded { .. }
        | ExecutionEvent::IterationFailed { .. }
        | ExecutionEvent::StepSucceeded { .. }
        | ExecutionEvent::StepRetrying { .. }
        | ExecutionEvent::StepFailed { .. }
        | ExecutionEvent::StepReused { .. }
        | ExecutionEvent::StepSkipped { .. }
        | ExecutionEvent::StepLate { .. }
        | ExecutionEvent::ApprovalAsked { .. }
        | ExecutionEvent::ApprovalGiven { .. }
        | ExecutionEvent::AnswerAsked { .. }
        | ExecutionEvent::AnswerGiven { .. }
        | ExecutionEvent::AnswerReminded { .. }
        | ExecutionEvent::AnswerEscalated { .. }
        | ExecutionEvent::CancelAsked { .. }
        | ExecutionEvent::ExecutionPaused { .. }
        | ExecutionEvent::ExecutionReleased {}
        | ExecutionEvent::ExecutionResumed { .. }
        | ExecutionEvent::ExecutionFailing { .. }
        | ExecutionEvent::CompensationStarted { .. }
        | ExecutionEvent::HandlerStarted { .. } => None,
    }
}
