//! A PostgreSQL database per test, on the server of the run.
//!
//! **Invariant:** a template database bears its final name only when its
//! migrations have all run, so a test never copies half a template, whichever
//! process made it and wherever that process was stopped.
//!
//! Roles belong to the whole server: tests that create some share them, so they
//! must be created with names and passwords that do not differ between tests.

use sea_orm::{ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DbErr};
use uuid::Uuid;

use crate::servers::{clean_up_on_drop, from_environment};

/// A database nobody else uses. Dropped on drop, with whoever is still
/// connected to it.
#[derive(Debug)]
pub struct Postgres {
    server_url: String,
    database: String,
}

impl Postgres {
    /// An empty database.
    ///
    /// # Panics
    /// When the server of the run does not answer.
    pub async fn create() -> Self {
        let admin = Admin::connect().await;
        admin.create_private("template1").await
    }

    /// A copy of a database that `migrate` has prepared. `migrate` gets the URL
    /// of an empty database and runs once per `key` and server, however many
    /// processes ask at the same time; so `key` must change whenever the
    /// migrations do (their text will do).
    ///
    /// # Panics
    /// When the server of the run does not answer, or `migrate` fails.
    pub async fn migrated<M>(key: &str, migrate: M) -> Self
    where
        M: AsyncFnOnce(String) -> anyhow::Result<()>,
    {
        let admin = Admin::connect().await;
        let template = admin.template(key, migrate).await;
        admin.create_private(&template).await
    }

    /// `postgres://<superuser>@<host>:<port>/<database of this test>`
    #[must_use]
    pub fn url(&self) -> String {
        url_of(&self.server_url, &self.database)
    }

    /// The name of this test's database.
    #[must_use]
    pub fn database(&self) -> &str {
        &self.database
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        let (url, name) = (self.server_url.clone(), self.database.clone());
        clean_up_on_drop(&format!("PostgreSQL database `{name}`"), async move {
            let connection = connect(&url).await?;
            connection
                .execute_unprepared(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"))
                .await?;
            connection.close().await?;
            Ok(())
        });
    }
}

/// One session of the superuser, outside all tests' databases. It is one
/// session, not a pool, because it holds the advisory lock.
struct Admin {
    url: String,
    session: DatabaseConnection,
}

impl Admin {
    async fn connect() -> Self {
        let url = from_environment("TROUPE_TEST_POSTGRES_URL");
        let session = connect(&url)
            .await
            .unwrap_or_else(|error| panic!("the PostgreSQL server of this run: {error}"));
        Self { url, session }
    }

    async fn create_private(self, template: &str) -> Postgres {
        let database = format!("test_{}", Uuid::now_v7().simple());
        self.run(&format!("CREATE DATABASE {database} TEMPLATE {template}"))
            .await;
        let Self { url, session } = self;
        session.close().await.expect("the session closes");
        Postgres {
            server_url: url,
            database,
        }
    }

    async fn template<M>(&self, key: &str, migrate: M) -> String
    where
        M: AsyncFnOnce(String) -> anyhow::Result<()>,
    {
        let hash = blake3::hash(key.as_bytes());
        let name = format!("template_{}", &hash.to_hex()[..24]);
        let lock = i64::from_le_bytes(
            *hash
                .as_bytes()
                .first_chunk()
                .expect("a hash is longer than eight bytes"),
        );
        self.run(&format!("SELECT pg_advisory_lock({lock})")).await;
        if !self.exists(&name).await {
            let draft = format!("draft_{}", Uuid::now_v7().simple());
            self.run(&format!("CREATE DATABASE {draft}")).await;
            migrate(url_of(&self.url, &draft))
                .await
                .unwrap_or_else(|error| panic!("the template's migrations: {error:#}"));
            // A pool that `migrate` leaves open would refuse the renaming.
            self.run(&format!(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = '{draft}'"
            ))
            .await;
            self.run(&format!("ALTER DATABASE {draft} RENAME TO {name}"))
                .await;
        }
        self.run(&format!("SELECT pg_advisory_unlock({lock})"))
            .await;
        name
    }

    async fn exists(&self, database: &str) -> bool {
        let question = format!("SELECT 1 FROM pg_database WHERE datname = '{database}'");
        let statement =
            sea_orm::Statement::from_string(self.session.get_database_backend(), question);
        self.session
            .query_one_raw(statement)
            .await
            .expect("the catalogue answers")
            .is_some()
    }

    async fn run(&self, sql: &str) {
        self.session
            .execute_unprepared(sql)
            .await
            .unwrap_or_else(|error| panic!("`{sql}`: {error}"));
    }
}

async fn connect(url: &str) -> Result<DatabaseConnection, DbErr> {
    let mut options = ConnectOptions::new(url);
    options.max_connections(1).sqlx_logging(false);
    Database::connect(options).await
}

/// The server's URL with another database in it. What follows the path
/// (`?sslmode=…`) stays.
fn url_of(server_url: &str, database: &str) -> String {
    let (base, query) = match server_url.split_once('?') {
        Some((base, query)) => (base, format!("?{query}")),
        None => (server_url, String::new()),
    };
    let authority_at = base.find("://").map_or(0, |at| at + 3);
    let end = base[authority_at..]
        .find('/')
        .map_or(base.len(), |at| authority_at + at);
    format!("{}/{database}{query}", &base[..end])
}

#[cfg(test)]
mod tests {
    use super::url_of;

    #[test]
    fn the_database_of_a_url_is_replaced() {
        let check = |url, expect: &str| assert_eq!(url_of(url, "x"), expect);
        check("postgres://u@h:5/postgres", "postgres://u@h:5/x");
        check("postgres://u:p@h:5", "postgres://u:p@h:5/x");
        check(
            "postgres://h/a?sslmode=disable",
            "postgres://h/x?sslmode=disable",
        );
    }
}
