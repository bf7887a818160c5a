//! Migrations: once each, all or nothing, resumable, never changed afterwards.

use std::time::Duration;

use contracts::id::TenantId;
use sql::{Error, Migration, Migrations, Owner, Pool};
use tokio::task::JoinSet;

use crate::{Fixture, NOTES, text};

const NEXT: Migration = Migration {
    name: "0002_stars",
    sql: "ALTER TABLE notes ADD COLUMN stars integer NOT NULL DEFAULT 0",
};

const NEWER: Migrations = Migrations {
    tenant: &[NOTES.tenant[0], NEXT],
    ..NOTES
};

#[tokio::test]
async fn a_second_run_changes_nothing() {
    let fixture = Fixture::new().await;
    let tenant = fixture.tenant().await;
    let pool = fixture.pool(1).await;
    let state = async || {
        let transaction = pool.tenant(tenant).await.unwrap();
        let query =
            "SELECT string_agg(service || name || checksum || applied_at, ',') FROM migrations";
        text(transaction.conn(), query).await.unwrap()
    };
    let before = state().await;
    assert_eq!(fixture.owner.migrate_all(&[NOTES]).await.unwrap(), 1);
    fixture.owner.create_tenant(tenant, &[NOTES]).await.unwrap();
    assert_eq!(state().await, before);
}

#[tokio::test]
async fn one_tenant_may_be_created_many_times_at_once() {
    let fixture = Fixture::new().await;
    let tenant = TenantId::generate();
    let mut tasks = JoinSet::new();
    for _ in 0..8 {
        let owner = fixture.owner.clone();
        tasks.spawn(async move { owner.create_tenant(tenant, &[NOTES]).await });
    }
    for outcome in tasks.join_all().await {
        outcome.unwrap();
    }
    assert_eq!(fixture.owner.tenants().await.unwrap(), [tenant]);
    fixture.pool(1).await.tenant(tenant).await.unwrap();
}

#[tokio::test]
async fn many_databases_share_the_roles_of_the_server() {
    // The other tests sign in as `notes` with a password that must not change.
    const SHARED: Migrations = Migrations {
        service: "shared",
        platform: &[],
        tenant: &[],
    };
    let mut tasks = JoinSet::new();
    for _ in 0..4 {
        tasks.spawn(async {
            let fixture = Fixture::new().await;
            // Each change of the secret changes the passwords of the same roles.
            for secret in ["one", "two", "test"] {
                let config = sql::Config::new(fixture.database.url(), secret);
                let owner = Owner::connect(&config).await.unwrap();
                owner.migrate_platform(&[SHARED]).await.unwrap();
            }
        });
    }
    while let Some(outcome) = tasks.join_next().await {
        outcome.unwrap();
    }
}

#[tokio::test]
async fn a_newer_service_waits_for_its_migrations() {
    let fixture = Fixture::new().await;
    let mut tenants = Vec::new();
    for _ in 0..9 {
        tenants.push(fixture.tenant().await);
    }
    let pool = Pool::connect(&fixture.config, &NEWER).await.unwrap();
    let error = pool.tenant(tenants[0]).await.unwrap_err();
    assert!(
        matches!(
            error,
            Error::NotMigrated {
                service: "notes",
                ..
            }
        ),
        "{error:?}"
    );

    assert_eq!(fixture.owner.migrate_all(&[NEWER]).await.unwrap(), 9);
    for tenant in tenants {
        let transaction = pool.tenant(tenant).await.unwrap();
        let query = "SELECT count(stars)::text FROM notes";
        assert_eq!(text(transaction.conn(), query).await.unwrap(), "0");
    }
}

#[tokio::test]
async fn a_changed_migration_is_an_error() {
    const CHANGED: Migrations = Migrations {
        tenant: &[
            Migration {
                name: NOTES.tenant[0].name,
                sql: "CREATE TABLE notes (id bigint)",
            },
            NEXT,
        ],
        ..NOTES
    };
    let fixture = Fixture::new().await;
    let tenant = fixture.tenant().await;
    let error = fixture.owner.migrate_all(&[CHANGED]).await.unwrap_err();
    assert!(
        matches!(&error, Error::MigrationChanged { name, .. } if name == "0001_notes"),
        "{error:?}"
    );
    // Nothing of it landed.
    let transaction = fixture.pool(1).await.tenant(tenant).await.unwrap();
    let applied = text(transaction.conn(), "SELECT count(*)::text FROM migrations").await;
    assert_eq!(applied.unwrap(), "1");
}

#[tokio::test]
async fn a_failing_step_takes_the_whole_schema_back_but_no_other() {
    const BROKEN: Migrations = Migrations {
        tenant: &[
            NOTES.tenant[0],
            NEXT,
            // Fails where a row exists.
            Migration {
                name: "0003_check",
                sql: "ALTER TABLE notes ADD CONSTRAINT empty CHECK (text IS NULL)",
            },
        ],
        ..NOTES
    };
    let fixture = Fixture::new().await;
    let (good, bad) = (fixture.tenant().await, fixture.tenant().await);
    let pool = fixture.pool(1).await;
    let transaction = pool.tenant(bad).await.unwrap();
    text(
        transaction.conn(),
        "INSERT INTO notes (text) VALUES ('x') RETURNING text",
    )
    .await
    .unwrap();
    transaction.commit().await.unwrap();

    let error = fixture.owner.migrate_all(&[BROKEN]).await.unwrap_err();
    assert!(
        matches!(
            &error,
            Error::MigrationFailed {
                name: "0003_check",
                ..
            }
        ),
        "{error:?}"
    );
    let applied = async |tenant| {
        let transaction = pool.tenant(tenant).await.unwrap();
        text(transaction.conn(), "SELECT count(*)::text FROM migrations")
            .await
            .unwrap()
    };
    assert_eq!(applied(good).await, "3");
    assert_eq!(applied(bad).await, "1");
}

#[tokio::test]
async fn a_run_that_was_killed_half_way_is_taken_up_again() {
    const SLOW: Migrations = Migrations {
        tenant: &[
            NOTES.tenant[0],
            NEXT,
            Migration {
                name: "0003_slow",
                sql: "CREATE TABLE half (id integer); SELECT pg_sleep(60)",
            },
        ],
        ..NOTES
    };
    let fixture = Fixture::new().await;
    let tenant = fixture.tenant().await;
    let owner = fixture.owner.clone();
    let mut killed = JoinSet::new();
    killed.spawn(async move { owner.migrate_all(&[SLOW]).await });
    let pool = fixture.pool(1).await;
    testkit::eventually(Duration::from_secs(20), async || {
        fixture
            .as_superuser(
                "DO $$ BEGIN
                   PERFORM pg_terminate_backend(pid) FROM pg_stat_activity
                   WHERE datname = current_database() AND query LIKE '%pg_sleep(60)' AND state = 'active';
                 END $$",
            )
            .await;
        killed.try_join_next()
    })
    .await
    .unwrap()
    .unwrap_err();

    assert_eq!(fixture.owner.migrate_all(&[NEWER]).await.unwrap(), 1);
    let transaction = pool.tenant(tenant).await.unwrap();
    let applied = text(transaction.conn(), "SELECT count(*)::text FROM migrations").await;
    assert_eq!(applied.unwrap(), "2");
    let half = text(
        transaction.conn(),
        "SELECT coalesce(to_regclass('half')::text, 'none')",
    )
    .await;
    assert_eq!(half.unwrap(), "none");
}
