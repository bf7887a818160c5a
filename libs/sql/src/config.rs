//! The database part of a service's configuration.

use std::{str::FromStr, time::Duration};

use sea_orm::sqlx::{
    ConnectOptions,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use secrecy::{ExposeSecret, SecretString};

use crate::{Error, roles};

#[derive(clap::Args, Clone, Debug)]
#[group(skip)]
pub struct Config {
    /// URL of the PostgreSQL database. Its user is the owner of the tables: migrations and new tenants use it.
    /// A service keeps host, port and database of it and signs in as its own role.
    #[arg(
        long,
        env = "TROUPE_POSTGRES_URL",
        hide_env_values = true,
        default_value = "postgres://localhost/troupe"
    )]
    pub postgres_url: SecretString,
    /// The secret that the passwords of the services' roles are derived from.
    #[arg(long, env = "TROUPE_POSTGRES_SECRET", hide_env_values = true)]
    pub postgres_secret: Option<SecretString>,
    /// The password of this service's own role, where a service shall not know the secret of all.
    #[arg(long, env = "TROUPE_POSTGRES_PASSWORD", hide_env_values = true)]
    pub postgres_password: Option<SecretString>,
    /// Connections of one service at most.
    #[arg(long, env = "TROUPE_POSTGRES_POOL", default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub postgres_pool: u32,
    /// How long a request waits for a free connection, in milliseconds.
    #[arg(
        long,
        env = "TROUPE_POSTGRES_ACQUIRE_TIMEOUT_MS",
        default_value_t = 5_000
    )]
    pub postgres_acquire_timeout_ms: u64,
    /// How long one statement may run, in milliseconds.
    #[arg(long, env = "TROUPE_POSTGRES_STATEMENT_TIMEOUT_MS", default_value_t = 15_000, value_parser = clap::value_parser!(u64).range(1..=3_600_000))]
    pub postgres_statement_timeout_ms: u64,
}

impl Config {
    /// The defaults, for a server at `url`.
    pub fn new(url: impl Into<SecretString>, secret: impl Into<SecretString>) -> Self {
        Self {
            postgres_url: url.into(),
            postgres_secret: Some(secret.into()),
            postgres_password: None,
            postgres_pool: 8,
            postgres_acquire_timeout_ms: 5_000,
            postgres_statement_timeout_ms: 15_000,
        }
    }

    pub(crate) fn owner_options(&self) -> Result<PgConnectOptions, Error> {
        let options =
            PgConnectOptions::from_str(self.postgres_url.expose_secret()).map_err(Error::Url)?;
        // The owner's statements carry passwords of roles.
        Ok(options
            .application_name("troupe-owner")
            .disable_statement_logging())
    }

    pub(crate) fn service_options(&self, service: &str) -> Result<PgConnectOptions, Error> {
        let role = roles::login_role(service);
        let password = match (&self.postgres_password, &self.postgres_secret) {
            (Some(password), _) => password.clone(),
            (None, Some(secret)) => password(secret, service),
            (None, None) => return Err(Error::NoPassword(role)),
        };
        let options =
            PgConnectOptions::from_str(self.postgres_url.expose_secret()).map_err(Error::Url)?;
        Ok(options
            .username(&role)
            .password(password.expose_secret())
            .application_name(&role)
            .disable_statement_logging())
    }

    pub(crate) fn pool_options(&self) -> PgPoolOptions {
        PgPoolOptions::new()
            .max_connections(self.postgres_pool)
            .acquire_timeout(self.acquire_timeout())
            // One round trip less per transaction; `Pool::begin` deals with connections that died while idle.
            .test_before_acquire(false)
            // A connection remembers each tenant's tables it touched: about 3 kB per table.
            .max_lifetime(Duration::from_secs(30 * 60))
    }

    fn acquire_timeout(&self) -> Duration {
        Duration::from_millis(self.postgres_acquire_timeout_ms)
    }
}

/// The password of a service's login role, for operators who give each service its own.
pub fn password(secret: &SecretString, service: &str) -> SecretString {
    let key = blake3::derive_key(
        "troupe.postgres login role password v1",
        secret.expose_secret().as_bytes(),
    );
    blake3::keyed_hash(&key, service.as_bytes())
        .to_hex()
        .to_string()
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_differ_by_service_and_secret() {
        let text =
            |secret: &str, service| password(&secret.into(), service).expose_secret().to_owned();
        assert_eq!(text("s", "flow"), text("s", "flow"));
        assert_ne!(text("s", "flow"), text("s", "auth"));
        assert_ne!(text("s", "flow"), text("t", "flow"));
        assert_eq!(text("s", "flow").len(), 64);
    }

    #[test]
    fn secrets_do_not_print() {
        let config = Config::new("postgres://ada:hunter2@db/troupe", "s3cr3t");
        let printed = format!("{config:?}");
        assert!(
            !printed.contains("hunter2") && !printed.contains("s3cr3t"),
            "{printed}"
        );
    }
}
