//! Rows, as sea-orm reads and writes them.

pub(crate) mod session {
    use sea_orm::entity::prelude::{
        ActiveModelBehavior, ChronoDateTimeUtc, DeriveEntityModel, DerivePrimaryKey,
        DeriveRelation, EntityTrait, EnumIter, PrimaryKeyTrait, Uuid,
    };

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "chat_sessions")]
    pub(crate) struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub(crate) id: Uuid,
        pub(crate) title: String,
        pub(crate) agent_id: Option<Uuid>,
        pub(crate) crew_id: Option<Uuid>,
        pub(crate) flow_id: Option<Uuid>,
        pub(crate) concurrency: String,
        pub(crate) head: Option<Uuid>,
        pub(crate) created_by: Uuid,
        pub(crate) created_at: ChronoDateTimeUtc,
        pub(crate) updated_at: ChronoDateTimeUtc,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub(crate) enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

pub(crate) mod message {
    use sea_orm::entity::prelude::{
        ActiveModelBehavior, ChronoDateTimeUtc, DeriveEntityModel, DerivePrimaryKey,
        DeriveRelation, EntityTrait, EnumIter, PrimaryKeyTrait, Uuid,
    };

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "chat_messages")]
    pub(crate) struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub(crate) id: Uuid,
        pub(crate) session_id: Uuid,
        pub(crate) parent_id: Option<Uuid>,
        pub(crate) depth: i32,
        pub(crate) role: String,
        pub(crate) state: String,
        pub(crate) created_at: ChronoDateTimeUtc,
        pub(crate) finished_at: Option<ChronoDateTimeUtc>,
        pub(crate) idempotency_key: Option<String>,
        pub(crate) body_hash: Option<String>,
        pub(crate) execution_id: Option<Uuid>,
        pub(crate) principal: Option<String>,
        pub(crate) start_attempts: i32,
        pub(crate) lease_until: Option<ChronoDateTimeUtc>,
        pub(crate) started_at: Option<ChronoDateTimeUtc>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub(crate) enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

pub(crate) mod attachment {
    use sea_orm::entity::prelude::{
        ActiveModelBehavior, ChronoDateTimeUtc, DeriveEntityModel, DerivePrimaryKey,
        DeriveRelation, EntityTrait, EnumIter, PrimaryKeyTrait, Uuid,
    };

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "chat_attachments")]
    pub(crate) struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub(crate) id: Uuid,
        pub(crate) session_id: Uuid,
        pub(crate) message_id: Option<Uuid>,
        pub(crate) name: String,
        pub(crate) content_type: String,
        pub(crate) bytes: i64,
        pub(crate) text: Option<String>,
        pub(crate) content: Vec<u8>,
        pub(crate) created_at: ChronoDateTimeUtc,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub(crate) enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}
