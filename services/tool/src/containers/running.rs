//! Where the containers of this instance are kept count of, from their making to their removal.
//!
//! **Invariant:** a container that was made is removed when its [`Container`] is dropped, however that comes about. Its
//! streams are dropped first: the engine may wait for their reader before it lets a container end.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use bollard::container::AttachContainerResults;
use contracts::id::TenantId;
use tokio::{
    runtime::Handle,
    sync::{Semaphore, SemaphorePermit, oneshot},
    task::JoinSet,
};

use crate::{
    containers::{
        config::Config,
        engine::Engine,
        pool::{Kind, Pool},
        process,
        profile::{self, Owner},
        session::Session,
        sessions::Sessions,
        unavailable,
    },
    failure::Failure,
};

pub(super) struct Yard {
    pub(super) engine: Engine,
    pub(super) group: String,
    pub(super) instance: String,
    places: u32,
    permits: Semaphore,
    pool: Mutex<Pool<Container>>,
    sessions: Mutex<Sessions>,
    live: Mutex<HashSet<String>>,
    tasks: Mutex<JoinSet<()>>,
}

impl Yard {
    pub(super) fn new(config: &Config) -> Self {
        Self {
            engine: Engine::new(&config.container_engine),
            group: config.container_group.clone(),
            instance: process::name(),
            places: u32::from(config.containers),
            permits: Semaphore::new(usize::from(config.containers)),
            pool: Mutex::new(Pool::new(config)),
            sessions: Mutex::new(Sessions::new(config)),
            live: Mutex::default(),
            tasks: Mutex::default(),
        }
    }

    /// A place to run a container.
    pub(super) async fn permit(&self) -> Result<SemaphorePermit<'_>, Failure> {
        self.permits
            .acquire()
            .await
            .map_err(|_| unavailable("the service stops"))
    }

    /// One that waits, or a new one.
    pub(super) async fn container(self: &Arc<Self>, kind: &Kind) -> Result<Container, Failure> {
        let kept = lock(&self.pool).take(kind);
        if let Some(kept) = kept
            && let Ok(mut container) = kept.await
        {
            container.was_kept = true;
            return Ok(container);
        }
        self.fresh(kind).await
    }

    /// A new one, started in a task: a caller that gives up half-way leaves a
    /// container that is known, and so removed.
    pub(super) async fn fresh(self: &Arc<Self>, kind: &Kind) -> Result<Container, Failure> {
        let (sender, receiver) = oneshot::channel();
        let (yard, kind) = (Arc::clone(self), kind.clone());
        self.spawn(async move {
            // What nobody waits for any more is dropped here.
            drop(sender.send(yard.start(&kind).await));
        });
        receiver
            .await
            .map_err(|_| unavailable("the service stops"))?
    }

    /// Starts, in the background, what the pool lacks.
    pub(super) fn refill(self: &Arc<Self>, kind: &Kind) {
        loop {
            let place = lock(&self.pool).reserve(kind);
            let Some(place) = place else { return };
            let (yard, kind) = (Arc::clone(self), kind.clone());
            self.spawn(async move {
                match yard.start(&kind).await {
                    // A place that is given up drops it.
                    Ok(container) => drop(place.send(container)),
                    Err(failure) => {
                        tracing::debug!(error = %failure, "cannot keep a container ready");
                    }
                }
            });
        }
    }

    /// A conversation that waits for its next call.
    pub(super) fn take_session(&self, tenant: TenantId, kind: &Kind) -> Option<Session> {
        lock(&self.sessions).take(tenant, kind)
    }

    pub(super) fn keep_session(&self, tenant: TenantId, kind: &Kind, session: Session) {
        lock(&self.sessions).keep(tenant, kind, session);
    }

    /// Removes those that have waited for too long.
    pub(super) fn retire(&self) {
        lock(&self.pool).retire();
        lock(&self.sessions).retire();
    }

    /// Removes all that wait.
    pub(super) fn clear(&self) {
        let waiting = lock(&self.pool).close();
        drop(waiting);
        lock(&self.sessions).clear();
    }

    /// Waits for calls in hand, then removes everything, and returns when it is gone or `limit` has passed.
    pub(super) async fn close(&self, limit: Duration) {
        let finish = async {
            // Nobody closes it but we, below.
            let permits = self.permits.acquire_many(self.places).await;
            self.permits.close();
            drop(permits);
            self.clear();
            loop {
                let mut tasks = std::mem::take(&mut *lock(&self.tasks));
                if tasks.is_empty() {
                    break;
                }
                while tasks.join_next().await.is_some() {}
            }
        };
        if tokio::time::timeout(limit, finish).await.is_err() {
            tracing::warn!("containers are left for the next start to remove");
        }
    }

    /// Closes the streams of all that wait, and lets nobody remove them.
    #[cfg(test)]
    pub(super) fn forget(&self) {
        let mut waiting = lock(&self.pool).close();
        for container in &mut waiting {
            container.yard = Weak::new();
        }
    }

    pub(super) fn is_live(&self, id: &str) -> bool {
        lock(&self.live).contains(id)
    }

    async fn start(self: &Arc<Self>, kind: &Kind) -> Result<Container, Failure> {
        self.engine.check_image(kind.spec.image()).await?;
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .expect("the clock is past 1970");
        let owner = Owner {
            group: &self.group,
            instance: &self.instance,
            until: now + kind.life(),
        };
        let id = self
            .engine
            .create(profile::body(&kind.spec, &owner))
            .await?;
        lock(&self.live).insert(id.clone());
        let mut container = Container {
            yard: Arc::downgrade(self),
            id,
            io: None,
            was_kept: false,
        };
        container.io = Some(self.engine.start(&container.id).await?);
        Ok(container)
    }

    fn remove_later(self: Arc<Self>, id: String) {
        let yard = Arc::clone(&self);
        self.spawn(async move {
            if let Err(failure) = yard.engine.remove(&id).await {
                // The reaper comes back to it.
                tracing::warn!(error = %failure, "cannot remove a container");
            }
            lock(&yard.live).remove(&id);
        });
    }

    fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        // Outside of a runtime, at the very end of the process, nothing can be done any more.
        let Ok(runtime) = Handle::try_current() else {
            return;
        };
        let mut tasks = lock(&self.tasks);
        while tasks.try_join_next().is_some() {}
        tasks.spawn_on(work, &runtime);
    }
}

/// A container that was made for one call.
pub(super) struct Container {
    // The yard holds those that wait.
    yard: Weak<Yard>,
    id: String,
    io: Option<AttachContainerResults>,
    was_kept: bool,
}

impl Container {
    /// Whether it waited for its call.
    pub(super) fn was_kept(&self) -> bool {
        self.was_kept
    }

    pub(super) fn id(&self) -> &str {
        &self.id
    }

    pub(super) fn io(&mut self) -> Result<&mut AttachContainerResults, Failure> {
        self.io
            .as_mut()
            .ok_or_else(|| unavailable("the container has no streams"))
    }

    /// Drops the streams.
    pub(super) fn let_go(&mut self) {
        self.io = None;
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        self.let_go();
        if let Some(yard) = self.yard.upgrade() {
            yard.remove_later(std::mem::take(&mut self.id));
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing panics while it holds one of these locks.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
