//! Rows of triggers, as sea-orm reads and writes them.

pub(crate) mod trigger {
    use sea_orm::entity::prelude::{
        ActiveModelBehavior, ChronoDateTimeUtc, DeriveEntityModel, DerivePrimaryKey,
        DeriveRelation, EntityTrait, EnumIter, PrimaryKeyTrait, Uuid,
    };

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "flow_triggers")]
    pub(crate) struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub(crate) id: Uuid,
        pub(crate) flow_id: Uuid,
        pub(crate) kind: String,
        pub(crate) spec: String,
        pub(crate) event: Option<String>,
        pub(crate) enabled: bool,
        pub(crate) disabled_reason: Option<String>,
        pub(crate) version: i64,
        pub(crate) runs_as: Uuid,
        pub(crate) done_until: ChronoDateTimeUtc,
        pub(crate) created_at: ChronoDateTimeUtc,
        pub(crate) updated_at: ChronoDateTimeUtc,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub(crate) enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

pub(crate) mod secret {
    use sea_orm::entity::prelude::{
        ActiveModelBehavior, ChronoDateTimeUtc, DeriveEntityModel, DerivePrimaryKey,
        DeriveRelation, EntityTrait, EnumIter, PrimaryKeyTrait, Uuid,
    };

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "flow_trigger_secrets")]
    pub(crate) struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub(crate) id: Uuid,
        pub(crate) trigger_id: Uuid,
        pub(crate) sealed: Vec<u8>,
        pub(crate) expires_at: Option<ChronoDateTimeUtc>,
        pub(crate) created_at: ChronoDateTimeUtc,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub(crate) enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

pub(crate) mod fire {
    use sea_orm::entity::prelude::{
        ActiveModelBehavior, ChronoDateTimeUtc, DeriveEntityModel, DerivePrimaryKey,
        DeriveRelation, EntityTrait, EnumIter, PrimaryKeyTrait, Uuid,
    };

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "flow_trigger_fires")]
    pub(crate) struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub(crate) id: Uuid,
        pub(crate) trigger_id: Uuid,
        pub(crate) key: String,
        pub(crate) at: ChronoDateTimeUtc,
        pub(crate) outcome: String,
        pub(crate) reason: Option<String>,
        pub(crate) detail: Option<String>,
        pub(crate) execution_id: Option<Uuid>,
        pub(crate) input: Option<String>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub(crate) enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}
