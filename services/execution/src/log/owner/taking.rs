//! What arrives waits in the queue of its tenant until it is taken in.

use std::time::{Duration, Instant};

use bus::Incoming;

use super::Owner;
use crate::{failpoint, log::partition::Ticket, measure};

/// For how long requests are taken in before the loop looks at the log again.
const TAKING: Duration = Duration::from_millis(3);

impl Owner {
    /// Takes in what waits, a while, each tenant in its turn: what is taken together shares a batch.
    pub(super) fn take_in_turn(&mut self) {
        self.door.opened(self.partition.slots.open());
        if self.door.is_empty() {
            return;
        }
        let started = Instant::now();
        while !self.partition.is_full()
            && started.elapsed() < TAKING
            && let Some(arrived) = self.door.take()
        {
            if arrived.is_awaited() {
                self.take(arrived.incoming);
            }
        }
        failpoint::pass(failpoint::TAKEN);
        measure::add(&measure::TAKING, started.elapsed());
    }

    /// What stands for whoever waits for the answer to a request; none where nobody does.
    pub(super) fn ticket(&mut self, incoming: &Incoming) -> Option<Ticket> {
        let reply = incoming.reply_to()?;
        self.tickets += 1;
        let ticket = Ticket(self.tickets);
        self.waiting.insert(ticket, reply);
        Some(ticket)
    }
}
