//! The configuration of this service.

use clap::Args;

#[derive(Args, Clone, Debug)]
#[group(skip)]
pub struct Config {
    #[command(flatten)]
    pub sql: sql::Config,
}
