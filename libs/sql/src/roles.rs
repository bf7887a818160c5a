//! The roles of the server: one that signs in per service, one that owns nothing but its view per tenant.
//!
//! Roles belong to the whole server, not to a database, so several databases may use them at once.
//! **Invariant:** no role made here is a superuser, bypasses row-level security, inherits or owns anything.

use std::{collections::HashMap, time::Duration};

use sea_orm::sqlx::{self, AssertSqlSafe, PgConnection, PgPool};
use secrecy::{ExposeSecret, SecretString};

use crate::{Error, Migrations, SchemaName, config};

/// Tries of a change to a role that another process changes at the same time.
const TRIES: u32 = 20;

/// The role that a service signs in as.
pub(crate) fn login_role(service: &str) -> String {
    format!("troupe_{}", service.replace('-', "_"))
}

/// Makes the login roles that are missing, and gives each the password that the secret says. Without a secret the
/// operator made the roles: then a missing one is an error.
pub(crate) async fn ensure_login_roles(
    pool: &PgPool,
    secret: Option<&SecretString>,
    services: &[Migrations],
) -> Result<(), Error> {
    let mut tries = TRIES;
    loop {
        match ensure_once(pool, secret, services).await {
            // unique_violation, duplicate_object, deadlock_detected, and "tuple concurrently updated".
            Err(error)
                if tries > 0
                    && matches!(
                        error.sqlstate().as_deref(),
                        Some("23505" | "42710" | "40P01" | "XX000")
                    ) =>
            {
                tries -= 1;
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            outcome => return outcome,
        }
    }
}

async fn ensure_once(
    pool: &PgPool,
    secret: Option<&SecretString>,
    services: &[Migrations],
) -> Result<(), Error> {
    let mut transaction = pool.begin().await?;
    let known = known_roles(&mut transaction).await?;
    for migrations in services {
        let role = login_role(migrations.service);
        let Some(secret) = secret else {
            if known.contains_key(&role) {
                continue;
            }
            return Err(Error::NoPassword(role));
        };
        let password = config::password(secret, migrations.service);
        // The server cannot tell whether a password is the one we mean; a fingerprint kept as the role's comment can.
        let fingerprint = fingerprint(&password);
        let verb = match known.get(&role) {
            Some(comment) if comment.as_deref() == Some(&fingerprint) => continue,
            Some(_) => "ALTER",
            None => "CREATE",
        };
        let password = password.expose_secret();
        let change = format!(
            "{verb} ROLE \"{role}\" LOGIN NOINHERIT PASSWORD '{password}'; COMMENT ON ROLE \"{role}\" IS '{fingerprint}'"
        );
        sqlx::raw_sql(AssertSqlSafe(change))
            .execute(&mut *transaction)
            .await?;
    }
    transaction.commit().await?;
    Ok(())
}

/// Makes the role of a tenant and lets the services in that keep tables there.
pub(crate) async fn ensure_tenant_role(
    connection: &mut PgConnection,
    schema: &SchemaName,
    services: &[Migrations],
) -> Result<(), Error> {
    let exists: bool =
        sqlx::query_scalar("SELECT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = $1)")
            .bind(schema.as_str())
            .fetch_one(&mut *connection)
            .await?;
    if !exists {
        let create = format!("CREATE ROLE \"{schema}\" NOLOGIN NOINHERIT");
        sqlx::raw_sql(AssertSqlSafe(create))
            .execute(&mut *connection)
            .await?;
    }
    let members: Vec<String> = sqlx::query_scalar(
        "SELECT m.rolname::text FROM pg_catalog.pg_auth_members a
         JOIN pg_catalog.pg_roles t ON t.oid = a.roleid AND t.rolname = $1
         JOIN pg_catalog.pg_roles m ON m.oid = a.member",
    )
    .bind(schema.as_str())
    .fetch_all(&mut *connection)
    .await?;
    let entering = services.iter().filter(|service| !service.tenant.is_empty());
    let missing: Vec<String> = entering
        .map(|service| login_role(service.service))
        .filter(|role| !members.contains(role))
        .map(|role| format!("\"{role}\""))
        .collect();
    if !missing.is_empty() {
        let grant = format!("GRANT \"{schema}\" TO {}", missing.join(", "));
        sqlx::raw_sql(AssertSqlSafe(grant))
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}

/// The login roles of the server with their comments.
async fn known_roles(
    connection: &mut PgConnection,
) -> Result<HashMap<String, Option<String>>, Error> {
    let rows: Vec<(String, Option<String>)> = sqlx::query_as(
        "SELECT rolname::text, pg_catalog.shobj_description(oid, 'pg_authid')
         FROM pg_catalog.pg_roles WHERE rolname LIKE 'troupe\\_%'",
    )
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().collect())
}

/// The password has 256 bits of entropy, so its hash gives nothing away.
fn fingerprint(password: &SecretString) -> String {
    let hash = blake3::hash(password.expose_secret().as_bytes());
    format!("troupe:{}", &hash.to_hex()[..32])
}
