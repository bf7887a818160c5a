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
