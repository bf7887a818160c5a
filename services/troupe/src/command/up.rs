//! `troupe up` and `troupe serve`: run services until a signal, then drain them.

use anyhow::Context;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::signal::unix::{SignalKind, signal};

use crate::{
    roles::{Platform, Role},
    settings::Settings,
};

pub(crate) async fn run(settings: Settings, roles: Vec<Role>) -> anyhow::Result<()> {
    open_more_files();
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

/// Lets the process open as many files as the system allows it: many systems begin with 1,024, and each stream takes two.
fn open_more_files() {
    let limit = getrlimit(Resource::Nofile);
    let most = Rlimit {
        current: limit.maximum,
        ..limit
    };
    if let Err(error) = setrlimit(Resource::Nofile, most) {
        tracing::warn!(%error, limit.current, "the number of open files stays as it is");
    }
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
