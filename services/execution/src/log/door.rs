//! Where requests arrive, beside the owner's loop: each is put in the queue of its organization or refused at once, however
//! busy the owner is.
//!
//! **Invariant:** only starts are refused: whatever was begun can always go on.

use std::{
    iter,
    num::NonZeroU32,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use bus::{Bus, Incoming, Subscription, timeout_in};
use contracts::{ErrorCode, Problem, id::TenantId, owner::OwnerKind};
use futures::{FutureExt, StreamExt};
use governor::{
    DefaultKeyedRateLimiter, Quota,
    clock::{Clock, DefaultClock},
};
use serde::{Deserialize, de::IgnoredAny};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::{intake::Intake, partition};

/// Requests that are put in their queues at once.
const AT_ONCE: usize = 2048;
/// Requests of one organization that wait for a partition; its starts beyond are refused.
const MAX_WAITING: usize = 4096;
/// After so many requests, organizations that have started nothing for a while are forgotten.
const SWEEP_EVERY: usize = 65_536;

/// How much is let in.
#[derive(Clone, Copy)]
pub(crate) struct Room {
    /// Executions that are not over and starts that wait, together.
    pub(crate) open_executions: usize,
    /// Starts of one organization a second; none: as many as there are.
    pub(crate) starts_per_second: Option<NonZeroU32>,
}

pub(crate) struct Door {
    bus: Bus,
    room: Room,
    rates: Option<DefaultKeyedRateLimiter<TenantId>>,
    waiting: Mutex<Intake<Arrived>>,
    /// Executions that the owner has open.
    open: AtomicUsize,
    /// Starts among what waits.
    starts: AtomicUsize,
    /// Nothing comes any more.
    closed: AtomicBool,
    news: Notify,
}

/// A request in its queue.
pub(crate) struct Arrived {
    pub(crate) incoming: Incoming,
    is_start: bool,
    /// When its sender stops waiting, where it makes no difference that it never was.
    until: Option<Instant>,
}

impl Arrived {
    /// Whether it makes sense to do it.
    pub(crate) fn is_awaited(&self) -> bool {
        self.until.is_none_or(|until| Instant::now() < until)
    }
}

/// What a request is looked at for before it waits.
#[derive(Deserialize)]
struct Glance {
    tenant: TenantId,
    /// What a running execution begins is part of it.
    parent: Option<IgnoredAny>,
}

impl Door {
    pub(crate) fn new(bus: Bus, room: Room) -> Self {
        let rates = room.starts_per_second.map(|rate| {
            let burst = rate.saturating_mul(NonZeroU32::MIN.saturating_add(1));
            DefaultKeyedRateLimiter::keyed(Quota::per_second(rate).allow_burst(burst))
        });
        Self {
            bus,
            room,
            rates,
            waiting: Mutex::default(),
            open: AtomicUsize::new(0),
            starts: AtomicUsize::new(0),
            closed: AtomicBool::new(false),
            news: Notify::new(),
        }
    }

    /// Lets in what comes until the subscription ends; from `stop` on it takes nothing new.
    pub(crate) async fn keep(self: Arc<Self>, mut requests: Subscription, stop: CancellationToken) {
        let mut seen = 0;
        loop {
            let first = tokio::select! {
                () = stop.cancelled() => break,
                first = requests.next() => first,
            };
            let Some(first) = first else {
                return self.close();
            };
            seen += self.let_in(first, &mut requests).await;
            if let Some(rates) = self.rates.as_ref().filter(|_| seen > SWEEP_EVERY) {
                rates.retain_recent();
                seen = 0;
            }
        }
        if let Err(error) = requests.stop().await {
            tracing::debug!(%error, "a subscription was not ended");
        }
        while let Some(first) = requests.next().await {
            self.let_in(first, &mut requests).await;
        }
        self.close();
    }

    /// Lets a request in, and those that have arrived behind it; their number.
    async fn let_in(&self, first: Incoming, requests: &mut Subscription) -> usize {
        let more = iter::from_fn(|| requests.next().now_or_never().flatten());
        let arrived: Vec<Incoming> = iter::once(first).chain(more.take(AT_ONCE)).collect();
        let seen = arrived.len();
        let refused: Vec<_> = {
            let mut waiting = self.waiting();
            let refused = arrived
                .into_iter()
                .filter_map(|incoming| self.put(&mut waiting, incoming).err());
            refused.collect()
        };
        self.news.notify_one();
        for refusal in refused {
            let (incoming, problem) = *refusal;
            // Who asked waits in vain then, and asks again.
            if let Err(error) = self.bus.reply::<()>(&incoming, Err(&problem)).await {
                tracing::debug!(%error, "a start was refused without a word");
            }
        }
        seen
    }

    /// Puts a request in the queue of its organization.
    ///
    /// # Errors
    /// With the request, when it is a start for which there is no room.
    fn put(
        &self,
        waiting: &mut Intake<Arrived>,
        incoming: Incoming,
    ) -> Result<(), Box<(Incoming, Problem)>> {
        let kind = incoming.subject().rsplit('.').next();
        let is_start = kind.and_then(OwnerKind::parse) == Some(OwnerKind::Start);
        let glance = serde_json::from_slice::<Glance>(incoming.payload());
        // What names nobody is refused in its turn.
        let tenant = glance
            .as_ref()
            .map_or(TenantId::PLATFORM, |glance| glance.tenant);
        let is_part = glance.is_ok_and(|glance| glance.parent.is_some());
        if is_start && let Err(problem) = self.has_room(waiting, tenant, is_part) {
            return Err(Box::new((incoming, problem)));
        }
        let wait = timeout_in(incoming.headers()).filter(|_| is_start);
        let until = wait.and_then(|wait: Duration| Instant::now().checked_add(wait));
        let bytes = incoming.payload().len();
        let arrived = Arrived {
            incoming,
            is_start,
            until,
        };
        waiting.push(tenant, bytes, arrived);
        self.starts.fetch_add(is_start.into(), Ordering::Relaxed);
        Ok(())
    }

    fn has_room(
        &self,
        waiting: &Intake<Arrived>,
        tenant: TenantId,
        is_part: bool,
    ) -> Result<(), Problem> {
        let open = self.open.load(Ordering::Relaxed);
        let room = partition::room_of(self.room.open_executions, is_part);
        if open + self.starts.load(Ordering::Relaxed) >= room {
            return Err(partition::full());
        }
        if waiting.waiting(tenant) >= MAX_WAITING {
            let text = "too many requests of the organization wait at present";
            let problem = Problem::new(ErrorCode::Unavailable, text).with_reason("busy");
            return Err(problem.with_retry_after_ms(1000));
        }
        let Some(rates) = self.rates.as_ref().filter(|_| !is_part) else {
            return Ok(());
        };
        rates.check_key(&tenant).map_err(|until| {
            let wait = until.wait_time_from(DefaultClock::default().now());
            let text = "the organization starts more executions a second than it may";
            let problem = Problem::new(ErrorCode::RateLimited, text).with_reason("too_many_starts");
            // All who are refused now would otherwise come back at the same moment as the first.
            problem.with_retry_after_ms(
                u64::try_from(wait.as_millis())
                    .unwrap_or(u64::MAX)
                    .max(1000),
            )
        })
    }

    fn waiting(&self) -> MutexGuard<'_, Intake<Arrived>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn close(&self) {
        self.closed.store(true, Ordering::Release);
        self.news.notify_one();
    }

    /// Returns when something came, or nothing will any more.
    pub(crate) async fn news(&self) {
        self.news.notified().await;
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.waiting().len() == 0
    }

    /// The request whose turn it is.
    pub(crate) fn take(&self) -> Option<Arrived> {
        let arrived = self.waiting().pop()?;
        self.starts
            .fetch_sub(arrived.is_start.into(), Ordering::Relaxed);
        Some(arrived)
    }

    /// Tells how many executions are open.
    pub(crate) fn opened(&self, executions: usize) {
        self.open.store(executions, Ordering::Relaxed);
    }
}
