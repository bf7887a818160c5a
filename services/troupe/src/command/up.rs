//! `troupe up` and `troupe serve`: run services until a signal, then drain them.

use anyhow::Context;
use kernel::{Readiness, Runtime, Verifier};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::{
    roles::{self, Role},
    settings::Settings,
};

pub(crate) async fn run(settings: Settings, roles: Vec<Role>) -> anyhow::Result<()> {
    let stop = CancellationToken::new();
    let mut started = Vec::new();
    let mut readiness = Readiness::default();
    for role in &roles {
        let bus = bus::Bus::connect(&settings.bus_of(*role)).await.with_context(|| format!("`{}` on NATS", role.name()))?;
        if readiness.is_empty() {
            let probe = bus.clone();
            readiness.add("nats", move || {
                let bus = probe.clone();
                async move { if bus.is_connected() { Ok(()) } else { Err("not connected".to_owned()) } }
            });
        }
        let mut runtime = Runtime::new(bus.clone(), Verifier::follow(&bus));
        runtime.readiness = readiness.clone();
        let service = roles::start(*role, &settings, &runtime, &stop).await;
        let service = service.with_context(|| format!("`{}` cannot start", role.name()))?;
        readiness.extend(&service.readiness);
        started.push(service);
    }
    tracing::info!(roles = roles.len(), "all services are ready");
    wait_for_signal().await?;
    tracing::info!("draining");
    stop.cancel();
    // Those that ask are drained before those that answer.
    for service in started.into_iter().rev() {
        service.drain().await;
    }
    tracing::info!("stopped");
    Ok(())
}

async fn wait_for_signal() -> anyhow::Result<()> {
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    Ok(())
}
