//! Nobody sees, writes or inherits anything of another tenant, whatever way a transaction ends.

use contracts::id::{TenantId, UserId};
use sea_orm::ConnectionTrait;
use sql::{Error, Pool, SchemaName};
use tokio::task::JoinSet;

use crate::{Fixture, text};

#[tokio::test]
async fn a_broken_transaction_leaves_nothing_for_the_next_tenant() {
    let fixture = Fixture::new().await;
    let (first, second) = (fixture.tenant().await, fixture.tenant().await);
    let pool = fixture.pool(1).await;
    for round in 0..200 {
        break_off(&pool, first, round).await;

        let transaction = pool.tenant(second).await.unwrap();
        let who = "SELECT current_user || ' ' || current_setting('search_path')";
        let schema = SchemaName::of(second).unwrap();
        assert_eq!(
            text(transaction.conn(), who).await.unwrap(),
            format!("{schema} {schema}, pg_temp"),
            "round {round}"
        );
        assert_eq!(notes(&transaction).await, "0", "round {round}");
    }
    assert_eq!(notes(&pool.tenant(first).await.unwrap()).await, "0");
}

/// Writes in a transaction that then panics, is cancelled between statements or in the middle of one, or fails.
async fn break_off(pool: &Pool, tenant: TenantId, round: u32) {
    let (written, mut seen) = tokio::sync::mpsc::channel(1);
    let pool = pool.clone();
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        let transaction = pool.tenant(tenant).await.unwrap();
        let write = "INSERT INTO notes (text) VALUES ('secret')";
        transaction.conn().execute_unprepared(write).await.unwrap();
        written.send(()).await.unwrap();
        match round % 4 {
            0 => panic!("on purpose"),
            1 => std::future::pending().await,
            2 => drop(
                transaction
                    .conn()
                    .execute_unprepared("SELECT pg_sleep(0.02)")
                    .await,
            ),
            _ => drop(transaction.conn().execute_unprepared("nonsense").await),
        }
    });
    seen.recv().await.unwrap();
    if matches!(round % 4, 1 | 2) {
        // Gives a statement of the task the time to leave.
        tokio::task::yield_now().await;
        tasks.abort_all();
    }
    tasks.join_next().await.unwrap().ok();
}

#[tokio::test]
async fn a_tenant_reaches_no_other_schema() {
    let fixture = Fixture::new().await;
    let (mine, other) = (fixture.tenant().await, fixture.tenant().await);
    let pool = fixture.pool(2).await;
    let other = SchemaName::of(other).unwrap();
    for statement in [
        format!("SELECT count(*) FROM \"{other}\".notes"),
        format!("INSERT INTO \"{other}\".notes (text) VALUES ('x')"),
        "SELECT count(*) FROM platform.labels".to_owned(),
        "CREATE TABLE mine (id integer)".to_owned(),
        "DELETE FROM migrations".to_owned(),
        "DROP TABLE notes".to_owned(),
        format!("CREATE TABLE \"{other}\".mine (id integer)"),
        "SELECT rolpassword FROM pg_catalog.pg_authid".to_owned(),
        "CREATE TEMPORARY TABLE notes (text text)".to_owned(),
    ] {
        let transaction = pool.tenant(mine).await.unwrap();
        let refused = transaction.conn().execute_unprepared(&statement).await;
        let message = refused.expect_err(&statement).to_string();
        assert!(
            message.contains("permission denied") || message.contains("must be owner"),
            "{statement}: {message}"
        );
    }
}

#[tokio::test]
async fn rows_of_one_tenant_stay_with_it() {
    let fixture = Fixture::new().await;
    let (mine, other) = (fixture.tenant().await, fixture.tenant().await);
    let pool = fixture.pool(2).await;
    let transaction = pool.tenant(mine).await.unwrap();
    let write = "INSERT INTO notes (text) VALUES ('kept')";
    transaction.conn().execute_unprepared(write).await.unwrap();
    transaction.commit().await.unwrap();
    assert_eq!(notes(&pool.tenant(mine).await.unwrap()).await, "1");
    assert_eq!(notes(&pool.tenant(other).await.unwrap()).await, "0");
}

#[tokio::test]
async fn shared_tables_show_a_tenant_its_own_rows() {
    let fixture = Fixture::new().await;
    let (mine, other) = (TenantId::generate(), TenantId::generate());
    let (ada, grace) = (UserId::generate(), UserId::generate());
    let pool = fixture.pool(2).await;
    label(&pool, mine, mine, ada).await.unwrap();
    label(&pool, other, other, ada).await.unwrap();
    label(&pool, other, other, grace).await.unwrap();

    let seen = async |tenant, user| {
        let platform = pool.platform(tenant, user).await.unwrap();
        let query = "SELECT count(*)::text FROM labels";
        text(platform.conn(), query).await.unwrap()
    };
    assert_eq!(seen(None, None).await, "0");
    assert_eq!(seen(Some(mine), None).await, "1");
    assert_eq!(seen(Some(other), None).await, "2");
    assert_eq!(seen(None, Some(ada)).await, "2");
    assert_eq!(seen(Some(TenantId::PLATFORM), None).await, "0");

    let refused = label(&pool, mine, other, ada).await.unwrap_err();
    let cause = std::error::Error::source(&refused).unwrap().to_string();
    assert!(cause.contains("row-level security"), "{cause}");

    // What a user sees of other tenants cannot be changed from there.
    let platform = pool.platform(Some(mine), Some(ada)).await.unwrap();
    for statement in ["UPDATE labels SET label = 'x'", "DELETE FROM labels"] {
        let done = platform.conn().execute_unprepared(statement).await.unwrap();
        assert_eq!(done.rows_affected(), 1, "{statement}");
    }
}

async fn label(
    pool: &Pool,
    as_tenant: TenantId,
    tenant: TenantId,
    user: UserId,
) -> Result<(), Error> {
    let platform = pool.platform(Some(as_tenant), None).await?;
    let write = format!(
        "INSERT INTO labels VALUES ('{}', '{}', 'a')",
        tenant.uuid(),
        user.uuid()
    );
    platform.conn().execute_unprepared(&write).await?;
    platform.commit().await
}

#[tokio::test]
async fn a_tenant_that_does_not_exist_is_told_apart() {
    let fixture = Fixture::new().await;
    let elsewhere = Fixture::new().await.tenant().await;
    let pool = fixture.pool(2).await;
    for tenant in [TenantId::generate(), TenantId::PLATFORM, elsewhere] {
        let error = pool.tenant(tenant).await.unwrap_err();
        assert!(
            matches!(error, Error::UnknownTenant(unknown) if unknown == tenant),
            "{error:?}"
        );
    }
}

#[tokio::test]
async fn a_statement_that_runs_too_long_is_cut() {
    let fixture = Fixture::new().await;
    let config = sql::Config {
        postgres_statement_timeout_ms: 50,
        ..fixture.config.clone()
    };
    let pool = Pool::connect(&config, &crate::NOTES).await.unwrap();
    let platform = pool.platform(None, None).await.unwrap();
    let slow = text(platform.conn(), "SELECT pg_sleep(30)::text").await;
    assert!(matches!(slow, Err(Error::Timeout(_))), "{slow:?}");
}

#[tokio::test]
async fn an_exhausted_pool_answers_in_time() {
    let fixture = Fixture::new().await;
    let config = sql::Config {
        postgres_pool: 1,
        // Long enough for the first connection on a busy machine.
        postgres_acquire_timeout_ms: 1000,
        ..fixture.config.clone()
    };
    let pool = Pool::connect(&config, &crate::NOTES).await.unwrap();
    let held = pool.platform(None, None).await.unwrap();
    let error = pool.platform(None, None).await.unwrap_err();
    assert!(matches!(error, Error::Unavailable(_)), "{error:?}");
    held.commit().await.unwrap();
    pool.platform(None, None).await.unwrap();
}

#[tokio::test]
async fn connections_that_died_while_idle_are_passed_over() {
    let fixture = Fixture::new().await;
    let tenant = fixture.tenant().await;
    let pool = fixture.pool(4).await;
    let open: Vec<_> = transactions(&pool, tenant, 4).await;
    drop(open);
    fixture
        .as_superuser(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
             WHERE datname = current_database() AND usename = 'troupe_notes'",
        )
        .await;
    for _ in 0..4 {
        assert_eq!(notes(&pool.tenant(tenant).await.unwrap()).await, "0");
    }
}

/// So many transactions at once, so that the pool has so many connections.
async fn transactions(pool: &Pool, tenant: TenantId, count: usize) -> Vec<sql::Tenant> {
    let mut open = Vec::new();
    for _ in 0..count {
        open.push(pool.tenant(tenant).await.unwrap());
    }
    open
}

async fn notes(transaction: &sql::Tenant) -> String {
    let query = "SELECT count(*)::text FROM notes";
    text(transaction.conn(), query).await.unwrap()
}
