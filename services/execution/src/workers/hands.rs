//! Attempts that begin in the process of their owner: they need no queue.
//!
//! **Invariant:** an attempt that was handed over stays with its worker, or goes into the queue before one has it. While the owner that gave it has its lease, nobody
//! else is given it; the owners that follow hear every quarter of a second that it is in hand.

use std::{
    collections::HashMap,
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, Weak},
    time::Duration,
};

use bus::Bus;
use contracts::{
    ErrorCode,
    owner::Hold,
    work::{WorkClass, WorkItem},
};
use futures::FutureExt;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    task::JoinSet,
};

use super::{
    cuts::Cuttable,
    flow,
    pool::{ANSWER, RETRY, Worker},
};
use crate::{
    failpoint,
    log::{effects::enqueue, lease::Held},
};

/// How often the owners that follow hear of an attempt.
const HOLD: Duration = Duration::from_millis(250);
/// How often it is looked whether others have time for what waits here.
const LOOK: Duration = Duration::from_millis(50);
/// Attempts of a class that wait here; the queue takes what is beyond.
const MAX_WAITING: usize = 20_000;

/// The way from the owners of a process to its workers, while there are any.
#[derive(Default)]
pub(crate) struct Hands(RwLock<Weak<Desk>>);

/// The workers of one class.
pub(crate) struct Counter {
    /// Shared with those who take from the queue.
    slots: Arc<Semaphore>,
    /// Places to wait for a slot.
    places: Arc<Semaphore>,
    /// What may be queued, because someone waits for the queue.
    offers: Semaphore,
}

/// What an attempt has that is handed over.
enum Place {
    Slot(OwnedSemaphorePermit),
    Waits(Arc<Counter>, OwnedSemaphorePermit),
}

/// The workers of a process, and the attempts that they were handed.
pub(crate) struct Desk {
    worker: Worker,
    counters: HashMap<WorkClass, Arc<Counter>>,
    attempts: Mutex<JoinSet<()>>,
}

impl Hands {
    /// From now on the owners of this process may hand over.
    pub(crate) fn open(
        &self,
        worker: Worker,
        counters: HashMap<WorkClass, Arc<Counter>>,
    ) -> Arc<Desk> {
        let desk = Arc::new(Desk {
            worker,
            counters,
            attempts: Mutex::default(),
        });
        self.set(Arc::downgrade(&desk));
        desk
    }

    /// From now on everything goes into the queues.
    pub(crate) fn close(&self) {
        self.set(Weak::new());
    }

    /// Lets a worker begin the attempt, as soon as one is free; queues it where those of other processes have time before, with
    /// one of the permits `queueing`.
    ///
    /// # Errors
    /// With the item, when there are no workers or too many attempts wait for them.
    pub(crate) fn give(
        &self,
        class: WorkClass,
        item: Box<WorkItem>,
        lease: &Arc<Held>,
        queueing: &Arc<Semaphore>,
    ) -> Result<(), Box<WorkItem>> {
        let desk = self
            .0
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .upgrade();
        let Some(desk) = desk else { return Err(item) };
        let Some(place) = desk.place(class) else {
            return Err(item);
        };
        // Before anything else happens to the execution: a cancel that follows meets this attempt.
        let cuttable = desk.worker.cuts.register(item.tenant, item.execution_id);
        let (worker, lease, queueing) = (desk.worker.clone(), lease.clone(), queueing.clone());
        let mut attempts = desk.attempts();
        while attempts.try_join_next().is_some() {}
        attempts.spawn(async move {
            let slot = tokio::select! {
                biased;
                // The owners that follow give it to another: nobody says that it is in hand.
                () = lease.lost() => return,
                slot = place.slot() => slot,
            };
            let Some(slot) = slot else {
                let _permit = queueing.acquire().await;
                return enqueue(&worker.bus, class, &item).await;
            };
            // Made now: those that wait for a slot need none of its room.
            let attempt = Box::pin(worker.handed(class, &item, &cuttable, &lease));
            if AssertUnwindSafe(attempt).catch_unwind().await.is_err() {
                // Where workers that break down are counted.
                enqueue(&worker.bus, class, &item).await;
            }
            drop(slot);
        });
        Ok(())
    }

    fn set(&self, desk: Weak<Desk>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = desk;
    }
}

impl Desk {
    /// Returns when all attempts that were handed over are done.
    pub(crate) async fn finish(&self) {
        let mut attempts = std::mem::take(&mut *self.attempts());
        while attempts.join_next().await.is_some() {}
    }

    /// A free slot, or a place to wait for one.
    fn place(&self, class: WorkClass) -> Option<Place> {
        let counter = self.counters.get(&class)?;
        if let Ok(slot) = counter.slots.clone().try_acquire_owned() {
            return Some(Place::Slot(slot));
        }
        let place = counter.places.clone().try_acquire_owned().ok()?;
        Some(Place::Waits(counter.clone(), place))
    }

    fn attempts(&self) -> MutexGuard<'_, JoinSet<()>> {
        self.attempts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// None where it is to be queued. First come, first served, those who take from the queue among them.
    async fn slot(self) -> Option<OwnedSemaphorePermit> {
        let (counter, _place) = match self {
            Self::Slot(slot) => return Some(slot),
            Self::Waits(counter, place) => (counter, place),
        };
        tokio::select! {
            biased;
            slot = counter.slots.clone().acquire_owned() => slot.ok(),
            offer = counter.offers.acquire() => {
                offer.ok()?.forget();
                None
            }
        }
    }
}

impl Counter {
    pub(super) fn new(slots: usize) -> Self {
        Self {
            slots: Arc::new(Semaphore::new(slots)),
            places: Arc::new(Semaphore::new(MAX_WAITING)),
            offers: Semaphore::new(0),
        }
    }

    pub(super) fn slots(&self) -> &Arc<Semaphore> {
        &self.slots
    }

    /// Lets what waits here be queued, as far as someone waits for the queue. A queued item is stored twice: for what can
    /// begin here as soon, that would be in vain.
    pub(super) async fn share(&self, bus: &Bus, class: WorkClass) {
        loop {
            tokio::time::sleep(LOOK).await;
            if self.places.available_permits() == MAX_WAITING {
                continue;
            }
            match bus.idle_workers(class).await {
                Ok(idle) => {
                    self.offers.forget_permits(self.offers.available_permits());
                    self.offers.add_permits(idle);
                }
                Err(error) => tracing::debug!(%error, ?class, "what waits is not shared"),
            }
        }
    }
}

impl Worker {
    async fn handed(&self, class: WorkClass, item: &WorkItem, cuttable: &Cuttable, lease: &Held) {
        failpoint::pass(failpoint::FETCHED);
        // A process that was stopped in between: what it has not begun is another's.
        if !lease.is_valid() {
            return;
        }
        failpoint::pass(failpoint::CLAIMED);
        tokio::select! {
            () = self.carry_out(class, item, cuttable) => {}
            () = self.hold(item, lease) => {
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
