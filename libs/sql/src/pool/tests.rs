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

    let once = async |tenant, ids: &[i32]| {
        let calls = ids.iter().map(|id| Call {
            statement: &ADD,
            values: format!("({id})"),
        });
        let rows = pool.once(tenant, &calls.collect::<Vec<_>>()).await?;
        let ids = rows.iter().map(|row| row.try_get_by_index::<i32>(0));
        Ok::<Vec<i32>, Error>(ids.map(Result::unwrap).collect())
    };
    assert_eq!(once(tenant, &[1, 2]).await.unwrap(), [1, 2]);
    assert_eq!(settings(&pool).await, before, "after calls in one");
    // What fails takes back what came before it.
    let failed = once(tenant, &[3, 1]).await.unwrap_err();
    assert!(failed.violates("notes_pkey"), "{failed:?}");
    assert_eq!(settings(&pool).await, before, "after calls that failed");
    assert_eq!(once(tenant, &[3]).await.unwrap(), [3]);
    // The same connection serves another tenant's table by the same name.
    let other = TenantId::generate();
    owner.create_tenant(other, &[NOTES]).await.unwrap();
    assert_eq!(once(other, &[1]).await.unwrap(), [1]);
    let refused = once(TenantId::generate(), &[1]).await.unwrap_err();
    assert!(matches!(refused, Error::UnknownTenant(_)), "{refused:?}");
}

const ADD: Prepared = Prepared {
    name: "add_note",
    types: "(integer)",
    sql: "INSERT INTO notes VALUES ($1) RETURNING id",
};

async fn settings(pool: &Pool) -> String {
    let statement = Statement::from_string(
        DbBackend::Postgres,
        "SELECT concat_ws('|', current_user, current_setting('search_path'), current_setting('statement_timeout'),
            nullif(current_setting('app.tenant_id', true), ''), nullif(current_setting('app.user_id', true), ''))",
    );
    let row = pool.db.query_one_raw(statement).await.unwrap().unwrap();
    row.try_get_by_index(0).unwrap()
}
