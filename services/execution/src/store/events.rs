//! Events of integrators and the nodes that wait for them, in the schema of their tenant.
//!
//! **Invariant:** an event ends one wait at most and a wait is ended by one event at most: whoever matches one name does it
//! alone.

use chrono::{DateTime, Utc};
use contracts::id::{ExecutionId, TenantId};
use sea_orm::{ConnectionTrait, DbBackend, FromQueryResult, Statement, Value as Sql};
use serde_json::Value;
use sql::Tenant;

use super::ExecutionStore;
use crate::{Error, domain::inline::Wanted};

/// Of the events that nobody has waited for, so many of a name are looked through, the newest.
const LOOKED_THROUGH: i64 = 1000;

/// A node that waits, or waited.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Waiting {
    pub(crate) execution: ExecutionId,
    pub(crate) node: String,
}

#[derive(FromQueryResult)]
struct WaitRow {
    execution_id: sea_orm::entity::prelude::Uuid,
    node: String,
    began_at: DateTime<Utc>,
}

#[derive(FromQueryResult)]
struct EventRow {
    id: String,
    output: String,
}

#[derive(FromQueryResult)]
struct Text {
    text: String,
}

#[derive(FromQueryResult)]
struct Taken {
    taken: bool,
}

impl ExecutionStore {
    /// Notes that a node waits, once; gives the event that ends the wait where it has come already.
    ///
    /// # Errors
    /// When the database is not available, or the tenant unknown.
    pub(crate) async fn listen(
        &self,
        tenant: TenantId,
        waiting: &Waiting,
        wanted: &Wanted,
        now: DateTime<Utc>,
    ) -> Result<Option<Value>, Error> {
        const NOTE: &str = "
            INSERT INTO event_waits (execution_id, node, name, pointer, key, began_at)
            VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (execution_id, node) DO NOTHING";
        const ENDED: &str = "
            SELECT e.id, e.output FROM event_waits w JOIN heard_events e ON e.name = w.name AND e.id = w.event_id
            WHERE w.execution_id = $1 AND w.node = $2";
        const EARLIER: &str = "
            SELECT id, output FROM (SELECT id, output, heard_at FROM heard_events
                WHERE name = $1 AND NOT taken ORDER BY heard_at DESC LIMIT $2) newest
            ORDER BY heard_at, id";
        let transaction = self.alone(tenant, &wanted.name).await?;
        let (id, node) = (waiting.execution.uuid(), waiting.node.as_str());
        let texts = [&wanted.name, &wanted.pointer, &wanted.key];
        let [name, pointer, key] = texts.map(|text| Sql::from(text.as_str()));
        let note = [
            id.into(),
            node.into(),
            name.clone(),
            pointer,
            key,
            now.into(),
        ];
        execute(&transaction, NOTE, note).await?;
        let ended: Vec<EventRow> = all(&transaction, ENDED, [id.into(), node.into()]).await?;
        if let Some(event) = ended.first() {
            return Ok(serde_json::from_str(&event.output).ok());
        }
        let earlier: Vec<EventRow> =
            all(&transaction, EARLIER, [name, LOOKED_THROUGH.into()]).await?;
        let found = earlier.into_iter().find_map(|event| {
            let output: Value = serde_json::from_str(&event.output).ok()?;
            let is_it = key_of(&output["data"], &wanted.pointer)? == wanted.key;
            is_it.then_some((event.id, output))
        });
        let output = match found {
            Some((event, output)) => {
                take(&transaction, &wanted.name, &event, waiting).await?;
                Some(output)
            }
            None => None,
        };
        transaction.commit().await?;
        Ok(output)
    }

    /// Keeps an event, once, and gives the wait that it ends: of those that match the oldest.
    ///
    /// # Errors
    /// When the database is not available, or the tenant unknown.
    pub(crate) async fn hear(
        &self,
        tenant: TenantId,
        name: &str,
        id: &str,
        output: &Value,
        now: DateTime<Utc>,
    ) -> Result<Option<Waiting>, Error> {
        const KEEP: &str = "
            INSERT INTO heard_events (name, id, output, heard_at) VALUES ($1, $2, $3, $4)
            ON CONFLICT (name, id) DO NOTHING";
        const TAKEN: &str = "SELECT taken FROM heard_events WHERE name = $1 AND id = $2";
        const ENDED: &str = "
            SELECT execution_id, node, began_at FROM event_waits WHERE name = $1 AND event_id = $2";
        let transaction = self.alone(tenant, name).await?;
        forget(&transaction, name, now).await?;
        let event: [Sql; 2] = [name.into(), id.into()];
        let [by_name, by_id] = event.clone();
        let keep = [by_name, by_id, output.to_string().into(), now.into()];
        execute(&transaction, KEEP, keep).await?;
        let taken: Vec<Taken> = all(&transaction, TAKEN, event.clone()).await?;
        let waiting = if taken.first().is_some_and(|row| row.taken) {
            let ended: Vec<WaitRow> = all(&transaction, ENDED, event).await?;
            ended.into_iter().next().map(Waiting::from)
        } else {
            let oldest = oldest_wait(&transaction, name, &output["data"]).await?;
            if let Some(waiting) = &oldest {
                take(&transaction, name, id, waiting).await?;
            }
            oldest
        };
        transaction.commit().await?;
        Ok(waiting)
    }

    /// The wait is over without the event, which may end another one.
    ///
    /// # Errors
    /// When the database is not available.
    pub(crate) async fn waits_no_more(
        &self,
        tenant: TenantId,
        name: &str,
        id: &str,
        waiting: &Waiting,
    ) -> Result<(), Error> {
        const GONE: &str = "DELETE FROM event_waits WHERE execution_id = $1 AND node = $2";
        const FREE: &str = "UPDATE heard_events SET taken = false WHERE name = $1 AND id = $2";
        let transaction = self.alone(tenant, name).await?;
        let gone = [
            waiting.execution.uuid().into(),
            waiting.node.as_str().into(),
        ];
        execute(&transaction, GONE, gone).await?;
        execute(&transaction, FREE, [name.into(), id.into()]).await?;
        Ok(transaction.commit().await?)
    }

    /// A transaction that is the only one about the events of a name.
    async fn alone(&self, tenant: TenantId, name: &str) -> Result<Tenant, Error> {
        const ALONE: &str = "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))";
        let transaction = self.pool.tenant(tenant).await?;
        let lock = format!("events {tenant} {name}");
        execute(&transaction, ALONE, [lock.into()]).await?;
        Ok(transaction)
    }
}

impl From<WaitRow> for Waiting {
    fn from(row: WaitRow) -> Self {
        Self {
            execution: ExecutionId::from_uuid(row.execution_id),
            node: row.node,
        }
    }
}

/// What stands at the pointer, as text; any event has the empty text at the empty pointer. PostgreSQL has no NUL in texts, and
/// nobody waits for one.
fn key_of(data: &Value, pointer: &str) -> Option<String> {
    if pointer.is_empty() {
        return Some(String::new());
    }
    let key = match data.pointer(pointer)? {
        Value::Null => return None,
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    Some(key).filter(|key| !key.contains('\0'))
}

async fn oldest_wait(
    transaction: &Tenant,
    name: &str,
    data: &Value,
) -> Result<Option<Waiting>, Error> {
    const POINTERS: &str = "
        SELECT DISTINCT pointer AS text FROM event_waits WHERE name = $1 AND event_id IS NULL";
    const OLDEST: &str = "
        SELECT execution_id, node, began_at FROM event_waits
        WHERE name = $1 AND pointer = $2 AND key = $3 AND event_id IS NULL
        ORDER BY began_at LIMIT 1";
    let pointers: Vec<Text> = all(transaction, POINTERS, [name.into()]).await?;
    let mut oldest: Option<WaitRow> = None;
    for Text { text: pointer } in pointers {
        let Some(key) = key_of(data, &pointer) else {
            continue;
        };
        let matching = [name.into(), pointer.into(), key.into()];
        let found: Vec<WaitRow> = all(transaction, OLDEST, matching).await?;
        let all = oldest.into_iter().chain(found);
        oldest = all.min_by_key(|row| row.began_at);
    }
    Ok(oldest.map(Waiting::from))
}

async fn take(transaction: &Tenant, name: &str, id: &str, waiting: &Waiting) -> Result<(), Error> {
    const EVENT: &str = "UPDATE heard_events SET taken = true WHERE name = $1 AND id = $2";
    const WAIT: &str = "UPDATE event_waits SET event_id = $1 WHERE execution_id = $2 AND node = $3";
    execute(transaction, EVENT, [name.into(), id.into()]).await?;
    let wait = [
        id.into(),
        waiting.execution.uuid().into(),
        waiting.node.as_str().into(),
    ];
    execute(transaction, WAIT, wait).await
}

/// Deletes the waits of executions that are over, and events that are too old to end a wait. What an event ended stays as long: the
/// same event once more gets the same answer.
async fn forget(transaction: &Tenant, name: &str, now: DateTime<Utc>) -> Result<(), Error> {
    const WAITS: &str = "
        DELETE FROM event_waits w USING executions e
        WHERE w.name = $1 AND e.id = w.execution_id AND e.finished_at IS NOT NULL
            AND (w.event_id IS NULL OR e.finished_at < $2::timestamptz - interval '1 hour')";
    const EVENTS: &str = "
        DELETE FROM heard_events h WHERE h.heard_at < $1::timestamptz - interval '1 hour' AND NOT EXISTS (
            SELECT FROM event_waits w WHERE w.name = h.name AND w.event_id = h.id)";
    execute(transaction, WAITS, [name.into(), now.into()]).await?;
    execute(transaction, EVENTS, [now.into()]).await
}

pub(super) async fn all<R: FromQueryResult, const N: usize>(
    transaction: &Tenant,
    text: &str,
    values: [Sql; N],
) -> Result<Vec<R>, Error> {
    let statement = Statement::from_sql_and_values(DbBackend::Postgres, text, values);
    let rows = R::find_by_statement(statement)
        .all(transaction.conn())
        .await;
    Ok(rows.map_err(sql::Error::from)?)
}

pub(super) async fn execute<const N: usize>(
    transaction: &Tenant,
    text: &str,
    values: [Sql; N],
) -> Result<(), Error> {
    let statement = Statement::from_sql_and_values(DbBackend::Postgres, text, values);
    let done = transaction.conn().execute_raw(statement).await;
    done.map_err(sql::Error::from)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn keys_are_what_stands_at_the_pointer() {
        let data = json!({"order": {"id": 7, "name": "a\"b", "none": null}});
        let key = |pointer| key_of(&data, pointer);
        assert_eq!(key(""), Some(String::new()));
        assert_eq!(key("/order/id").as_deref(), Some("7"));
        assert_eq!(key("/order/name").as_deref(), Some("a\"b"));
        assert_eq!((key("/order/none"), key("/x")), (None, None));
        assert_eq!(key_of(&json!({"id": "a\0"}), "/id"), None);
    }
}
