//! What is left on a connection when a transaction is over. The only place that looks at a connection outside of one.

use super::*;
use crate::{Migration, Owner};

const NOTES: Migrations = Migrations {
    service: "notes",
    platform: &[],
    tenant: &[Migration {
        name: "0001_notes",
        sql: "CREATE TABLE notes (id integer PRIMARY KEY)",
    }],
};

#[tokio::test]
async fn nothing_is_left_on_the_connection() {
    let database = testkit::Postgres::create().await;
    let config = Config {
        postgres_pool: 1,
        ..Config::new(database.url(), "test")
    };
    let owner = Owner::connect(&config).await.unwrap();
    owner.migrate_platform(&[NOTES]).await.unwrap();
    let tenant = TenantId::generate();
    owner.create_tenant(tenant, &[NOTES]).await.unwrap();
    let pool = Pool::connect(&config, &NOTES).await.unwrap();
    let before = settings(&pool).await;
    assert!(before.starts_with("troupe_notes|"), "{before}");

    let transaction = pool.tenant(tenant).await.unwrap();
    drop(transaction);
    assert_eq!(settings(&pool).await, before, "after a rollback");

    pool.tenant(tenant).await.unwrap().commit().await.unwrap();
    assert_eq!(settings(&pool).await, before, "after a commit");

    let user = Some(UserId::generate());
    let transaction = pool.platform(Some(tenant), user).await.unwrap();
    transaction.commit().await.unwrap();
    assert_eq!(settings(&pool).await, before, "after a platform commit");

    let transaction = pool.tenant(tenant).await.unwrap();
    let failed = transaction.conn().execute_unprepared("SELECT nonsense");
    failed.await.unwrap_err();
    drop(transaction);
    assert_eq!(settings(&pool).await, before, "after a failed statement");
}

async fn settings(pool: &Pool) -> String {
    let statement = Statement::from_string(
        DbBackend::Postgres,
        "SELECT concat_ws('|', current_user, current_setting('search_path'), current_setting('statement_timeout'),
            nullif(current_setting('app.tenant_id', true), ''), nullif(current_setting('app.user_id', true), ''))",
    );
    let row = pool.db.query_one_raw(statement).await.unwrap().unwrap();
    row.try_get_by_index(0).unwrap()
}
