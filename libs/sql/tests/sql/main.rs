//! The wall between tenants, on a real PostgreSQL server.

#![allow(clippy::unwrap_used, reason = "a test may panic, and its helpers too")]

mod isolation;
mod migrations;
mod safety;

use contracts::id::TenantId;
use sea_orm::{ConnectionTrait, DatabaseTransaction, DbBackend, Statement};
use sql::{Config, Migration, Migrations, Owner, Pool};
use testkit::Postgres;

/// A service with a table in each tenant's schema and one that all share.
const NOTES: Migrations = Migrations {
    service: "notes",
    platform: &[Migration {
        name: "0001_labels",
        sql: "CREATE TABLE labels (tenant_id uuid NOT NULL, user_id uuid NOT NULL, label text NOT NULL);
              ALTER TABLE labels ENABLE ROW LEVEL SECURITY;
              ALTER TABLE labels FORCE ROW LEVEL SECURITY;
              CREATE POLICY of_the_tenant ON labels USING (tenant_id = platform.current_tenant());
              CREATE POLICY of_the_user ON labels FOR SELECT USING (user_id = platform.current_user_id());
              GRANT SELECT, INSERT, UPDATE, DELETE ON labels TO troupe_notes;",
    }],
    tenant: &[Migration {
        name: "0001_notes",
        sql: "CREATE TABLE notes (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, text text NOT NULL)",
    }],
};

/// A private database with the tables above.
struct Fixture {
    config: Config,
    owner: Owner,
    /// Dropped last.
    database: Postgres,
}

impl Fixture {
    async fn new() -> Self {
        let database = Postgres::create().await;
        let config = Config::new(database.url(), "test");
        let owner = Owner::connect(&config).await.unwrap();
        owner.migrate_platform(&[NOTES]).await.unwrap();
        Self {
            config,
            owner,
            database,
        }
    }

    async fn tenant(&self) -> TenantId {
        let tenant = TenantId::generate();
        self.owner.create_tenant(tenant, &[NOTES]).await.unwrap();
        tenant
    }

    async fn pool(&self, size: u32) -> Pool {
        let config = Config {
            postgres_pool: size,
            ..self.config.clone()
        };
        Pool::connect(&config, &NOTES).await.unwrap()
    }

    /// Runs a statement above all rules.
    async fn as_superuser(&self, statement: &str) {
        let connection = sea_orm::Database::connect(self.database.url())
            .await
            .unwrap();
        connection.execute_unprepared(statement).await.unwrap();
        connection.close().await.unwrap();
    }
}

/// The first column of the first row, as a text.
async fn text(connection: &DatabaseTransaction, query: &str) -> Result<String, sql::Error> {
    let statement = Statement::from_string(DbBackend::Postgres, query);
    let row = connection.query_one_raw(statement).await?;
    Ok(row.expect("one row").try_get_by_index(0)?)
}
