//! Rows, as sea-orm reads and writes them.

pub(crate) mod flow {
    use sea_orm::entity::prelude::{
        ActiveModelBehavior, ChronoDateTimeUtc, DeriveEntityModel, DerivePrimaryKey,
        DeriveRelation, EntityTrait, EnumIter, PrimaryKeyTrait, Uuid,
    };

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "flows")]
    pub(crate) struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub(crate) id: Uuid,
        pub(crate) name: String,
        pub(crate) description: String,
        pub(crate) definition: String,
        pub(crate) version: i64,
        pub(crate) revision: Option<i32>,
        pub(crate) created_by: Uuid,
        pub(crate) created_at: ChronoDateTimeUtc,
        pub(crate) updated_at: ChronoDateTimeUtc,
        pub(crate) deleted_at: Option<ChronoDateTimeUtc>,
        pub(crate) concurrency: Option<String>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub(crate) enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

pub(crate) mod flow_agent {
    use sea_orm::entity::prelude::{
        ActiveModelBehavior, DeriveEntityModel, DerivePrimaryKey, DeriveRelation, EntityTrait,
        EnumIter, PrimaryKeyTrait, Uuid,
    };

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "flow_agents")]
    pub(crate) struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub(crate) agent_id: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub(crate) flow_id: Uuid,
        pub(crate) draft: bool,
        pub(crate) published: bool,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub(crate) enum Relation {
        #[sea_orm(
            belongs_to = "super::flow::Entity",
            from = "Column::FlowId",
            to = "super::flow::Column::Id"
        )]
        Flow,
    }
    impl ActiveModelBehavior for ActiveModel {}
}

pub(crate) mod revision {
    use sea_orm::entity::prelude::{
        ActiveModelBehavior, ChronoDateTimeUtc, DeriveEntityModel, DerivePrimaryKey,
        DeriveRelation, EntityTrait, EnumIter, PrimaryKeyTrait, Uuid,
    };

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "flow_revisions")]
    pub(crate) struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub(crate) flow_id: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub(crate) revision: i32,
        pub(crate) definition: String,
        pub(crate) executable: Option<String>,
        pub(crate) hash: String,
        pub(crate) notes: String,
        pub(crate) published_by: Uuid,
        pub(crate) published_at: ChronoDateTimeUtc,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub(crate) enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

pub(crate) mod start {
    use sea_orm::entity::prelude::{
        ActiveModelBehavior, ChronoDateTimeUtc, DeriveEntityModel, DerivePrimaryKey,
        DeriveRelation, EntityTrait, EnumIter, PrimaryKeyTrait, Uuid,
    };

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "flow_starts")]
    pub(crate) struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub(crate) key: String,
        pub(crate) body_hash: String,
        pub(crate) execution_id: Uuid,
        pub(crate) revision: Option<i32>,
        pub(crate) definition_hash: String,
        pub(crate) created_at: ChronoDateTimeUtc,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub(crate) enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

pub(crate) mod variable {
    use sea_orm::entity::prelude::{
        ActiveModelBehavior, DeriveEntityModel, DerivePrimaryKey, DeriveRelation, EntityTrait,
        EnumIter, PrimaryKeyTrait,
    };

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "flow_variables")]
    pub(crate) struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub(crate) name: String,
        pub(crate) value: String,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub(crate) enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

pub(crate) mod place {
    use sea_orm::entity::prelude::{
        ActiveModelBehavior, ChronoDateTimeUtc, DeriveEntityModel, DerivePrimaryKey,
        DeriveRelation, EntityTrait, EnumIter, PrimaryKeyTrait, Uuid,
    };

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "flow_places")]
    pub(crate) struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub(crate) execution_id: Uuid,
        pub(crate) flow_id: Uuid,
        pub(crate) scope: String,
        pub(crate) priority: i16,
        pub(crate) turn: i64,
        pub(crate) state: String,
        pub(crate) started_by: Uuid,
        pub(crate) changed_at: ChronoDateTimeUtc,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub(crate) enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

pub(crate) mod regression {
    use sea_orm::entity::prelude::{
        ActiveModelBehavior, ChronoDateTimeUtc, DeriveEntityModel, DerivePrimaryKey,
        DeriveRelation, EntityTrait, EnumIter, PrimaryKeyTrait, Uuid,
    };

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "flow_regressions")]
    pub(crate) struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub(crate) id: Uuid,
        pub(crate) flow_id: Uuid,
        pub(crate) revision: Option<i32>,
        pub(crate) definition_hash: String,
        pub(crate) items: String,
        pub(crate) created_by: Uuid,
        pub(crate) created_at: ChronoDateTimeUtc,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub(crate) enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}
