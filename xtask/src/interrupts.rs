//! Ctrl-C and SIGTERM, as something that a waiting loop can see.
//!
//! **Invariant:** from the moment `Interrupts` exists a signal never ends this
//! process by itself; whoever waits must wait here.

use std::{
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

use anyhow::{Context, Result, bail};
use signal_hook::{
    consts::{SIGINT, SIGTERM},
    iterator::Signals,
};

/// How often the user has asked to stop.
pub(crate) struct Interrupts(Arc<Counter>);

#[derive(Default)]
struct Counter {
    seen: Mutex<u32>,
    changed: Condvar,
}

impl Interrupts {
    pub(crate) fn listen() -> Result<Self> {
        let mut source = Signals::new([SIGINT, SIGTERM]).context("cannot listen to signals")?;
        let counter = Arc::new(Counter::default());
        let shared = Arc::clone(&counter);
        thread::spawn(move || {
            for _signal in source.forever() {
                *shared.lock() += 1;
                shared.changed.notify_all();
            }
        });
        Ok(Self(counter))
    }

    /// How many signals have come since the beginning.
    pub(crate) fn count(&self) -> u32 {
        *self.0.lock()
    }

    /// Waits for at most `time`, and says whether more than `known` signals have
    /// come since the beginning.
    pub(crate) fn more_than(&self, known: u32, time: Duration) -> bool {
        let seen = self.0.lock();
        let (seen, _) = self
            .0
            .changed
            .wait_timeout_while(seen, time, |seen| *seen <= known)
            .unwrap_or_else(PoisonError::into_inner);
        *seen > known
    }

    /// Waits, and fails when the user has ever asked to stop.
    pub(crate) fn pause(&self, time: Duration) -> Result<()> {
        if self.more_than(0, time) {
            bail!("interrupted");
        }
        Ok(())
    }
}

impl Counter {
    fn lock(&self) -> MutexGuard<'_, u32> {
        // A number is whole whoever panicked while holding it.
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
