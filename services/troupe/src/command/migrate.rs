//! `troupe migrate`: streams and buckets, shared tables, every tenant's schema. Run again, it goes on where it stopped.

use anyhow::Context;
use bus::{Bus, topology};

use crate::{roles::MIGRATIONS, settings::Settings};

pub(crate) async fn run(settings: Settings) -> anyhow::Result<()> {
    let bus = Bus::connect(&settings.bus_as_admin())
        .await
        .context("NATS")?;
    topology::ensure(&bus, settings.partitions)
        .await
        .context("streams and buckets")?;
    let owner = sql::Owner::connect(&settings.sql)
        .await
        .context("PostgreSQL")?;
    owner
        .migrate_platform(&MIGRATIONS)
        .await
        .context("shared tables")?;
    let tenants = owner
        .migrate_all(&MIGRATIONS)
        .await
        .context("schemas of tenants")?;
    tracing::info!(tenants, "everything is up to date");
    Ok(())
}
