//! The configuration of this service.

use clap::Args;

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
}
