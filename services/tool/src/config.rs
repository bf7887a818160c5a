//! The configuration of this service.

use clap::Args;

use crate::containers::Config as ContainersConfig;

#[derive(Args, Clone, Debug)]
#[group(skip)]
pub struct Config {
    #[command(flatten)]
    pub sql: sql::Config,
    #[command(flatten)]
    pub vault: vault::Config,
    #[command(flatten)]
    pub egress: egress::Config,
    #[command(flatten)]
    pub sandbox: sandbox::Config,
    #[command(flatten)]
    pub containers: ContainersConfig,
    #[command(flatten)]
    pub tool: Settings,
}

/// What belongs to this service alone.
#[derive(Args, Clone, Debug)]
#[group(skip)]
pub struct Settings {
    /// Calls of tools that one organization may have under way in a process; more are refused.
    #[arg(long, env = "TROUPE_TOOL_CALLS", default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub tool_calls: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self { tool_calls: 64 }
    }
}
