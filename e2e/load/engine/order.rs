//! What the load generator is told to do, and what it tells afterwards: JSON, from process to process.

use std::time::Duration;

use contracts::Principal;
use serde::{Deserialize, Serialize};

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Order {
    pub(crate) url: String,
    pub(crate) user: Principal,
    /// Key of the definition.
    pub(crate) hash: String,
    pub(crate) work: Work,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Work {
    /// So many under way at a time; the clock of each stops at its end.
    Closed {
        concurrency: usize,
        executions: usize,
    },
    /// As [`Work::Closed`]; the answer to the start is all that is waited for.
    Begin {
        concurrency: usize,
        executions: usize,
    },
    /// Starts at a fixed rate, whatever becomes of them.
    Open { per_second: u32, seconds: u32 },
    /// As many requests of the same size to a subject that nobody serves: what the load alone takes from whoever else is
    /// on the machine.
    Knock { per_second: u32, seconds: u32 },
    /// Executions that wait until moments between two times from now.
    Timers {
        executions: usize,
        from: Duration,
        to: Duration,
    },
    /// So many WebSockets that follow one execution.
    Watch {
        gateway: String,
        watchers: usize,
        executions: usize,
    },
}

/// Of many times.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Spread {
    pub(crate) count: usize,
    pub(crate) p50_ms: f64,
    pub(crate) p99_ms: f64,
    pub(crate) max_ms: f64,
}

impl Spread {
    pub(crate) fn of(mut times: Vec<Duration>) -> Self {
        times.sort_unstable();
        let at = |share: f64| {
            let place = (times.len().saturating_sub(1)) as f64 * share;
            times
                .get(place as usize)
                .map_or(0.0, |time| time.as_secs_f64() * 1e3)
        };
        Self {
            count: times.len(),
            p50_ms: at(0.5),
            p99_ms: at(0.99),
            max_ms: at(1.0),
        }
    }
}

#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Told {
    pub(crate) seconds: f64,
    /// What ended, was accepted, fired or came in, as the work has it.
    pub(crate) done: Spread,
    /// Starts that were refused, until their answer.
    pub(crate) refused: Spread,
    /// Of [`Work::Timers`]: what fired before its time.
    pub(crate) early: usize,
}
