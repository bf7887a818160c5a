//! Where the servers of this test run are.

use std::env;

/// The value of an environment variable that `cargo xtask test` sets.
///
/// # Panics
/// When it is not set: a test without its server must fail, not pass.
pub(crate) fn from_environment(variable: &str) -> String {
    env::var(variable)
        .unwrap_or_else(|_| panic!("`{variable}` is not set: run `cargo xtask test`, or source the lines that `cargo xtask servers` prints"))
}

/// Runs clean-up that must not be left behind, also from within a runtime:
/// `Drop` cannot await, so the work gets a thread and a runtime of its own.
/// Failure is reported, not raised, because a panic in `Drop` would hide the
/// assertion that failed.
pub(crate) fn block_on_drop<F>(what: &str, cleanup: F)
where
    F: Future<Output = anyhow::Result<()>> + Send + 'static,
{
    let done = std::thread::spawn(move || -> anyhow::Result<()> {
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?
            .block_on(cleanup)
    })
    .join();
    match done {
        Ok(Ok(())) => {}
        Ok(Err(error)) => eprintln!("{what} was left behind: {error:#}"),
        Err(_) => eprintln!("{what} was left behind: its clean-up panicked"),
    }
}
