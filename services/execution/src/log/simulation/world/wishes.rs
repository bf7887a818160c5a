//! What is asked of an owner.

use contracts::{id::UserId, owner};

use super::{Wish, World};
use crate::log::{
    partition::{Answer, Partition, Ticket},
    simulation::plans,
};

impl World {
    /// Gives an owner a wish, if it was not fulfilled.
    pub(super) fn give(&self, partition: &mut Partition, ticket: Ticket, wish: Option<Wish>) {
        match wish {
            Some(Wish::Start(start)) => {
                let known = self.rows.contains(&start.execution_id);
                let forgotten = partition.slots.get(start.execution_id).is_none()
                    && partition.slots.gone(start.execution_id).is_none()
                    && partition.parking.parked.get(start.execution_id).is_none();
                // The header row answers for what has left memory.
                if known && forgotten {
                    return partition.answer(ticket, Answer::Done);
                }
                let plan = self.plans[&start.definition_hash].clone();
                let taken = plans::taken_over(&plan, &start);
                partition.start(ticket, *start, plan, taken, self.now);
            }
            Some(Wish::Cancel(execution_id)) => {
                let cancel = owner::Cancel {
                    tenant: contracts::id::TenantId::EXAMPLE,
                    execution_id,
                    by: UserId::EXAMPLE,
                };
                partition.cancel(ticket, &cancel, self.now);
            }
            Some(Wish::Pause(execution_id)) => {
                let pause = owner::Pause {
                    tenant: contracts::id::TenantId::EXAMPLE,
                    execution_id,
                    by: UserId::EXAMPLE,
                    parent_event: None,
                };
                partition.pause(ticket, &pause, self.now);
            }
            Some(Wish::Resume(execution_id)) => {
                let resume = owner::Resume {
                    tenant: contracts::id::TenantId::EXAMPLE,
                    execution_id,
                    by: UserId::EXAMPLE,
                    parent_event: None,
                };
                partition.unpause(ticket, &resume, self.now);
            }
            Some(Wish::Release(execution_id)) => {
                let release = owner::Release {
                    tenant: contracts::id::TenantId::EXAMPLE,
                    execution_id,
                };
                partition.release(ticket, &release, self.now);
            }
            Some(Wish::Result(result)) => partition.result(ticket, *result, self.now),
            None => {}
        }
    }
}
