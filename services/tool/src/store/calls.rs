//! The last calls of each tool.

use std::collections::BTreeSet;

use contracts::{
    id::{ExecutionId, TenantId, ToolId, UserId},
    page::{Page, Paging},
    tool::ToolCallRecord,
};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DbBackend, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder,
    QuerySelect, Statement, prelude::Uuid,
};
use sql::Cursor;

use crate::{
    error::Error,
    records::Kept,
    store::{ToolStore, entities::call, find},
};

/// Calls that are kept of each tool.
const KEPT: i64 = 1000;

/// All but the newest calls of a tool.
const FORGET: &str = "DELETE FROM tool_calls WHERE tool_id = $1 AND id IN \
    (SELECT id FROM tool_calls WHERE tool_id = $1 ORDER BY at DESC, id DESC OFFSET $2)";

impl ToolStore {
    /// Keeps calls and forgets those that are too old.
    pub(crate) async fn put_calls(&self, tenant: TenantId, calls: &[Kept]) -> Result<(), Error> {
        let rows = calls.iter().map(|kept| to_row(kept).into_active_model());
        let tools: BTreeSet<_> = calls.iter().map(|kept| kept.tool).collect();
        let transaction = self.pool.tenant(tenant).await?;
        call::Entity::insert_many(rows)
            .exec_without_returning(transaction.conn())
            .await
            .map_err(sql::Error::from)?;
        for tool in tools {
            let values = [tool.uuid().into(), KEPT.into()];
            let forget = Statement::from_sql_and_values(DbBackend::Postgres, FORGET, values);
            let forgotten = transaction.conn().execute_raw(forget).await;
            forgotten.map_err(sql::Error::from)?;
        }
        Ok(transaction.commit().await?)
    }

    /// The newest first.
    pub(crate) async fn calls(
        &self,
        tenant: TenantId,
        tool: ToolId,
        paging: &Paging,
    ) -> Result<Page<ToolCallRecord>, Error> {
        let after = Cursor::of(paging)?;
        let transaction = self.pool.tenant(tenant).await?;
        find(&transaction, tool, None).await?;
        let mut query = call::Entity::find().filter(call::Column::ToolId.eq(tool.uuid()));
        if let Some(cursor) = after {
            query = query.filter(cursor.before(call::Column::At, call::Column::Id));
        }
        let rows = query
            .order_by_desc(call::Column::At)
            .order_by_desc(call::Column::Id)
            .limit(u64::from(paging.rows()) + 1)
            .all(transaction.conn())
            .await
            .map_err(sql::Error::from)?;
        let cursor = |row: &call::Model| Cursor {
            at: row.at,
            id: row.id,
        };
        Ok(sql::page(rows, paging, cursor, to_record))
    }
}

fn to_row(kept: &Kept) -> call::Model {
    let record = &kept.record;
    call::Model {
        id: Uuid::now_v7(),
        tool_id: kept.tool.uuid(),
        at: record.at,
        version: i32::try_from(record.version).expect("a version was read from this column's like"),
        called_by: record.called_by.uuid(),
        execution_id: record.execution_id.map(ExecutionId::uuid),
        duration_ms: i64::try_from(record.duration_ms).unwrap_or(i64::MAX),
        error: record.error.clone(),
    }
}

fn to_record(row: call::Model) -> ToolCallRecord {
    ToolCallRecord {
        at: row.at,
        version: row.version.unsigned_abs(),
        called_by: UserId::from_uuid(row.called_by),
        execution_id: row.execution_id.map(ExecutionId::from_uuid),
        duration_ms: row.duration_ms.unsigned_abs(),
        error: row.error,
    }
}
