//! What may leave memory and the log.

use std::{collections::BTreeSet, time::Duration};

use bus::Bus;
use chrono::TimeDelta;
use contracts::id::{ExecutionId, TenantId};
use tokio::time::Instant;

use super::{Note, Owner, now};
use crate::log::{effects::Task, starts};

/// Time between two trims of the log.
pub(super) const TRIM: Duration = Duration::from_secs(5);
/// When a new owner looks for values that nobody names, and how often from then on.
pub(super) const FIRST_SWEEP: Duration = Duration::from_secs(60);
const SWEEP: Duration = Duration::from_secs(60 * 60);
/// What was stored for an execution so young may be about to be named.
const YOUNG: TimeDelta = TimeDelta::hours(1);

impl Owner {
    pub(super) fn keep_house(&mut self) {
        while self.work.try_join_next().is_some() {}
        for held in self.partition.leave(self.archived, now()) {
            self.let_expire(held);
        }
        self.look_for_rest();
        self.store_index();
        kernel::parked_executions(self.number, self.partition.parking.parked.len());
        for silent in self.in_hand.take_silent(Instant::now().into_std()) {
            if let Some(left) = silent.hand_over(&self.outlet, true) {
                self.spawn(Task::Dispatch(left));
            }
        }
        self.look_for_values();
        if Instant::now() < self.trim_at {
            return;
        }
        self.trim_at = Instant::now() + TRIM;
        // The last entry stays: it tells the epoch.
        let floor = self
            .partition
            .first_needed()
            .map_or(self.archived, |first| (first - 1).min(self.archived))
            .min(self.partition.last().saturating_sub(1));
        if floor > self.trimmed {
            self.trimmed = floor;
            let (bus, number) = (self.engine.bus.clone(), self.number);
            let emptied = self.partition.slots.take_emptied(floor);
            let emptied: Vec<_> = emptied.iter().map(|it| (it.tenant, it.id)).collect();
            self.work.spawn(async move {
                if let Err(error) = bus.trim_log(number, floor).await {
                    return tracing::warn!(%error, partition = number, "the log was not trimmed");
                }
                // What is left where this fails is swept.
                forget(&bus, emptied).await;
            });
        }
    }

    /// Asks which executions have values in the stream, from time to time.
    fn look_for_values(&mut self) {
        if Instant::now() < self.sweep_at {
            return;
        }
        self.sweep_at = Instant::now() + SWEEP;
        let (bus, number) = (self.engine.bus.clone(), self.number);
        let notes = self.outlet.notes.clone();
        self.work.spawn(async move {
            match bus.with_payloads(number).await {
                // Without an owner nobody needs to know.
                Ok(found) => notes
                    .send(Note::WithPayloads(found))
                    .await
                    .unwrap_or_default(),
                Err(error) => {
                    tracing::warn!(%error, partition = number, "values were not swept");
                }
            }
        });
    }

    /// Forgets the values of executions that are not here, and may not be about to begin: what was stored and never named,
    /// and what stayed when an owner was lost.
    pub(super) fn sweep(&mut self, found: &BTreeSet<(TenantId, ExecutionId)>) {
        let young = now() - YOUNG;
        let (slots, parked) = (&self.partition.slots, &self.partition.parking.parked);
        let is_left = |(_, id): &&(TenantId, ExecutionId)| {
            let is_here = slots.get(*id).is_some() || parked.known(*id).is_some();
            !is_here && starts::made_at(*id).is_some_and(|at| at < young)
        };
        let left: Vec<_> = found.iter().filter(is_left).copied().collect();
        let bus = self.engine.bus.clone();
        self.work.spawn(async move { forget(&bus, left).await });
    }
}

async fn forget(bus: &Bus, executions: Vec<(TenantId, ExecutionId)>) {
    for (tenant, id) in executions {
        if let Err(error) = bus.forget_payloads(tenant, id).await {
            tracing::warn!(%error, execution.id = %id, "values were not forgotten");
        }
    }
}
