//! A row of `llm_providers`.

use contracts::{
    id::ProviderId,
    llm::{Provider, ProviderKind},
};
use sea_orm::entity::prelude::{
    ActiveModelBehavior, DateTimeUtc, DeriveEntityModel, DerivePrimaryKey, DeriveRelation,
    EntityTrait, EnumIter, PrimaryKeyTrait, Uuid,
};
use serde_json::Value;

use crate::Error;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "llm_providers")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) id: Uuid,
    pub(crate) name: String,
    pub(crate) kind: String,
    pub(crate) base_url: String,
    pub(crate) sealed_key: Option<Vec<u8>>,
    pub(crate) key_hint: Option<String>,
    pub(crate) keys: i32,
    pub(crate) models: String,
    pub(crate) limits: Option<String>,
    pub(crate) created_at: DateTimeUtc,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    pub(crate) fn into_contract(self) -> Result<Provider, Error> {
        let id = ProviderId::from_uuid(self.id);
        let unreadable = |source| Error::Unreadable {
            what: format!("provider `{id}`"),
            source,
        };
        Ok(Provider {
            id,
            name: self.name,
            kind: serde_json::from_value(self.kind.into()).map_err(unreadable)?,
            base_url: self.base_url,
            key_hint: self.key_hint,
            keys: u32::try_from(self.keys).unwrap_or(0),
            limits: self
                .limits
                .map(|limits| serde_json::from_str(&limits))
                .transpose()
                .map_err(unreadable)?,
            models: serde_json::from_str(&self.models).map_err(unreadable)?,
            created_at: self.created_at,
        })
    }
}

/// A kind as it is stored, which is as it is sent.
pub(crate) fn kind_text(kind: ProviderKind) -> String {
    let text = serde_json::to_value(kind).ok();
    let text = text.as_ref().and_then(Value::as_str);
    text.expect("a kind is written as a word").to_owned()
}
