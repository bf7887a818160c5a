//! What must be done from time to time: publish the keys again, forget what is over.

use std::time::Duration;

use chrono::Utc;
use kernel::TaskCtx;

use crate::{Error, State, domain::SESSION_LIFETIME, keys};

/// A bus that lost its store has the keys back after this time.
const EVERY: Duration = Duration::from_secs(60);

pub(crate) async fn run(tasks: TaskCtx<State>) {
    while tasks
        .stop
        .run_until_cancelled(tokio::time::sleep(EVERY))
        .await
        .is_some()
    {
        if let Err(error) = once(&tasks).await {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "housekeeping of sessions and keys was not done"
            );
        }
    }
}

async fn once(tasks: &TaskCtx<State>) -> Result<(), Error> {
    let (store, now) = (&tasks.state.store, Utc::now());
    let seconds = u64::try_from(now.timestamp()).unwrap_or_default();
    tasks
        .state
        .connections
        .lock()
        .expect("no one panics with this lock")
        .forget(seconds);
    keys::publish(&tasks.bus, store, now).await?;
    store.forget_sessions(now - SESSION_LIFETIME).await?;
    store.forget_old_tries(now).await?;
    Ok(())
}
