//! A service's connections, handed out only as transactions that are bound to a tenant.
//!
//! **Invariant:** role, search path and settings are `LOCAL`: whatever ends the transaction (commit, rollback, drop,
//! panic, cancelled task) takes them back before the connection serves anyone else.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex},
};

use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, QueryResult,
    SqlxPostgresConnector, Statement, TransactionTrait,
    sqlx::{self, AssertSqlSafe, PgConnection, postgres::PgRow},
};

use contracts::id::{TenantId, UserId};

use crate::{Config, Error, Migrations, SchemaName, safety};

#[cfg(test)]
mod tests;

/// Tenants whose schema is remembered as checked, at most.
const REMEMBERED_TENANTS: usize = 100_000;
/// A transaction whose owner is silent for this long is ended by the server, milliseconds.
const IDLE_IN_TRANSACTION_MS: u64 = 60_000;

/// The connections of one service. Clones share them.
#[derive(Clone)]
pub struct Pool {
    db: DatabaseConnection,
    size: u32,
    statement_timeout_ms: u64,
    migrations: Migrations,
    checked: Arc<Mutex<HashSet<TenantId>>>,
}

/// A statement that each connection plans once, for [`Pool::once`].
#[derive(Clone, Copy, Debug)]
pub struct Prepared {
    /// Unique in the service.
    pub name: &'static str,
    /// Those of its parameters, in parentheses.
    pub types: &'static str,
    pub sql: &'static str,
}

/// What [`Pool::once`] carries out.
#[derive(Clone, Debug)]
pub struct Call<'a> {
    pub statement: &'a Prepared,
    /// In parentheses, as SQL: each of a type whose text has no quote, for example an id, a number, a day.
    pub values: String,
}

impl Prepared {
    fn prepare(&self, settings: &str) -> String {
        let Self { name, types, sql } = self;
        format!("{settings}; PREPARE {name}{types} AS {sql}")
    }
}

/// A transaction that sees the schema of one tenant and nothing else. Rolled back when dropped.
#[derive(Debug)]
pub struct Tenant {
    transaction: DatabaseTransaction,
}

/// A transaction on the shared tables, under row-level security. Rolled back when dropped.
#[derive(Debug)]
pub struct Platform {
    transaction: DatabaseTransaction,
}

impl Pool {
    /// Signs in as the login role of the service and checks that the database is set up safely and migrated.
    ///
    /// # Errors
    /// [`Error::NotSafe`], [`Error::NotMigrated`], [`Error::Unavailable`], or what is wrong with the configuration.
    pub async fn connect(config: &Config, migrations: &Migrations) -> Result<Self, Error> {
        let options = config.service_options(migrations.service)?;
        let pool = config.pool_options().connect_with(options).await?;
        let pool = Self {
            db: SqlxPostgresConnector::from_sqlx_postgres_pool(pool),
            size: config.postgres_pool,
            statement_timeout_ms: config.postgres_statement_timeout_ms,
            migrations: *migrations,
            checked: Arc::default(),
        };
        let platform = pool.platform(None, None).await?;
        safety::check(platform.conn()).await?;
        let names = migrations.platform.iter().map(|migration| migration.name);
        pool.check_migrated(platform.conn(), &SchemaName::platform(), names.collect())
            .await?;
        Ok(pool)
    }

    /// A transaction on the tenant's schema.
    ///
    /// # Errors
    /// [`Error::UnknownTenant`]; [`Error::NotMigrated`] if the schema is older than this service; [`Error::Unavailable`].
    pub async fn tenant(&self, tenant: TenantId) -> Result<Tenant, Error> {
        let schema = SchemaName::of(tenant)?;
        let transaction = self.begin(&self.settings(&schema)).await;
        let transaction = transaction.map_err(|error| of_tenant(error, tenant))?;
        if !self.is_checked(tenant) {
            let names = self
                .migrations
                .tenant
                .iter()
                .map(|step| step.name)
                .collect();
            let checked = self.check_migrated(&transaction, &schema, names).await;
            checked.map_err(|error| match error.sqlstate().as_deref() {
                // undefined_table: the role is known to the server, the schema is not in this database.
                Some("42P01") => Error::UnknownTenant(tenant),
                _ => error,
            })?;
            self.remember(tenant);
        }
        Ok(Tenant { transaction })
    }

    /// Carries calls of prepared statements out on the tenant's schema, as one transaction and in one round trip; returns the
    /// rows they give. Where a connection dies they may be carried out twice, so they must bear that.
    ///
    /// # Errors
    /// As of [`Pool::tenant`], or what a statement fails with: then none of them was carried out.
    pub async fn once(
        &self,
        tenant: TenantId,
        calls: &[Call<'_>],
    ) -> Result<Vec<QueryResult>, Error> {
        if !self.is_checked(tenant) {
            self.tenant(tenant).await?.commit().await?;
        }
        let settings = self.settings(&SchemaName::of(tenant)?);
        // Sent together they are one transaction, which ends with them: the settings do too.
        let mut text = format!("{settings}; SET LOCAL plan_cache_mode TO force_generic_plan");
        for Call { statement, values } in calls {
            text.push_str("; EXECUTE ");
            text.push_str(statement.name);
            text.push_str(values);
        }
        let mut tries = self.size + 1;
        loop {
            let pool = self.db.get_postgres_connection_pool();
            let mut connection = pool.acquire().await?;
            let mut rows = fetch(&mut connection, text.clone()).await;
            // invalid_sql_statement_name: this connection does not know them yet.
            if sqlstate_of(&rows) == Some("26000".into()) {
                for call in calls {
                    let prepare = call.statement.prepare(&settings);
                    let prepared = fetch(&mut connection, prepare).await;
                    // duplicate_prepared_statement
                    if sqlstate_of(&prepared) != Some("42P05".into()) {
                        prepared?;
                    }
                }
                rows = fetch(&mut connection, text.clone()).await;
            }
            match rows {
                // A connection that died while idle.
                Err(Error::Unavailable(_)) if tries > 0 => tries -= 1,
                Err(error) => return Err(of_tenant(error, tenant)),
                Ok(rows) => return Ok(rows.into_iter().map(QueryResult::from).collect()),
            }
        }
    }

    /// A transaction on the shared tables that sees the rows of `tenant`, and those that a policy opens to `user`.
    /// Without either it sees no row that belongs to anyone.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn platform(
        &self,
        tenant: Option<TenantId>,
        user: Option<UserId>,
    ) -> Result<Platform, Error> {
        let text = |uuid: Option<sea_orm::prelude::Uuid>| {
            uuid.map(|uuid| uuid.to_string()).unwrap_or_default()
        };
        let settings = format!(
            "SET LOCAL search_path TO platform, pg_temp; SET LOCAL app.tenant_id TO '{}'; SET LOCAL app.user_id TO '{}'; {}",
            text(tenant.map(TenantId::uuid)),
            text(user.map(UserId::uuid)),
            self.limits()
        );
        let transaction = self.begin(&settings).await?;
        Ok(Platform { transaction })
    }

    /// All tenants that have a schema, by the server's own catalogue.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn tenants(&self) -> Result<Vec<TenantId>, Error> {
        let platform = self.platform(None, None).await?;
        let names = platform
            .conn()
            .query_all_raw(Statement::from_string(
                DbBackend::Postgres,
                "SELECT nspname::text AS name FROM pg_catalog.pg_namespace WHERE nspname ~ '^t_[0-9a-f]{32}$' ORDER BY 1",
            ))
            .await?;
        let mut tenants = Vec::with_capacity(names.len());
        for row in names {
            let name: String = row.try_get("", "name")?;
            tenants.extend(SchemaName::tenant(&name));
        }
        Ok(tenants)
    }

    /// One round trip to the server.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn ping(&self) -> Result<(), Error> {
        Ok(self.db.ping().await?)
    }

    /// Closes all connections; transactions still open finish first.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn close(&self) -> Result<(), Error> {
        Ok(self.db.close_by_ref().await?)
    }

    /// `BEGIN` and the settings. A connection that died while idle fails here, before anything was asked: take the next.
    async fn begin(&self, settings: &str) -> Result<DatabaseTransaction, Error> {
        let mut tries = self.size + 1;
        loop {
            match self.begin_once(settings).await {
                Err(Error::Unavailable(source))
                    if tries > 0 && !matches!(source, sea_orm::DbErr::ConnectionAcquire(_)) =>
                {
                    tries -= 1;
                }
                outcome => return outcome,
            }
        }
    }

    async fn begin_once(&self, settings: &str) -> Result<DatabaseTransaction, Error> {
        let transaction = self.db.begin().await?;
        transaction.execute_unprepared(settings).await?;
        Ok(transaction)
    }

    fn settings(&self, schema: &SchemaName) -> String {
        format!(
            "SET LOCAL ROLE \"{schema}\"; SET LOCAL search_path TO \"{schema}\", pg_temp; {}",
            self.limits()
        )
    }

    fn limits(&self) -> String {
        format!(
            "SET LOCAL statement_timeout TO {}; SET LOCAL idle_in_transaction_session_timeout TO {IDLE_IN_TRANSACTION_MS}",
            self.statement_timeout_ms
        )
    }

    async fn check_migrated(
        &self,
        transaction: &DatabaseTransaction,
        schema: &SchemaName,
        names: Vec<&'static str>,
    ) -> Result<(), Error> {
        let statement = Statement::from_sql_and_values(
            DbBackend::Postgres,
            "SELECT name FROM migrations WHERE service = $1",
            [self.migrations.service.into()],
        );
        let rows = transaction.query_all_raw(statement).await?;
        let mut applied = HashSet::new();
        for row in rows {
            applied.insert(row.try_get_by_index::<String>(0)?);
        }
        if names.into_iter().all(|name| applied.contains(name)) {
            return Ok(());
        }
        Err(Error::NotMigrated {
            schema: schema.to_string(),
            service: self.migrations.service,
        })
    }

    fn is_checked(&self, tenant: TenantId) -> bool {
        self.checked.lock().is_ok_and(|set| set.contains(&tenant))
    }

    fn remember(&self, tenant: TenantId) {
        // A poisoned lock costs one more check per transaction, nothing else.
        let Ok(mut checked) = self.checked.lock() else {
            return;
        };
        if checked.len() >= REMEMBERED_TENANTS {
            checked.clear();
        }
        checked.insert(tenant);
    }
}

async fn fetch(connection: &mut PgConnection, text: String) -> Result<Vec<PgRow>, Error> {
    let rows = sqlx::raw_sql(AssertSqlSafe(text)).fetch_all(connection);
    rows.await.map_err(Error::from)
}

fn sqlstate_of<T>(outcome: &Result<T, Error>) -> Option<String> {
    outcome.as_ref().err()?.sqlstate()
}

fn of_tenant(error: Error, tenant: TenantId) -> Error {
    // invalid_parameter_value: no such role. insufficient_privilege: not a tenant this service may enter.
    match error.sqlstate().as_deref() {
        Some("22023" | "42501") => Error::UnknownTenant(tenant),
        _ => error,
    }
}

impl Tenant {
    pub fn conn(&self) -> &DatabaseTransaction {
        &self.transaction
    }

    /// # Errors
    /// What a deferred constraint refuses; [`Error::Unavailable`] when the outcome is not known.
    pub async fn commit(self) -> Result<(), Error> {
        Ok(self.transaction.commit().await?)
    }
}

impl Platform {
    pub fn conn(&self) -> &DatabaseTransaction {
        &self.transaction
    }

    /// # Errors
    /// What a deferred constraint refuses; [`Error::Unavailable`] when the outcome is not known.
    pub async fn commit(self) -> Result<(), Error> {
        Ok(self.transaction.commit().await?)
    }
}
