//! A row of `llm_budgets`.

use contracts::{id::BudgetId, llm::BudgetSpec};
use sea_orm::entity::prelude::{
    ActiveModelBehavior, DateTimeUtc, Decimal, DeriveEntityModel, DerivePrimaryKey, DeriveRelation,
    EntityTrait, EnumIter, PrimaryKeyTrait, Uuid,
};

use crate::{Error, domain::budget::Kept};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "llm_budgets")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) id: Uuid,
    pub(crate) name: String,
    pub(crate) ceiling: Decimal,
    pub(crate) spec: String,
    pub(crate) version: i32,
    pub(crate) created_at: DateTimeUtc,
    pub(crate) updated_at: DateTimeUtc,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    pub(crate) fn into_kept(self) -> Result<Kept, Error> {
        let id = BudgetId::from_uuid(self.id);
        let spec: BudgetSpec =
            serde_json::from_str(&self.spec).map_err(|source| Error::Unreadable {
                what: format!("budget `{id}`"),
                source,
            })?;
        Ok(Kept {
            id,
            spec,
            version: self.version.unsigned_abs(),
            created_at: self.created_at,
            updated_at: self.updated_at,
        })
    }
}
