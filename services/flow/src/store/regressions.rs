//! Regressions and their verdicts.

use chrono::{DateTime, Utc};
use contracts::{
    flow::RegressionItem,
    id::{FlowId, RegressionId, TenantId, UserId},
};
use sea_orm::{ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter, sea_query::Expr};

use super::{FlowStore, small};
use crate::{error::Error, store::entity::regression};

/// A regression as it is kept.
#[derive(Clone, Debug)]
pub(crate) struct KeptRegression {
    pub(crate) id: RegressionId,
    pub(crate) flow_id: FlowId,
    pub(crate) revision: Option<u32>,
    pub(crate) definition_hash: String,
    pub(crate) items: Vec<RegressionItem>,
    pub(crate) created_by: UserId,
    pub(crate) created_at: DateTime<Utc>,
}

impl FlowStore {
    pub(crate) async fn insert_regression(
        &self,
        tenant: TenantId,
        kept: &KeptRegression,
    ) -> Result<(), Error> {
        let row = regression::Model {
            id: kept.id.uuid(),
            flow_id: kept.flow_id.uuid(),
            revision: kept.revision.map(small),
            definition_hash: kept.definition_hash.clone(),
            items: serde_json::to_string(&kept.items).map_err(Error::Stored)?,
            created_by: kept.created_by.uuid(),
            created_at: kept.created_at,
        };
        let tx = self.pool.tenant(tenant).await?;
        regression::Entity::insert(row.into_active_model())
            .exec_without_returning(tx.conn())
            .await
            .map_err(sql::Error::from)?;
        Ok(tx.commit().await?)
    }

    pub(crate) async fn regression(
        &self,
        tenant: TenantId,
        id: RegressionId,
    ) -> Result<KeptRegression, Error> {
        let tx = self.pool.tenant(tenant).await?;
        let row = regression::Entity::find_by_id(id.uuid())
            .one(tx.conn())
            .await
            .map_err(sql::Error::from)?;
        let row = row.ok_or_else(|| Error::NotThere {
            what: "regression",
            id: id.to_string(),
        })?;
        Ok(KeptRegression {
            id,
            flow_id: FlowId::from_uuid(row.flow_id),
            revision: row.revision.map(i32::unsigned_abs),
            definition_hash: row.definition_hash,
            items: serde_json::from_str(&row.items).map_err(Error::Stored)?,
            created_by: UserId::from_uuid(row.created_by),
            created_at: row.created_at,
        })
    }

    /// Notes how far it is. Two that look at the same time find the same, so that the last word may stay.
    pub(crate) async fn set_regression(
        &self,
        tenant: TenantId,
        id: RegressionId,
        items: &[RegressionItem],
    ) -> Result<(), Error> {
        let items = serde_json::to_string(items).map_err(Error::Stored)?;
        let tx = self.pool.tenant(tenant).await?;
        regression::Entity::update_many()
            .col_expr(regression::Column::Items, Expr::value(items))
            .filter(regression::Column::Id.eq(id.uuid()))
            .exec(tx.conn())
            .await
            .map_err(sql::Error::from)?;
        Ok(tx.commit().await?)
    }
}
