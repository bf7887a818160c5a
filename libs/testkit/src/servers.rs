//! Where the servers of this test run are.

use std::{
    env,
    sync::mpsc::{self, RecvTimeoutError},
    time::Duration,
};

/// How long a clean-up may keep a test waiting.
const PATIENCE: Duration = Duration::from_secs(1);

/// The value of an environment variable that `cargo xtask test` sets.
///
/// # Panics
/// When it is not set: a test without its server must fail, not pass.
pub(crate) fn from_environment(variable: &str) -> String {
    env::var(variable)
        .unwrap_or_else(|_| panic!("`{variable}` is not set: run `cargo xtask test`, or source the lines that `cargo xtask servers` prints"))
}

/// Runs clean-up that should not be left behind, also from within a runtime:
/// `Drop` cannot await, so the work gets a thread and a runtime of its own.
/// Failure is reported, not raised, because a panic in `Drop` would hide the
/// assertion that failed.
///
/// It is waited for only shortly. `Drop` stops the runtime it is called in, and
/// PostgreSQL drops no database while a client is half-way through signing in
/// (each backend must pass a barrier): when that client waits in the stopped
/// runtime, each would wait for the other. The command is on its way by then,
/// and the server finishes it when the client goes on or goes away.
pub(crate) fn clean_up_on_drop<F>(what: &str, cleanup: F)
where
    F: Future<Output = anyhow::Result<()>> + Send + 'static,
{
    let (done, outcome) = mpsc::channel();
    let work = move || -> anyhow::Result<()> {
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?
            .block_on(cleanup)
    };
    std::thread::spawn(move || {
        // Nobody listens any more when the time was up.
        done.send(work()).ok();
    });
    match outcome.recv_timeout(PATIENCE) {
        Ok(Ok(())) | Err(RecvTimeoutError::Timeout) => {}
        Ok(Err(error)) => eprintln!("{what} was left behind: {error:#}"),
        Err(RecvTimeoutError::Disconnected) => {
            eprintln!("{what} was left behind: its clean-up panicked");
        }
    }
}
