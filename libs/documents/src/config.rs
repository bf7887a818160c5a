//! The archive's part of a service's configuration.

use std::time::Duration;

use secrecy::SecretString;

#[derive(clap::Args, Clone, Debug)]
#[group(skip)]
pub struct Config {
    /// URL of the MongoDB server or replica set.
    #[arg(
        long,
        env = "TROUPE_MONGO_URL",
        hide_env_values = true,
        default_value = "mongodb://localhost/"
    )]
    pub mongo_url: SecretString,
    /// The database of the archive.
    #[arg(long, env = "TROUPE_MONGO_DATABASE", default_value = "troupe")]
    pub mongo_database: String,
    /// Connections of one service at most.
    #[arg(long, env = "TROUPE_MONGO_POOL", default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub mongo_pool: u32,
    /// How long one operation may take, in milliseconds.
    #[arg(long, env = "TROUPE_MONGO_TIMEOUT_MS", default_value_t = 10_000)]
    pub mongo_timeout_ms: u64,
    /// How long the archive keeps what happened, in days.
    #[arg(long, env = "TROUPE_ARCHIVE_DAYS", default_value_t = 90, value_parser = clap::value_parser!(u32).range(1..=36_500))]
    pub archive_days: u32,
}

impl Config {
    /// The defaults, for a server at `url`.
    pub fn new(url: impl Into<SecretString>, database: impl Into<String>) -> Self {
        Self {
            mongo_url: url.into(),
            mongo_database: database.into(),
            mongo_pool: 8,
            mongo_timeout_ms: 10_000,
            archive_days: 90,
        }
    }

    pub(crate) fn timeout(&self) -> Duration {
        Duration::from_millis(self.mongo_timeout_ms)
    }

    pub(crate) fn retention(&self) -> Duration {
        Duration::from_secs(u64::from(self.archive_days) * 24 * 60 * 60)
    }
}
