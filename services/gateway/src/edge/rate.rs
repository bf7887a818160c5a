//! How much one organization, or one address without a token, may ask.
//!
//! **Invariant:** the address is the peer's own: headers that name another one are not believed. Cancelling is never
//! throttled.

use std::{
    net::{IpAddr, Ipv6Addr},
    num::NonZeroU32,
    sync::atomic::{AtomicU64, Ordering},
};

use contracts::{ErrorCode, Problem, id::TenantId};
use governor::{
    Quota, RateLimiter,
    clock::{Clock, DefaultClock},
    middleware::StateInformationMiddleware,
    state::keyed::DefaultKeyedStateStore,
};
use poem::{Request, Response, http::HeaderValue};

use crate::Config;

type Limiter<K> =
    RateLimiter<K, DefaultKeyedStateStore<K>, DefaultClock, StateInformationMiddleware>;

/// Keys that have been idle are forgotten after this many requests.
const SWEEP_EVERY: u64 = 4096;

pub(crate) struct Limits {
    tenants: Bucket<TenantId>,
    addresses: Bucket<IpAddr>,
    seen: AtomicU64,
}

struct Bucket<K: std::hash::Hash + Eq + Clone> {
    name: &'static str,
    limiter: Limiter<K>,
    burst: NonZeroU32,
    window_seconds: u32,
}

/// What is left, for the headers `RateLimit` and `RateLimit-Policy` (draft-ietf-httpapi-ratelimit-headers-10).
#[derive(Clone, Copy)]
pub(crate) struct State {
    name: &'static str,
    burst: u32,
    window_seconds: u32,
    remaining: u32,
    reset_seconds: u64,
}

impl Limits {
    pub(crate) fn new(config: &Config) -> Self {
        let burst = config
            .rate_per_tenant
            .saturating_mul(NonZeroU32::MIN.saturating_add(1));
        let per_tenant = Quota::per_second(config.rate_per_tenant).allow_burst(burst);
        let per_address = Quota::per_minute(config.rate_per_address);
        Self {
            tenants: Bucket::new("tenant", per_tenant, 1),
            addresses: Bucket::new("address", per_address, 60),
            seen: AtomicU64::new(0),
        }
    }

    /// Takes one request from the bucket of the tenant, or of the address. None for what is not limited.
    ///
    /// # Errors
    /// `rate_limited`, with the time after which to try again.
    pub(crate) fn check(
        &self,
        request: &Request,
        tenant: Option<TenantId>,
    ) -> Result<Option<State>, (Problem, State)> {
        let path = request.uri().path();
        if matches!(path, "/healthz" | "/readyz" | "/metrics") {
            return Ok(None);
        }
        self.sweep();
        match tenant {
            Some(_) if path.ends_with("/cancel") => Ok(None),
            Some(tenant) => self.tenants.take(&tenant).map(Some),
            None => self.addresses.take(&network_of(request)).map(Some),
        }
    }

    /// Takes one frame of a socket from the tenant's bucket.
    ///
    /// # Errors
    /// `rate_limited`.
    pub(crate) fn take(&self, tenant: TenantId) -> Result<(), Problem> {
        self.sweep();
        let taken = self.tenants.take(&tenant);
        taken.map(drop).map_err(|(problem, _)| problem)
    }

    fn sweep(&self) {
        if self.seen.fetch_add(1, Ordering::Relaxed) % SWEEP_EVERY == SWEEP_EVERY - 1 {
            self.tenants.limiter.retain_recent();
            self.addresses.limiter.retain_recent();
        }
    }
}

impl<K: std::hash::Hash + Eq + Clone> Bucket<K> {
    fn new(name: &'static str, quota: Quota, window_seconds: u32) -> Self {
        Self {
            name,
            limiter: RateLimiter::keyed(quota).with_middleware(),
            burst: quota.burst_size(),
            window_seconds,
        }
    }

    fn take(&self, key: &K) -> Result<State, (Problem, State)> {
        match self.limiter.check_key(key) {
            Ok(snapshot) => Ok(self.state(snapshot.remaining_burst_capacity(), 1)),
            Err(refused) => {
                let wait = refused.wait_time_from(DefaultClock::default().now());
                let wait_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX).max(1);
                let detail = format!("too many requests of one {}", self.name);
                let problem =
                    Problem::new(ErrorCode::RateLimited, detail).with_retry_after_ms(wait_ms);
                Err((problem, self.state(0, wait_ms.div_ceil(1000))))
            }
        }
    }

    fn state(&self, remaining: u32, reset_seconds: u64) -> State {
        State {
            name: self.name,
            burst: self.burst.get(),
            window_seconds: self.window_seconds,
            remaining,
            reset_seconds,
        }
    }
}

impl State {
    pub(super) fn set(self, response: &mut Response) {
        let Self {
            name,
            burst,
            window_seconds,
            remaining,
            reset_seconds,
        } = self;
        let policy = format!("\"{name}\";q={burst};w={window_seconds}");
        let state = format!("\"{name}\";r={remaining};t={reset_seconds}");
        for (header, value) in [("ratelimit-policy", policy), ("ratelimit", state)] {
            if let Ok(value) = HeaderValue::from_str(&value) {
                response.headers_mut().insert(header, value);
            }
        }
    }
}

/// The peer's address; of IPv6 the /64, which is what one household has.
fn network_of(request: &Request) -> IpAddr {
    match request
        .remote_addr()
        .as_socket_addr()
        .map(|peer| peer.ip().to_canonical())
    {
        Some(IpAddr::V6(address)) => {
            let [a, b, c, d, ..] = address.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
        Some(address) => address,
        None => Ipv6Addr::UNSPECIFIED.into(),
    }
}
