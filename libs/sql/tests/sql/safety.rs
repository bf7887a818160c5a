//! A service does not start on a database that would let it see too much.

use sql::{Error, Migrations, Pool};

use crate::{Fixture, NOTES};

#[tokio::test]
async fn a_shared_table_without_forced_security_stops_the_service() {
    let fixture = Fixture::new().await;
    for statement in [
        "CREATE TABLE platform.loose (tenant_id uuid)",
        "ALTER TABLE platform.loose ENABLE ROW LEVEL SECURITY",
    ] {
        fixture.as_superuser(statement).await;
        check(&fixture, &NOTES, "loose").await;
    }
    fixture
        .as_superuser("ALTER TABLE platform.loose FORCE ROW LEVEL SECURITY")
        .await;
    Pool::connect(&fixture.config, &NOTES).await.unwrap();
}

#[tokio::test]
async fn a_role_above_the_rules_stops_the_service() {
    let fixture = Fixture::new().await;
    // Roles belong to the whole server: this one is for this test alone.
    let service = format!("risky{}", contracts::id::UserId::generate().uuid().simple());
    let risky = Migrations {
        service: service.clone().leak(),
        platform: &[],
        tenant: &[],
    };
    fixture.owner.migrate_platform(&[risky]).await.unwrap();
    Pool::connect(&fixture.config, &risky).await.unwrap();
    let role = format!("troupe_{service}");
    for (make, unmake, fault) in [
        (
            "ALTER ROLE $ BYPASSRLS",
            "ALTER ROLE $ NOBYPASSRLS",
            "bypass",
        ),
        (
            "ALTER ROLE $ SUPERUSER",
            "ALTER ROLE $ NOSUPERUSER",
            "is a superuser",
        ),
        ("ALTER ROLE $ INHERIT", "ALTER ROLE $ NOINHERIT", "inherits"),
        (
            "ALTER ROLE $ CREATEROLE",
            "ALTER ROLE $ NOCREATEROLE",
            "create roles",
        ),
        (
            "GRANT CREATE ON SCHEMA platform TO $",
            "REVOKE CREATE ON SCHEMA platform FROM $",
            "create tables",
        ),
        (
            "CREATE TABLE platform.own (id integer); ALTER TABLE platform.own OWNER TO $",
            "DROP TABLE platform.own",
            "owns tables",
        ),
        (
            "DO 'BEGIN EXECUTE format(''GRANT %I TO $'', current_user); END'",
            "DO 'BEGIN EXECUTE format(''REVOKE %I FROM $'', current_user); END'",
            "become the owner",
        ),
    ] {
        fixture.as_superuser(&make.replace('$', &role)).await;
        check(&fixture, &risky, fault).await;
        fixture.as_superuser(&unmake.replace('$', &role)).await;
    }
    Pool::connect(&fixture.config, &risky).await.unwrap();
    fixture
        .as_superuser(&format!("DROP OWNED BY {role}; DROP ROLE {role}"))
        .await;
}

async fn check(fixture: &Fixture, migrations: &Migrations, fault: &str) {
    let Err(error) = Pool::connect(&fixture.config, migrations).await else {
        panic!("a service started although: {fault}");
    };
    assert!(
        matches!(&error, Error::NotSafe(found) if found.contains(fault)),
        "{fault}: {error:?}"
    );
}

#[tokio::test]
async fn an_owner_who_is_no_superuser_is_enough() {
    let fixture = Fixture::new().await;
    let id = contracts::id::UserId::generate()
        .uuid()
        .simple()
        .to_string();
    let owner = format!("owner_{id}");
    let database = fixture.database.database();
    fixture
        .as_superuser(&format!(
            "CREATE ROLE {owner} LOGIN CREATEROLE PASSWORD 'x'; DROP SCHEMA platform CASCADE; ALTER DATABASE {database} OWNER TO {owner}"
        ))
        .await;
    let url = fixture.database.url();
    let (_, host) = url.split_once('@').expect("a user in the URL");
    let config = sql::Config::new(format!("postgres://{owner}:x@{host}"), "test");
    let modest = Migrations {
        service: format!("modest{id}").leak(),
        platform: &[],
        ..NOTES
    };

    let owner = sql::Owner::connect(&config).await.unwrap();
    owner.migrate_platform(&[modest]).await.unwrap();
    let tenant = contracts::id::TenantId::generate();
    owner.create_tenant(tenant, &[modest]).await.unwrap();
    assert_eq!(owner.migrate_all(&[modest]).await.unwrap(), 1);
    let pool = Pool::connect(&config, &modest).await.unwrap();
    let transaction = pool.tenant(tenant).await.unwrap();
    let count = crate::text(transaction.conn(), "SELECT count(*)::text FROM notes");
    assert_eq!(count.await.unwrap(), "0");

    // Another password from another secret.
    let renewed = sql::Config::new(config.postgres_url.clone(), "renewed");
    let owner = sql::Owner::connect(&renewed).await.unwrap();
    owner.migrate_platform(&[modest]).await.unwrap();
    Pool::connect(&renewed, &modest).await.unwrap();
}
