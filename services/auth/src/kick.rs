//! Ends the NATS connections of integrators whose token has been revoked.
//!
//! A process knows the connections that it let in itself; those of a process that is gone end with their token.

use std::time::Duration;

use bus::{Bucket, Bus, Call, Change};
use chrono::Utc;
use contracts::{Subject, subject::Token};
use futures::StreamExt;
use kernel::TaskCtx;

use crate::{State, domain::connections::Connection};

/// The pause before a broken watch is opened again.
const REOPEN: Duration = Duration::from_millis(500);
/// How long a server may take to obey.
const ANSWER: Duration = Duration::from_secs(2);

pub(crate) async fn run(tasks: TaskCtx<State>) {
    if tasks.state.issuer.is_none() {
        tasks.stop.cancelled().await;
        return;
    }
    while tasks
        .stop
        .run_until_cancelled(follow(&tasks))
        .await
        .is_some()
    {}
}

/// Follows the revocations until the watch breaks.
async fn follow(tasks: &TaskCtx<State>) {
    let changes = async { tasks.bus.kv(Bucket::Revocations).await?.watch_all().await }.await;
    match changes {
        Ok(mut changes) => {
            while let Some(Ok(change)) = changes.next().await {
                apply(tasks, change).await;
            }
        }
        Err(error) => tracing::warn!(%error, "revocations cannot be followed"),
    }
    tokio::time::sleep(REOPEN).await;
}

async fn apply(tasks: &TaskCtx<State>, change: Change) {
    let Change::Put { key, value } = change else {
        return;
    };
    let at = std::str::from_utf8(&value)
        .ok()
        .and_then(|text| text.parse().ok());
    // An unreadable time revokes, as it does in every kernel.
    let at = at.unwrap_or_else(|| u64::try_from(Utc::now().timestamp_millis()).unwrap_or(u64::MAX));
    let met = tasks
        .state
        .connections
        .lock()
        .expect("no one panics with this lock")
        .revoke(&key, at);
    for connection in met {
        kick(&tasks.bus, &connection).await;
    }
}

async fn kick(bus: &Bus, connection: &Connection) {
    let Some(server) = Token::new(&connection.server) else {
        return;
    };
    let order = serde_json::json!({ "cid": connection.number }).to_string();
    let call = Call {
        token: None,
        deadline: ANSWER,
    };
    // The server obeys only who waits for its answer.
    match bus
        .call_raw(&Subject::kick(&server), order.into_bytes(), call)
        .await
    {
        Ok(_) => tracing::info!("the NATS connection of a revoked token has been ended"),
        Err(problem) => {
            tracing::warn!(%problem, "the NATS connection of a revoked token could not be ended");
        }
    }
}
