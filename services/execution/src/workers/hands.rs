//! Attempts that begin in the process of their owner: they need no queue.
//!
//! **Invariant:** an attempt that was handed over stays with its worker, or goes into the queue before one has it. While the
//! owner that gave it has its lease, nobody else is given it; the owners that follow hear every quarter of a second that it is
//! in hand.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock, Weak},
    time::{Duration, Instant},
};

use contracts::{
    ErrorCode,
    owner::Hold,
    work::{WorkClass, WorkItem},
};
use tokio::sync::Semaphore;

use super::{
    counter::Counter,
    cuts::Cuttable,
    flow,
    pool::{ANSWER, RETRY, Worker},
};
use crate::{
    failpoint,
    log::{begun::Begun, lease::Held},
};

/// An attempt that waits for a worker no longer than this begins without a question to its owner.
const FRESH: Duration = Duration::from_secs(1);
/// How often the owners that follow hear of an attempt.
const HOLD: Duration = Duration::from_millis(250);

/// The way from the owners of a process to its workers, while there are any.
#[derive(Default)]
pub(crate) struct Hands(RwLock<Weak<Desk>>);

/// The workers of a process, by class.
pub(crate) struct Desk {
    pub(super) worker: Worker,
    pub(super) counters: HashMap<WorkClass, Arc<Counter>>,
}

/// An owner that hands attempts over.
pub(crate) struct Giver {
    pub(crate) lease: Arc<Held>,
    /// For attempts that are being queued at the same time.
    pub(crate) queueing: Arc<Semaphore>,
    pub(crate) begun: Begun,
}

impl Giver {
    pub(crate) fn new(lease: Arc<Held>, queueing: Arc<Semaphore>) -> Self {
        Self {
            lease,
            queueing,
            begun: Begun::default(),
        }
    }
}

/// An attempt that was handed over. A cancel that follows meets it.
pub(super) struct Handed {
    pub(super) item: Box<WorkItem>,
    pub(super) giver: Arc<Giver>,
    since: Instant,
    /// It has to take the queue, which counts how often it is given out.
    pub(super) is_counted: bool,
    cuttable: Cuttable,
}

impl Hands {
    /// From now on the owners of this process may hand over.
    pub(super) fn open(&self, desk: &Arc<Desk>) {
        self.set(Arc::downgrade(desk));
    }

    /// From now on everything goes into the queues.
    pub(super) fn close(&self) {
        self.set(Weak::new());
    }

    /// Lets a worker begin the attempt when it is its organization's turn; or queues it then, where it `is_counted` how often it
    /// is given out, or those of other processes have time before.
    ///
    /// # Errors
    /// With the item, when there are no workers or too much waits for them.
    pub(crate) fn give(
        &self,
        class: WorkClass,
        item: Box<WorkItem>,
        is_counted: bool,
        giver: &Arc<Giver>,
    ) -> Result<(), Box<WorkItem>> {
        let desk = self
            .0
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .upgrade();
        let Some(desk) = desk else { return Err(item) };
        let Some(counter) = desk.counters.get(&class) else {
            return Err(item);
        };
        let cuttable = desk.worker.cuts.register(item.tenant, item.execution_id);
        let handed = Box::new(Handed {
            item,
            giver: giver.clone(),
            since: Instant::now(),
            is_counted,
            cuttable,
        });
        counter.take(handed).map_err(|handed| handed.item)
    }

    fn set(&self, desk: Weak<Desk>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = desk;
    }
}

impl Desk {
    /// Returns when all attempts that were handed over are done or queued.
    pub(super) async fn finish(&self) {
        for counter in self.counters.values() {
            counter.finish().await;
        }
    }
}

impl Worker {
    pub(super) async fn handed(&self, class: WorkClass, handed: &Handed) {
        failpoint::pass(failpoint::FETCHED);
        // A process that was stopped in between: what it has not begun is another's.
        if !handed.giver.lease.is_valid() {
            return;
        }
        let item = &handed.item;
        // Nobody may want any more what has waited long: its execution, its agent or its body went on without it.
        if handed.since.elapsed() > FRESH && !self.is_held(item).await {
            if class == WorkClass::Flow {
                flow::cancel(&self.bus, item).await;
            }
            return;
        }
        let (id, now) = (item.execution_id, Instant::now());
        handed.giver.begun.note(id, &item.node, item.attempt, now);
        failpoint::pass(failpoint::CLAIMED);
        tokio::select! {
            () = self.carry_out(class, item, &handed.cuttable) => {}
            () = self.hold(item, &handed.giver.lease) => {
                if class == WorkClass::Flow {
                    flow::cancel(&self.bus, item).await;
                }
            }
        }
    }

    /// Tells the owners that follow; returns when the attempt is no longer wanted.
    async fn hold(&self, item: &WorkItem, lease: &Held) {
        lease.lost().await;
        while self.is_held(item).await {
            tokio::time::sleep(HOLD).await;
        }
    }

    /// Whether the owner leaves the attempt to this worker. Asks until one answers.
    async fn is_held(&self, item: &WorkItem) -> bool {
        let hold = Hold {
            tenant: item.tenant,
            execution_id: item.execution_id,
            node: item.node.clone(),
            attempt: item.attempt,
        };
        loop {
            match self.bus.ask_owner(&hold, ANSWER).await {
                Ok(()) => return true,
                Err(problem) if problem.code == ErrorCode::NotFound => return false,
                Err(problem) => {
                    tracing::debug!(%problem, execution.id = %item.execution_id, "no owner answers yet");
                }
            }
            tokio::time::sleep(RETRY).await;
        }
    }
}
