//! The configuration of this service.

use chrono::TimeDelta;
use clap::Args;

#[derive(Args, Clone, Debug)]
#[group(skip)]
pub struct Config {
    #[command(flatten)]
    pub sql: sql::Config,
    #[command(flatten)]
    pub documents: documents::Config,
    #[command(flatten)]
    pub chat: Settings,
}

/// What belongs to this service alone.
#[derive(Args, Clone, Debug)]
#[group(skip)]
pub struct Settings {
    /// How long a process that starts a turn is left alone with it, in milliseconds; after that another tries.
    #[arg(long, env = "TROUPE_CHAT_LEASE_MS", default_value_t = 15_000, value_parser = clap::value_parser!(u32).range(100..=600_000))]
    pub chat_lease_ms: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            chat_lease_ms: 15_000,
        }
    }
}

impl Settings {
    pub(crate) fn lease(&self) -> TimeDelta {
        TimeDelta::milliseconds(i64::from(self.chat_lease_ms))
    }
}
