//! A row of `llm_routes`.

use contracts::{id::RouteId, llm::Route};
use sea_orm::entity::prelude::{
    ActiveModelBehavior, DateTimeUtc, DeriveEntityModel, DerivePrimaryKey, DeriveRelation,
    EntityTrait, EnumIter, PrimaryKeyTrait, Uuid,
};

use crate::Error;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "llm_routes")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) id: Uuid,
    pub(crate) name: String,
    pub(crate) spec: String,
    pub(crate) version: i32,
    pub(crate) created_at: DateTimeUtc,
    pub(crate) updated_at: DateTimeUtc,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    pub(crate) fn into_contract(self) -> Result<Route, Error> {
        let id = RouteId::from_uuid(self.id);
        let unreadable = |source| Error::Unreadable {
            what: format!("route `{id}`"),
            source,
        };
        Ok(Route {
            id,
            spec: serde_json::from_str(&self.spec).map_err(unreadable)?,
            version: self.version.unsigned_abs(),
            created_at: self.created_at,
            updated_at: self.updated_at,
        })
    }
}
