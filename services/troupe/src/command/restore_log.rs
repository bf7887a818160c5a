//! `troupe restore-log`: makes the engine's logs anew from the archive. No engine may run meanwhile.

use anyhow::Context;
use bus::Bus;

use crate::{roles::Role, settings::Settings};

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Restore this partition alone, for example one with a damaged entry; all without it.
    #[arg(long)]
    partition: Option<u16>,
    #[command(flatten)]
    settings: Settings,
}

pub(crate) async fn run(options: Options) -> anyhow::Result<()> {
    let settings = options.settings;
    let bus = Bus::connect(&settings.bus_of(Role::Execution))
        .await
        .context("NATS")?;
    let done = execution::restore(&settings.execution(), &bus, options.partition).await?;
    println!("{:#}", serde_json::to_value(&done)?);
    Ok(())
}
