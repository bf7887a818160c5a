//! Executions begin: at once, where all is known that it takes, else once it was looked up beside the owner's loop.

use contracts::owner::Start;

use super::{Note, Owner, now, parking};
use crate::{
    domain::{TakenOver, limits},
    log::{
        partition::{Answer, Ticket},
        starts::{self, Checked},
    },
};

impl Owner {
    pub(super) fn start(&mut self, ticket: Ticket, start: Start) {
        if self.partition.answer_known_start(ticket, &start) {
            return;
        }
        if !limits::fits(&start.input) {
            return self.partition.refuse(ticket, limits::value_too_large());
        }
        let is_fresh = starts::is_fresh(start.execution_id, self.fresh_since, now());
        match self.engine.plans.known(&start.definition_hash) {
            Some(plan) if is_fresh && start.basis.is_none() => {
                self.partition
                    .start(ticket, start, plan, TakenOver::default(), now());
            }
            known => {
                let (engine, notes) = (self.engine.clone(), self.outlet.notes.clone());
                self.work.spawn(async move {
                    let checked = starts::check(&engine, ticket, start, known, is_fresh).await;
                    // Without an owner nobody needs to know.
                    notes
                        .send(Note::Start(Box::new(checked)))
                        .await
                        .unwrap_or_default();
                });
            }
        }
    }

    pub(super) fn checked(&mut self, checked: Checked) {
        let Checked {
            ticket,
            start,
            outcome,
        } = checked;
        match outcome {
            Ok(starts::Found::Nothing(plan, taken)) => {
                self.partition.start(ticket, start, plan, taken, now());
                // The same start came twice, and the execution rests already.
                if self.partition.wanted().is_some() {
                    self.partition.refuse(ticket, parking::not_read());
                }
            }
            Ok(starts::Found::Started(accepted)) => {
                self.partition.answer(ticket, Answer::Accepted(accepted));
            }
            Err(problem) => self.partition.refuse(ticket, problem),
        }
    }
}
