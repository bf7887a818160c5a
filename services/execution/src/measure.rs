//! Where the time of the owners goes, counted over the life of the process: for benchmarks and metrics.

use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

pub(crate) static TAKING: AtomicU64 = AtomicU64::new(0);
static COMMITTING: AtomicU64 = AtomicU64::new(0);
static COMMITS: AtomicU64 = AtomicU64::new(0);
static RECORDS: AtomicU64 = AtomicU64::new(0);
static BYTES: AtomicU64 = AtomicU64::new(0);
pub(crate) static PARKED: AtomicU64 = AtomicU64::new(0);
pub(crate) static WOKEN: AtomicU64 = AtomicU64::new(0);
pub(crate) static ENCODING: AtomicU64 = AtomicU64::new(0);
pub(crate) static PERFORMING: AtomicU64 = AtomicU64::new(0);

/// Sums since the process began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Measured {
    /// Batches stored.
    pub commits: u64,
    /// Records in them.
    pub records: u64,
    /// Bytes of their messages.
    pub bytes: u64,
    /// Executions that left memory because they wait.
    pub parked: u64,
    /// Those that came back.
    pub woken: u64,
    /// From handing a batch to NATS to its acknowledgement.
    pub committing: Duration,
    /// Reading requests and applying the core, encoding included.
    pub taking: Duration,
    /// Writing records as JSON.
    pub encoding: Duration,
    /// Sending answers, live frames and whatever else became due.
    pub performing: Duration,
}

/// The sums at this moment.
pub fn measured() -> Measured {
    let time = |nanos: &AtomicU64| Duration::from_nanos(nanos.load(Relaxed));
    Measured {
        commits: COMMITS.load(Relaxed),
        records: RECORDS.load(Relaxed),
        bytes: BYTES.load(Relaxed),
        parked: PARKED.load(Relaxed),
        woken: WOKEN.load(Relaxed),
        committing: time(&COMMITTING),
        taking: time(&TAKING),
        encoding: time(&ENCODING),
        performing: time(&PERFORMING),
    }
}

impl Measured {
    /// What was added since `earlier`.
    #[must_use]
    pub fn since(self, earlier: Self) -> Self {
        Self {
            commits: self.commits - earlier.commits,
            records: self.records - earlier.records,
            bytes: self.bytes - earlier.bytes,
            parked: self.parked - earlier.parked,
            woken: self.woken - earlier.woken,
            committing: self.committing - earlier.committing,
            taking: self.taking - earlier.taking,
            encoding: self.encoding - earlier.encoding,
            performing: self.performing - earlier.performing,
        }
    }
}

pub(crate) fn add(sum: &AtomicU64, time: Duration) {
    // 2^64 nanoseconds are more than five hundred years.
    sum.fetch_add(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX), Relaxed);
}

pub(crate) fn count(sum: &AtomicU64) {
    sum.fetch_add(1, Relaxed);
}

pub(crate) fn committed(time: Duration, bytes: usize) {
    COMMITS.fetch_add(1, Relaxed);
    BYTES.fetch_add(bytes as u64, Relaxed);
    add(&COMMITTING, time);
}

pub(crate) fn encoded(time: Duration, records: usize) {
    RECORDS.fetch_add(records as u64, Relaxed);
    add(&ENCODING, time);
}
