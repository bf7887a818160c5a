//! What arrives waits in the queue of its tenant until it is taken in.

use std::{
    iter,
    time::{Duration, Instant},
};

use bus::{Incoming, Subscription};
use futures::{FutureExt, StreamExt};

use super::Owner;
use crate::{
    failpoint,
    log::{intake, partition::Ticket},
    measure,
};

/// For how long requests are taken in before the loop looks at the log again.
const TAKING: Duration = Duration::from_millis(3);

impl Owner {
    /// Puts a request in the queue of its tenant, and those that have arrived behind it.
    pub(super) fn arrive(&mut self, first: Incoming, requests: &mut Subscription) {
        let more = iter::from_fn(|| requests.next().now_or_never().flatten());
        let arrived: Vec<Incoming> = iter::once(first)
            .chain(more.take(intake::AT_ONCE))
            .collect();
        for incoming in arrived {
            let Err(refused) = intake::put(&mut self.intake, incoming) else {
                continue;
            };
            let (incoming, problem) = *refused;
            if let Some(ticket) = self.ticket(&incoming) {
                self.partition.refuse(ticket, problem);
            }
        }
    }

    /// Takes in what waits, a while, each tenant in its turn: what is taken together shares a batch.
    pub(super) fn take_in_turn(&mut self) {
        if self.intake.is_empty() {
            return;
        }
        let started = Instant::now();
        while !self.partition.is_full()
            && started.elapsed() < TAKING
            && let Some(arrived) = self.intake.pop()
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
