//! Crews and whom they name.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use contracts::{
    agent::AgentSpec,
    crew::CrewSpec,
    id::{AgentId, CrewId, TenantId},
};
use sea_orm::{
    ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter, QuerySelect, sea_query::LockType,
};
use uuid::Uuid;

use crate::{
    domain::{
        item::{Item, Kind, Stored},
        problems::Problems,
    },
    error::Error,
    store::{
        AgentStore, Change,
        entities::{item, member},
        hide, rows,
    },
};

impl AgentStore {
    pub(crate) async fn insert_crew(
        &self,
        tenant: TenantId,
        change: Change<CrewSpec>,
    ) -> Result<Stored<CrewSpec>, Error> {
        let transaction = self.pool.tenant(tenant).await?;
        let stored = rows::insert(&transaction, change).await?;
        take_in(&transaction, &stored).await?;
        transaction.commit().await?;
        Ok(stored)
    }

    pub(crate) async fn update_crew(
        &self,
        tenant: TenantId,
        change: Change<CrewSpec>,
        if_version: Option<u32>,
    ) -> Result<Stored<CrewSpec>, Error> {
        let transaction = self.pool.tenant(tenant).await?;
        let stored = rows::update(&transaction, change, if_version).await?;
        let_go(&transaction, stored.id).await?;
        take_in(&transaction, &stored).await?;
        transaction.commit().await?;
        Ok(stored)
    }

    pub(crate) async fn delete_crew(
        &self,
        tenant: TenantId,
        id: CrewId,
        now: DateTime<Utc>,
    ) -> Result<(), Error> {
        let transaction = self.pool.tenant(tenant).await?;
        let row = rows::find(&transaction, Item::Crew(id), Some(LockType::Update)).await?;
        let_go(&transaction, row.id).await?;
        hide(&transaction, row, now).await?;
        Ok(transaction.commit().await?)
    }

    /// Agents and their crew: all or nothing.
    pub(crate) async fn insert_all(
        &self,
        tenant: TenantId,
        agents: Vec<Change<AgentSpec>>,
        crew: Change<CrewSpec>,
    ) -> Result<(Vec<Stored<AgentSpec>>, Stored<CrewSpec>), Error> {
        let transaction = self.pool.tenant(tenant).await?;
        let mut members = Vec::with_capacity(agents.len());
        for agent in agents {
            members.push(rows::insert(&transaction, agent).await?);
        }
        let crew = rows::insert(&transaction, crew).await?;
        take_in(&transaction, &crew).await?;
        transaction.commit().await?;
        Ok((members, crew))
    }
}

/// Notes whom the crew names; nobody deletes them until this is committed.
async fn take_in(transaction: &sql::Tenant, crew: &Stored<CrewSpec>) -> Result<(), Error> {
    let ids = crew.spec.agents.iter().map(|agent| agent.uuid());
    let there: Vec<Uuid> = item::Entity::find()
        .select_only()
        .column(item::Column::Id)
        .filter(item::Column::Id.is_in(ids))
        .filter(item::Column::Kind.eq(Kind::Agent.as_str()))
        .filter(item::Column::DeletedAt.is_null())
        .lock(LockType::Share)
        .into_tuple()
        .all(transaction.conn())
        .await
        .map_err(sql::Error::from)?;
    let there: HashSet<AgentId> = there.into_iter().map(AgentId::from_uuid).collect();
    let mut problems = Problems::under("/spec");
    for (place, agent) in crew.spec.agents.iter().enumerate() {
        let text = format!("agent `{agent}` does not exist");
        problems.require(there.contains(agent), &format!("/agents/{place}"), text);
    }
    problems.outcome()?;
    let membership = |agent: AgentId| {
        let row = member::Model {
            crew_id: crew.id,
            agent_id: agent.uuid(),
        };
        row.into_active_model()
    };
    member::Entity::insert_many(there.into_iter().map(membership))
        .exec_without_returning(transaction.conn())
        .await
        .map_err(sql::Error::from)?;
    Ok(())
}

async fn let_go(transaction: &sql::Tenant, crew: Uuid) -> Result<(), Error> {
    member::Entity::delete_many()
        .filter(member::Column::CrewId.eq(crew))
        .exec(transaction.conn())
        .await
        .map_err(sql::Error::from)?;
    Ok(())
}
