//! The workers of one class in this process: who has a slot, and what waits for one.

use std::{
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};

use contracts::{id::TenantId, work::WorkClass};
use futures::FutureExt;
use tokio::{
    runtime::Handle,
    sync::{Notify, oneshot},
    task::JoinSet,
    time::Instant,
};

use super::{
    hands::Handed,
    pool::Worker,
    room::{Next, QUEUE, Room},
};
use crate::log::effects::enqueue;

/// How often it is looked whether others have time for what waits here.
const LOOK: Duration = Duration::from_millis(50);
/// How often it is looked what nobody wants any more.
const TIDY: Duration = Duration::from_secs(1);

pub(crate) struct Counter {
    class: WorkClass,
    worker: Worker,
    room: Mutex<Room<Waits>>,
    /// What this process does, and what it is queueing.
    attempts: Mutex<JoinSet<()>>,
    /// Something has begun to wait.
    wanted: Notify,
    runtime: Handle,
}

/// Who waits for a slot.
enum Waits {
    Attempt(Box<Handed>),
    /// One who takes from the queue.
    Taker(oneshot::Sender<Slot>),
}

/// A worker's place, until it is dropped.
pub(super) struct Slot {
    counter: Weak<Counter>,
    tenant: TenantId,
}

/// Says that one who has a slot waits for the queue, until it is dropped.
pub(super) struct Idle<'a> {
    counter: &'a Counter,
    came: Option<TenantId>,
}

impl Counter {
    /// For `slots` attempts at the same time. To be made in a runtime.
    pub(super) fn new(worker: Worker, class: WorkClass, slots: usize) -> Arc<Self> {
        Arc::new(Self {
            class,
            worker,
            room: Mutex::new(Room::new(slots)),
            attempts: Mutex::default(),
            wanted: Notify::new(),
            runtime: Handle::current(),
        })
    }

    /// Takes an attempt: it begins when there is a slot for it, or is queued for one who waits elsewhere.
    ///
    /// # Errors
    /// With the attempt, when too much waits.
    pub(super) fn take(self: &Arc<Self>, handed: Box<Handed>) -> Result<(), Box<Handed>> {
        let (tenant, is_counted) = (handed.item.tenant, handed.is_counted);
        let waits = Waits::Attempt(handed);
        let mut room = self.room();
        let refused = if is_counted {
            room.enter_counted(tenant, waits)
        } else {
            room.enter(tenant, waits)
        };
        drop(room);
        match refused {
            Err(Waits::Attempt(handed)) => return Err(handed),
            Ok(()) | Err(Waits::Taker(_)) => self.go_on(),
        }
        Ok(())
    }

    /// A slot for what the queue gives; none when there are no workers any more.
    pub(super) async fn slot(self: &Arc<Self>) -> Option<Slot> {
        let (give, given) = oneshot::channel();
        self.room().enter(QUEUE, Waits::Taker(give)).ok()?;
        self.go_on();
        given.await.ok()
    }

    /// One who has a slot waits for the queue now.
    pub(super) fn idle(self: &Arc<Self>) -> Idle<'_> {
        self.room().wait();
        self.go_on();
        Idle {
            counter: self,
            came: None,
        }
    }

    /// Lets what waits here be queued, as far as someone waits for the queue in another process. A queued item is stored twice:
    /// for what can begin here as soon, that would be in vain.
    pub(super) async fn share(self: Arc<Self>) {
        let mut tidied = Instant::now();
        loop {
            if !self.room().is_wanted() {
                self.wanted.notified().await;
                continue;
            }
            let idle = self.room().idle();
            match self.worker.bus.idle_workers(self.class).await {
                Ok(waiting) => self.room().looked(waiting, idle),
                Err(error) => {
                    tracing::debug!(%error, class = ?self.class, "what waits is not shared");
                }
            }
            if tidied.elapsed() >= TIDY {
                tidied = Instant::now();
                self.room().retain(Waits::is_wanted);
            }
            self.go_on();
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Queues what waits; returns when all that was handed over is done.
    pub(super) async fn finish(self: &Arc<Self>) {
        let waiting = self.room().clear();
        for waits in waiting {
            if let Waits::Attempt(handed) = waits {
                self.queue(handed);
            }
        }
        loop {
            let mut attempts = std::mem::take(&mut *self.attempts());
            if attempts.is_empty() {
                return;
            }
            while attempts.join_next().await.is_some() {}
        }
    }

    /// Begins what can begin, and queues what is to be queued.
    fn go_on(self: &Arc<Self>) {
        loop {
            // Bound before it is matched: what follows may come here again.
            let next = self.room().next();
            match next {
                Some(Next::Begin(tenant, waits)) => {
                    let counter = Arc::downgrade(self);
                    self.begin(Slot { counter, tenant }, waits);
                }
                Some(Next::Queue(Waits::Attempt(handed))) => self.queue(handed),
                Some(Next::Queue(Waits::Taker(_))) => {}
                None => break,
            }
        }
        if self.room().is_wanted() {
            self.wanted.notify_one();
        }
    }

    fn begin(&self, slot: Slot, waits: Waits) {
        let handed = match waits {
            // Who does not wait any more gives it back.
            Waits::Taker(give) => return drop(give.send(slot)),
            Waits::Attempt(handed) => handed,
        };
        let (worker, class) = (self.worker.clone(), self.class);
        self.spawn(async move {
            let attempt = Box::pin(worker.handed(class, &handed));
            if AssertUnwindSafe(attempt).catch_unwind().await.is_err() {
                // Where workers that break down are counted.
                enqueue(&worker.bus, class, &handed.item).await;
            }
            drop(slot);
        });
    }

    fn queue(&self, handed: Box<Handed>) {
        let (worker, class) = (self.worker.clone(), self.class);
        self.spawn(async move {
            let _permit = handed.giver.queueing.acquire().await;
            // The owners that follow give it to another.
            if handed.giver.lease.is_valid() {
                enqueue(&worker.bus, class, &handed.item).await;
            }
        });
    }

    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let mut attempts = self.attempts();
        while attempts.try_join_next().is_some() {}
        attempts.spawn_on(task, &self.runtime);
    }

    fn room(&self) -> MutexGuard<'_, Room<Waits>> {
        self.room.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn attempts(&self) -> MutexGuard<'_, JoinSet<()>> {
        self.attempts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waits {
    fn is_wanted(&self) -> bool {
        match self {
            Self::Attempt(handed) => handed.giver.lease.is_valid(),
            Self::Taker(give) => !give.is_closed(),
        }
    }
}

impl Idle<'_> {
    /// What came for the one who has the slot is this organization's.
    pub(super) fn came(mut self, slot: &mut Slot, tenant: TenantId) {
        self.counter.room().charge(tenant);
        slot.tenant = tenant;
        self.came = Some(tenant);
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        if let Some(counter) = self.counter.upgrade() {
            counter.room().leave(self.tenant);
            counter.go_on();
        }
    }
}

impl Drop for Idle<'_> {
    fn drop(&mut self) {
        self.counter.room().waited(self.came);
    }
}
