//! Header rows of executions, in the schema of their tenant.
//!
//! **Invariant:** a row never goes back: one that counts fewer events than the stored one changes nothing.

use contracts::{
    execution::{ExecutionState, ExecutionSummary, ListExecutions, Origin, StepError, Usage},
    id::{AgentId, CrewId, ExecutionId, FlowId, TenantId, UserId},
    page::Page,
};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, ExprTrait, OnConflict, extension::postgres::PgExpr},
};
use sql::{Cursor, Migration, Migrations, Pool, Search};

use crate::{Error, log::slots::Header};

mod dead_letter_row;
mod dead_letters;
mod events;
mod keeping;
mod row;

pub(crate) use dead_letters::Kept;
pub(crate) use events::Waiting;

/// The tables of this service.
pub const MIGRATIONS: Migrations = Migrations {
    service: "execution",
    platform: &[],
    tenant: &[
        Migration {
            name: "0001_executions",
            sql: include_str!("store/0001_executions.sql"),
        },
        Migration {
            name: "0002_origins",
            sql: include_str!("store/0002_origins.sql"),
        },
        Migration {
            name: "0003_dead_letters",
            sql: include_str!("store/0003_dead_letters.sql"),
        },
        Migration {
            name: "0004_asks",
            sql: include_str!("store/0004_asks.sql"),
        },
        Migration {
            name: "0005_events",
            sql: include_str!("store/0005_events.sql"),
        },
        Migration {
            name: "0006_sources",
            sql: include_str!("store/0006_sources.sql"),
        },
        Migration {
            name: "0007_retention",
            sql: include_str!("store/0007_retention.sql"),
        },
        Migration {
            name: "0008_parents",
            sql: include_str!("store/0008_parents.sql"),
        },
    ],
};

/// The header rows.
#[derive(Clone)]
pub(crate) struct ExecutionStore {
    pool: Pool,
}

impl ExecutionStore {
    pub(crate) fn new(pool: Pool) -> Self {
        Self { pool }
    }

    pub(crate) async fn ping(&self) -> Result<(), Error> {
        Ok(self.pool.ping().await?)
    }

    /// Writes rows of different executions.
    ///
    /// # Errors
    /// When the database is not available, or the tenant unknown.
    pub(crate) async fn put(&self, tenant: TenantId, headers: &[Header]) -> Result<(), Error> {
        use row::Column;
        let changing = [
            Column::State,
            Column::Error,
            Column::PromptTokens,
            Column::CompletionTokens,
            Column::Cost,
            Column::Asks,
            Column::LastEvent,
            Column::FinishedAt,
        ];
        let newer =
            Expr::col((row::Entity, Column::LastEvent)).lt(Expr::cust("excluded.last_event"));
        let transaction = self.pool.tenant(tenant).await?;
        row::Entity::insert_many(headers.iter().map(to_row))
            .on_conflict(
                OnConflict::column(Column::Id)
                    .update_columns(changing)
                    .action_and_where(newer)
                    .to_owned(),
            )
            .exec_without_returning(transaction.conn())
            .await
            .map_err(sql::Error::from)?;
        keeping::leave_out_deleted(&transaction, headers).await?;
        Ok(transaction.commit().await?)
    }

    /// # Errors
    /// When the database is not available.
    pub(crate) async fn find(
        &self,
        tenant: TenantId,
        id: ExecutionId,
    ) -> Result<Option<Header>, Error> {
        let transaction = self.pool.tenant(tenant).await?;
        let row = row::Entity::find_by_id(id.uuid())
            .one(transaction.conn())
            .await
            .map_err(sql::Error::from)?;
        row.map(|row| from_row(tenant, row)).transpose()
    }

    /// The newest first.
    ///
    /// # Errors
    /// An invalid cursor, or that the database is not available.
    pub(crate) async fn list(
        &self,
        tenant: TenantId,
        list: &ListExecutions,
    ) -> Result<Page<ExecutionSummary>, Error> {
        use row::Column;
        let mut query = row::Entity::find()
            .order_by_desc(Column::CreatedAt)
            .order_by_desc(Column::Id)
            .limit(u64::from(list.paging.rows()) + 1);
        if let Some(flow_id) = list.flow_id {
            query = query.filter(Column::FlowId.eq(flow_id.uuid()));
        }
        if let Some(agent_id) = list.agent_id {
            query = query.filter(Column::AgentId.eq(agent_id.uuid()));
        }
        if let Some(crew_id) = list.crew_id {
            query = query.filter(Column::CrewId.eq(crew_id.uuid()));
        }
        if let Some(parent_id) = list.parent_id {
            query = query.filter(Column::ParentId.eq(parent_id.uuid()));
        }
        if let Some(state) = list.state {
            query = query.filter(Column::State.eq(state.as_str()));
        }
        if let Some(asks) = list.asks {
            query = query.filter(match asks {
                true => Column::Asks.gt(0),
                false => Column::Asks.eq(0),
            });
        }
        if let Some(since) = list.since {
            query = query.filter(Column::CreatedAt.gte(since));
        }
        if let Some(until) = list.until {
            query = query.filter(Column::CreatedAt.lt(until));
        }
        if let Some(search) = Search::of(list.search.as_deref()) {
            let id = list
                .search
                .as_deref()
                .and_then(|text| text.trim().parse().ok());
            query = query.filter(match id {
                Some(id) => Column::Id.eq(ExecutionId::uuid(id)),
                None => search.any_of(["code", "node", "message"].map(of_error)),
            });
        }
        if let Some(cursor) = Cursor::of(&list.paging)? {
            query = query.filter(cursor.before(Column::CreatedAt, Column::Id));
        }
        let transaction = self.pool.tenant(tenant).await?;
        let rows = query
            .all(transaction.conn())
            .await
            .map_err(sql::Error::from)?;
        let headers: Vec<_> = rows
            .into_iter()
            .map(|row| from_row(tenant, row))
            .collect::<Result<_, _>>()?;
        let cursor = |header: &Header| Cursor {
            at: header.created_at,
            id: header.id.uuid(),
        };
        Ok(sql::page(headers, &list.paging, cursor, summary))
    }
}

/// A text of an execution's error.
fn of_error(field: &str) -> Expr {
    Expr::col(row::Column::Error).cast_json_field(field)
}

fn to_row(header: &Header) -> row::ActiveModel {
    let error = header.error.clone().map(storable);
    let error =
        error.map(|error| serde_json::to_value(error).expect("an error has text keys only"));
    let source = header
        .source
        .as_ref()
        .map(|source| serde_json::to_value(source).expect("a source has text keys only"));
    row::ActiveModel {
        id: Set(header.id.uuid()),
        flow_id: Set(header.origin.flow_id.map(FlowId::uuid)),
        revision: Set(header.origin.revision.map(small)),
        agent_id: Set(header.origin.agent_id.map(AgentId::uuid)),
        crew_id: Set(header.origin.crew_id.map(CrewId::uuid)),
        version: Set(header.origin.version.map(small)),
        parent_id: Set(header.parent_id.map(ExecutionId::uuid)),
        source: Set(source),
        state: Set(header.state.as_str().to_owned()),
        error: Set(error),
        prompt_tokens: Set(count(header.usage.prompt_tokens)),
        completion_tokens: Set(count(header.usage.completion_tokens)),
        cost: Set(header.usage.cost),
        asks: Set(i32::try_from(header.asks).unwrap_or(i32::MAX)),
        last_event: Set(count(header.last_event)),
        started_by: Set(header.started_by.uuid()),
        created_at: Set(header.created_at),
        finished_at: Set(header.finished_at),
    }
}

/// PostgreSQL has no NUL in texts; code and integrators may put one into what they say.
fn storable(error: StepError) -> StepError {
    let clean = |text: String| text.replace('\0', "\u{fffd}");
    StepError {
        code: clean(error.code),
        message: clean(error.message),
        ..error
    }
}

fn small(n: u32) -> i32 {
    i32::try_from(n).unwrap_or(i32::MAX)
}

fn count(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

fn from_row(tenant: TenantId, row: row::Model) -> Result<Header, Error> {
    let id = ExecutionId::from_uuid(row.id);
    let unreadable = |reason: String| Error::UnreadableRow { id, reason };
    let state = ExecutionState::parse(&row.state);
    let error = row
        .error
        .map(serde_json::from_value::<StepError>)
        .transpose();
    let source = row.source.map(serde_json::from_value).transpose();
    Ok(Header {
        tenant,
        id,
        origin: Origin {
            flow_id: row.flow_id.map(FlowId::from_uuid),
            revision: row.revision.and_then(|n| u32::try_from(n).ok()),
            agent_id: row.agent_id.map(AgentId::from_uuid),
            crew_id: row.crew_id.map(CrewId::from_uuid),
            version: row.version.and_then(|n| u32::try_from(n).ok()),
        },
        parent_id: row.parent_id.map(ExecutionId::from_uuid),
        source: source.map_err(|error| unreadable(error.to_string()))?,
        state: state.ok_or_else(|| unreadable(format!("state `{}`", row.state)))?,
        error: error.map_err(|error| unreadable(error.to_string()))?,
        usage: Usage {
            prompt_tokens: u64::try_from(row.prompt_tokens).unwrap_or(0),
            completion_tokens: u64::try_from(row.completion_tokens).unwrap_or(0),
            cost: row.cost,
        },
        asks: row.asks.unsigned_abs(),
        last_event: u64::try_from(row.last_event).unwrap_or(0),
        started_by: UserId::from_uuid(row.started_by),
        created_at: row.created_at,
        finished_at: row.finished_at,
    })
}

fn summary(header: Header) -> ExecutionSummary {
    ExecutionSummary {
        id: header.id,
        origin: header.origin,
        parent_id: header.parent_id,
        source: header.source,
        state: header.state,
        error: header.error,
        usage: header.usage,
        asks: header.asks,
        started_by: header.started_by,
        created_at: header.created_at,
        finished_at: header.finished_at,
    }
}
