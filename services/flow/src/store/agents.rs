//! Which agents the nodes of flows name: an index that is written with each draft and each revision.
//!
//! **Invariant:** a row says of at least one of the two, the draft and the newest revision, that it names the agent.

use chrono::{DateTime, Utc};
use contracts::{
    flow::{AgentFlow, Definition},
    id::{AgentId, FlowId, TenantId},
    page::{Page, Paging},
};
use sea_orm::{
    ColumnTrait, EntityTrait, FromQueryResult, IntoActiveModel, JoinType, QueryFilter, QueryOrder,
    QuerySelect, RelationTrait,
    prelude::Uuid,
    sea_query::{Expr, OnConflict},
};
use sql::Cursor;

use crate::{
    domain::pins::Names,
    error::Error,
    store::{
        FlowStore,
        entity::{flow, flow_agent},
    },
};

/// What the list says of a flow, without its definition.
#[derive(FromQueryResult)]
struct Row {
    id: Uuid,
    name: String,
    description: String,
    draft: bool,
    published: bool,
    revision: Option<i32>,
    updated_at: DateTime<Utc>,
}

impl FlowStore {
    pub(crate) async fn list_of_agent(
        &self,
        tenant: TenantId,
        agent: AgentId,
        paging: &Paging,
    ) -> Result<Page<AgentFlow>, Error> {
        let mut query = flow_agent::Entity::find()
            .select_only()
            .columns([flow_agent::Column::Draft, flow_agent::Column::Published])
            .columns([
                flow::Column::Id,
                flow::Column::Name,
                flow::Column::Description,
                flow::Column::Revision,
                flow::Column::UpdatedAt,
            ])
            .join(JoinType::InnerJoin, flow_agent::Relation::Flow.def())
            .filter(flow_agent::Column::AgentId.eq(agent.uuid()))
            .filter(flow::Column::DeletedAt.is_null());
        if let Some(cursor) = Cursor::of(paging)? {
            let (at, id) = (flow::Column::UpdatedAt, flow::Column::Id);
            query = query.filter(cursor.before(at.as_column_ref(), id.as_column_ref()));
        }
        let tx = self.pool.tenant(tenant).await?;
        let rows = query
            .order_by_desc(flow::Column::UpdatedAt)
            .order_by_desc(flow::Column::Id)
            .limit(u64::from(paging.rows()) + 1)
            .into_model::<Row>()
            .all(tx.conn())
            .await
            .map_err(sql::Error::from)?;
        let cursor = |row: &Row| Cursor {
            at: row.updated_at,
            id: row.id,
        };
        Ok(sql::page(rows, paging, cursor, to_item))
    }
}

/// Notes whom a draft names.
pub(super) async fn of_draft(
    tx: &sql::Tenant,
    flow: FlowId,
    draft: &Definition,
) -> Result<(), Error> {
    flow_agent::Entity::update_many()
        .col_expr(flow_agent::Column::Draft, Expr::value(false))
        .filter(flow_agent::Column::FlowId.eq(flow.uuid()))
        .exec(tx.conn())
        .await
        .map_err(sql::Error::from)?;
    name(tx, flow, draft, false).await?;
    flow_agent::Entity::delete_many()
        .filter(flow_agent::Column::FlowId.eq(flow.uuid()))
        .filter(flow_agent::Column::Draft.eq(false))
        .filter(flow_agent::Column::Published.eq(false))
        .exec(tx.conn())
        .await
        .map_err(sql::Error::from)?;
    Ok(())
}

/// Notes whom a new revision names, and with it the draft that it was made of.
pub(super) async fn of_revision(
    tx: &sql::Tenant,
    flow: FlowId,
    revision: &Definition,
) -> Result<(), Error> {
    flow_agent::Entity::delete_many()
        .filter(flow_agent::Column::FlowId.eq(flow.uuid()))
        .exec(tx.conn())
        .await
        .map_err(sql::Error::from)?;
    name(tx, flow, revision, true).await
}

/// A definition of 512 KiB cannot name so many agents that their rows do not fit into one statement.
async fn name(
    tx: &sql::Tenant,
    flow: FlowId,
    definition: &Definition,
    published: bool,
) -> Result<(), Error> {
    let row = |agent: AgentId| {
        let row = flow_agent::Model {
            agent_id: agent.uuid(),
            flow_id: flow.uuid(),
            draft: true,
            published,
        };
        row.into_active_model()
    };
    let agents = Names::of(definition).agents;
    if agents.is_empty() {
        return Ok(());
    }
    let key = [flow_agent::Column::AgentId, flow_agent::Column::FlowId];
    let named = OnConflict::columns(key)
        .update_column(flow_agent::Column::Draft)
        .to_owned();
    flow_agent::Entity::insert_many(agents.into_keys().map(row))
        .on_conflict(named)
        .exec_without_returning(tx.conn())
        .await
        .map_err(sql::Error::from)?;
    Ok(())
}

fn to_item(row: Row) -> AgentFlow {
    AgentFlow {
        id: FlowId::from_uuid(row.id),
        name: row.name,
        description: row.description,
        draft: row.draft,
        published: row.published,
        revision: row.revision.map(i32::unsigned_abs),
        updated_at: row.updated_at,
    }
}
