//! One line per step with its time, and a sign of life while it lasts.

use std::{
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use anyhow::Result;

const SIGN_OF_LIFE: Duration = Duration::from_secs(15);

/// Runs `work` and reports how long it took.
pub(crate) fn step<T>(what: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
    let started = Instant::now();
    let (finished, watch) = mpsc::channel::<()>();
    let name = what.to_owned();
    let ticker = thread::spawn(move || {
        while let Err(mpsc::RecvTimeoutError::Timeout) = watch.recv_timeout(SIGN_OF_LIFE) {
            eprintln!("  … {name}: {} s so far", started.elapsed().as_secs());
        }
    });
    let result = work();
    drop(finished);
    // The ticker holds nothing: that it panicked would not matter.
    ticker.join().ok();
    let seconds = started.elapsed().as_secs_f64();
    match &result {
        Ok(_) => eprintln!("✓ {what} ({seconds:.1} s)"),
        Err(_) => eprintln!("✗ {what} ({seconds:.1} s)"),
    }
    result
}
