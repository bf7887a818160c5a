//! A row of `llm_providers`.

use contracts::{
    id::ProviderId,
    llm::{Provider, ProviderKind},
};
use sea_orm::entity::prelude::{
    ActiveModelBehavior, DateTimeUtc, DeriveEntityModel, DerivePrimaryKey, DeriveRelation,
    EntityTrait, EnumIter, PrimaryKeyTrait, Uuid,
};

use crate::Error;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "llm_providers")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) id: Uuid,
    pub(crate) name: String,
    pub(crate) base_url: String,
    pub(crate) sealed_key: Option<Vec<u8>>,
    pub(crate) key_hint: Option<String>,
    pub(crate) models: String,
    pub(crate) created_at: DateTimeUtc,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    pub(crate) fn into_contract(self) -> Result<Provider, Error> {
        let id = ProviderId::from_uuid(self.id);
        let models = serde_json::from_str(&self.models);
        Ok(Provider {
            id,
            name: self.name,
            // The offline provider is no row.
            kind: ProviderKind::OpenaiCompatible,
            base_url: self.base_url,
            key_hint: self.key_hint,
            models: models.map_err(|source| Error::Unreadable { id, source })?,
            created_at: self.created_at,
        })
    }
}
