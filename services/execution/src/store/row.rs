//! The table `executions`.

use sea_orm::entity::prelude::{
    ActiveModelBehavior, DateTimeUtc, Decimal, DeriveEntityModel, DerivePrimaryKey, DeriveRelation,
    EntityTrait, EnumIter, Json, PrimaryKeyTrait, Uuid,
};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "executions")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) id: Uuid,
    pub(crate) flow_id: Option<Uuid>,
    pub(crate) revision: Option<i32>,
    pub(crate) agent_id: Option<Uuid>,
    pub(crate) crew_id: Option<Uuid>,
    pub(crate) version: Option<i32>,
    pub(crate) parent_id: Option<Uuid>,
    #[sea_orm(column_type = "JsonBinary")]
    pub(crate) source: Option<Json>,
    pub(crate) state: String,
    #[sea_orm(column_type = "JsonBinary")]
    pub(crate) error: Option<Json>,
    pub(crate) prompt_tokens: i64,
    pub(crate) completion_tokens: i64,
    pub(crate) cost: Option<Decimal>,
    pub(crate) asks: i32,
    pub(crate) last_event: i64,
    pub(crate) started_by: Uuid,
    pub(crate) created_at: DateTimeUtc,
    pub(crate) finished_at: Option<DateTimeUtc>,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
