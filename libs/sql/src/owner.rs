//! What the owner of the tables does: migrations, and the schema of a new tenant.
//!
//! **Invariant:** all pending steps of one schema land in one transaction under one advisory lock: a process killed
//! half-way leaves nothing behind, and the next run goes on where it stopped.

use std::collections::HashMap;

use sea_orm::sqlx::{self, AssertSqlSafe, PgConnection, PgPool, postgres::PgPoolOptions};
use secrecy::SecretString;
use tokio::task::JoinSet;

use contracts::id::TenantId;

use crate::{Config, Error, Migration, Migrations, SchemaName, roles};

/// Schemas that are migrated at the same time.
const WIDTH: usize = 4;

/// What every database has, before the tables of any service.
const BASE: Migrations = Migrations {
    service: "sql",
    platform: &[Migration {
        name: "0001_base",
        sql: include_str!("owner/0001_base.sql"),
    }],
    tenant: &[],
};

const MIGRATIONS_TABLE: &str = "CREATE TABLE IF NOT EXISTS migrations (
    service text NOT NULL,
    name text NOT NULL,
    checksum text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
    PRIMARY KEY (service, name))";

/// A connection as the owner of the tables. Clones share it.
#[derive(Clone)]
pub struct Owner {
    pool: PgPool,
    secret: Option<SecretString>,
}

impl Owner {
    /// # Errors
    /// [`Error::Unavailable`], or what is wrong with the URL.
    pub async fn connect(config: &Config) -> Result<Self, Error> {
        let options = PgPoolOptions::new().max_connections(u32::try_from(WIDTH).unwrap_or(4));
        let pool = options.connect_with(config.owner_options()?).await?;
        let secret = config.postgres_secret.clone();
        Ok(Self { pool, secret })
    }

    /// Brings the shared tables and the login roles of `services` up to date.
    ///
    /// # Errors
    /// [`Error::MigrationFailed`], [`Error::MigrationChanged`], [`Error::NoPassword`] for a role that is missing.
    pub async fn migrate_platform(&self, services: &[Migrations]) -> Result<(), Error> {
        roles::ensure_login_roles(&self.pool, self.secret.as_ref(), services).await?;
        let schema = SchemaName::platform();
        let mut transaction = self.pool.begin().await?;
        lock(&mut transaction, &schema).await?;
        if !exists(&mut transaction, &schema).await? {
            run(&mut transaction, "CREATE SCHEMA platform".to_owned()).await?;
        }
        let all = [&[BASE], services].concat();
        let pending = all
            .iter()
            .map(|service| (service.service, service.platform));
        migrate(&mut transaction, &schema, pending).await?;
        for service in services {
            let role = roles::login_role(service.service);
            run(
                &mut transaction,
                format!("GRANT USAGE ON SCHEMA platform TO \"{role}\"; GRANT SELECT ON platform.migrations TO \"{role}\""),
            )
            .await?;
        }
        close_to_public(&mut transaction).await?;
        transaction.commit().await?;
        Ok(())
    }

    /// Makes the schema and the role of a new tenant, with the tables of all `services`. Does nothing the second time.
    ///
    /// # Errors
    /// [`Error::UnknownTenant`] for the platform itself; else as [`Owner::migrate_platform`].
    pub async fn create_tenant(
        &self,
        tenant: TenantId,
        services: &[Migrations],
    ) -> Result<(), Error> {
        let schema = SchemaName::of(tenant)?;
        let mut transaction = self.pool.begin().await?;
        lock(&mut transaction, &schema).await?;
        roles::ensure_tenant_role(&mut transaction, &schema, services).await?;
        if !exists(&mut transaction, &schema).await? {
            run(
                &mut transaction,
                format!(
                    "CREATE SCHEMA \"{schema}\"; GRANT USAGE ON SCHEMA \"{schema}\" TO \"{schema}\""
                ),
            )
            .await?;
        }
        let pending = services
            .iter()
            .map(|service| (service.service, service.tenant));
        if migrate(&mut transaction, &schema, pending).await? {
            run(
                &mut transaction,
                format!(
                    "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA \"{schema}\" TO \"{schema}\";
                     GRANT USAGE ON ALL SEQUENCES IN SCHEMA \"{schema}\" TO \"{schema}\";
                     REVOKE INSERT, UPDATE, DELETE ON \"{schema}\".migrations FROM \"{schema}\""
                ),
            )
            .await?;
        }
        transaction.commit().await?;
        Ok(())
    }

    /// Brings the schema of an existing tenant up to date.
    ///
    /// # Errors
    /// [`Error::UnknownTenant`]; else as [`Owner::migrate_platform`].
    pub async fn migrate_tenant(
        &self,
        tenant: TenantId,
        services: &[Migrations],
    ) -> Result<(), Error> {
        let mut connection = self.pool.acquire().await?;
        if !exists(&mut connection, &SchemaName::of(tenant)?).await? {
            return Err(Error::UnknownTenant(tenant));
        }
        drop(connection);
        self.create_tenant(tenant, services).await
    }

    /// Brings the whole database up to date: the shared tables, then every tenant. Returns the number of tenants.
    ///
    /// # Errors
    /// The first failure; the schemas of the other tenants are brought up to date all the same.
    pub async fn migrate_all(&self, services: &[Migrations]) -> Result<usize, Error> {
        self.migrate_platform(services).await?;
        let tenants = self.tenants().await?;
        let mut running = JoinSet::new();
        let mut outcome = Ok(tenants.len());
        for tenant in tenants {
            if running.len() == WIDTH {
                keep_first(&mut outcome, running.join_next().await);
            }
            let (owner, services) = (self.clone(), services.to_vec());
            running.spawn(async move { owner.migrate_tenant(tenant, &services).await });
        }
        while let Some(finished) = running.join_next().await {
            keep_first(&mut outcome, Some(finished));
        }
        outcome
    }

    /// All tenants that have a schema, by the server's own catalogue.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn tenants(&self) -> Result<Vec<TenantId>, Error> {
        let names: Vec<String> = sqlx::query_scalar(
            "SELECT nspname::text FROM pg_catalog.pg_namespace WHERE nspname ~ '^t_[0-9a-f]{32}$' ORDER BY 1",
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(names
            .iter()
            .filter_map(|name| SchemaName::tenant(name))
            .collect())
    }
}

type Finished = Result<Result<(), Error>, tokio::task::JoinError>;

fn keep_first(outcome: &mut Result<usize, Error>, finished: Option<Finished>) {
    let Some(finished) = finished else { return };
    let failure = match finished {
        Ok(Ok(())) => return,
        Ok(Err(error)) => error,
        Err(panic) => std::panic::resume_unwind(panic.into_panic()),
    };
    tracing::error!(
        error = &failure as &dyn std::error::Error,
        "a tenant's schema could not be migrated"
    );
    if outcome.is_ok() {
        *outcome = Err(failure);
    }
}

/// Applies what is pending, in the order given. True if anything was.
async fn migrate(
    connection: &mut PgConnection,
    schema: &SchemaName,
    services: impl Iterator<Item = (&'static str, &'static [Migration])>,
) -> Result<bool, Error> {
    run(
        connection,
        format!("SET LOCAL search_path TO \"{schema}\", pg_temp; SET LOCAL client_min_messages TO warning; {MIGRATIONS_TABLE}"),
    )
    .await?;
    let rows: Vec<(String, String, String)> =
        sqlx::query_as("SELECT service, name, checksum FROM migrations")
            .fetch_all(&mut *connection)
            .await?;
    let applied: HashMap<(String, String), String> = rows
        .into_iter()
        .map(|(service, name, checksum)| ((service, name), checksum))
        .collect();
    let mut changed = false;
    for (service, steps) in services {
        for step in steps {
            let checksum = step.checksum();
            match applied.get(&(service.to_owned(), step.name.to_owned())) {
                Some(known) if *known == checksum => continue,
                Some(_) => {
                    return Err(Error::MigrationChanged {
                        schema: schema.to_string(),
                        service: service.to_owned(),
                        name: step.name.to_owned(),
                    });
                }
                None => apply(connection, schema, service, step, &checksum).await?,
            }
            changed = true;
        }
    }
    Ok(changed)
}

async fn apply(
    connection: &mut PgConnection,
    schema: &SchemaName,
    service: &'static str,
    step: &Migration,
    checksum: &str,
) -> Result<(), Error> {
    sqlx::raw_sql(step.sql)
        .execute(&mut *connection)
        .await
        .map_err(|source| Error::failed_on(schema, service, step.name, source))?;
    sqlx::query("INSERT INTO migrations (service, name, checksum) VALUES ($1, $2, $3)")
        .bind(service)
        .bind(step.name)
        .bind(checksum)
        .execute(connection)
        .await?;
    Ok(())
}

/// Nobody makes tables beside ours, not even temporary ones that could stand in front of them.
async fn close_to_public(connection: &mut PgConnection) -> Result<(), Error> {
    let statements: Vec<String> = sqlx::query_scalar(
        "SELECT pg_catalog.format('REVOKE %s ON DATABASE %I FROM PUBLIC', right_, pg_catalog.current_database())
         FROM (VALUES ('TEMPORARY'), ('CREATE')) AS rights(right_)
         WHERE pg_catalog.has_database_privilege('public', pg_catalog.current_database(), right_)",
    )
    .fetch_all(&mut *connection)
    .await?;
    for statement in statements {
        run(connection, statement).await?;
    }
    Ok(())
}

/// Held until the transaction ends.
async fn lock(connection: &mut PgConnection, schema: &SchemaName) -> Result<(), Error> {
    let hash = blake3::hash(format!("troupe.migrate.{schema}").as_bytes());
    let (key, _) = hash
        .as_bytes()
        .split_first_chunk()
        .expect("a hash has 32 bytes");
    sqlx::query("SELECT pg_catalog.pg_advisory_xact_lock($1)")
        .bind(i64::from_be_bytes(*key))
        .execute(connection)
        .await?;
    Ok(())
}

async fn exists(connection: &mut PgConnection, schema: &SchemaName) -> Result<bool, Error> {
    let query = "SELECT EXISTS (SELECT FROM pg_catalog.pg_namespace WHERE nspname = $1)";
    let exists = sqlx::query_scalar(query).bind(schema.as_str());
    Ok(exists.fetch_one(connection).await?)
}

/// Statements made of schema and role names alone.
async fn run(connection: &mut PgConnection, statements: String) -> Result<(), Error> {
    sqlx::raw_sql(AssertSqlSafe(statements))
        .execute(connection)
        .await?;
    Ok(())
}
