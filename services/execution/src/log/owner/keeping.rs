//! What may leave memory and the log.

use std::time::Duration;

use tokio::time::Instant;

use super::{Owner, now};
use crate::log::effects::Task;

/// Time between two trims of the log.
pub(super) const TRIM: Duration = Duration::from_secs(5);

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
            self.work.spawn(async move {
                if let Err(error) = bus.trim_log(number, floor).await {
                    tracing::warn!(%error, partition = number, "the log was not trimmed");
                }
            });
        }
    }
}
