//! `troupe check-archive`: holds the archive against what the engine's logs still have. It changes nothing, and may run beside
//! the engine.

use anyhow::{Context, ensure};
use bus::Bus;

use crate::{roles::Role, settings::Settings};

pub(crate) async fn run(settings: Settings) -> anyhow::Result<()> {
    let bus = Bus::connect(&settings.bus_of(Role::Execution))
        .await
        .context("NATS")?;
    let found = execution::check_integrity(&settings.execution(), &bus).await?;
    println!("{:#}", serde_json::to_value(&found)?);
    let count = found.differences;
    ensure!(
        count == 0,
        "the archive lacks {count} events of the logs, or has others"
    );
    Ok(())
}
