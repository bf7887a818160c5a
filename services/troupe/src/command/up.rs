//! `troupe up` and `troupe serve`: run services until a signal, then drain them.

use anyhow::Context;
use tokio::signal::unix::{SignalKind, signal};

use crate::{
    roles::{Platform, Role},
    settings::Settings,
};

pub(crate) async fn run(settings: Settings, roles: Vec<Role>) -> anyhow::Result<()> {
    let mut platform = Platform::new(settings);
    platform.watch_stores().await?;
    for role in &roles {
        platform
            .start(*role)
            .await
            .with_context(|| format!("`{}` cannot start", role.name()))?;
    }
    platform.serve_health();
    tracing::info!(roles = roles.len(), "ready");
    wait_for_signal().await?;
    tracing::info!("draining");
    platform.drain().await;
    tracing::info!("stopped");
    Ok(())
}

async fn wait_for_signal() -> anyhow::Result<()> {
    let (mut interrupt, mut terminate) = (
        signal(SignalKind::interrupt())?,
        signal(SignalKind::terminate())?,
    );
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    Ok(())
}
