//! A service that answers, until it is drained.

use std::{sync::Arc, time::Duration};

use tokio::{sync::Semaphore, task::JoinSet};
use tokio_util::sync::CancellationToken;

use crate::{Error, Runtime, Service, TaskCtx, serve::Loop, service::Task};

/// How long requests in flight may take after the drain began.
const GRACE: Duration = Duration::from_secs(25);
/// The pause before a background task that ended too early is started again.
const RESTART: Duration = Duration::from_secs(1);

/// Ready as soon as it exists.
pub struct Running {
    name: &'static str,
    stop: CancellationToken,
    loops: JoinSet<()>,
}

pub(crate) async fn start<S: Send + Sync + 'static>(
    service: Service<S>,
    runtime: &Runtime,
) -> Result<Running, Error> {
    let (stop, mut loops) = (CancellationToken::new(), JoinSet::new());
    let micro = Arc::new(
        runtime
            .bus
            .micro(service.name, env!("CARGO_PKG_VERSION"))
            .await?,
    );
    let permits = Arc::new(Semaphore::new(runtime.max_in_flight));
    for endpoint in service.endpoints {
        let requests = (endpoint.subscribe)(&micro).await?;
        let serve = Loop {
            operation: endpoint.operation,
            answer: endpoint.answer,
            runtime: runtime.clone(),
            state: service.state.clone(),
            permits: permits.clone(),
            stop: stop.clone(),
            // The micro service lives as long as one of its endpoints.
            _micro: micro.clone(),
        };
        loops.spawn(serve.run(requests));
    }
    for task in service.tasks {
        let ctx = TaskCtx {
            bus: runtime.bus.clone(),
            state: service.state.clone(),
            stop: stop.clone(),
        };
        loops.spawn(supervise(task, ctx));
    }
    runtime.bus.flush().await?;
    tracing::info!("`{}` is ready", service.name);
    Ok(Running {
        name: service.name,
        stop,
        loops,
    })
}

async fn supervise<S: Send + Sync + 'static>((name, task): Task<S>, ctx: TaskCtx<S>) {
    while !ctx.stop.is_cancelled() {
        let mut run = JoinSet::new();
        run.spawn(task(ctx.clone()));
        let ended = run.join_next().await;
        if ctx.stop.is_cancelled() {
            return;
        }
        match ended {
            Some(Err(error)) => {
                tracing::error!(%error, "the task `{name}` broke down and is started again")
            }
            Some(Ok(())) | None => tracing::warn!("the task `{name}` ended and is started again"),
        }
        tokio::select! {
            () = ctx.stop.cancelled() => return,
            () = tokio::time::sleep(RESTART) => {}
        }
    }
}

impl Running {
    /// Takes no new work, finishes what is in flight, within a grace time.
    pub async fn drain(mut self) {
        self.stop.cancel();
        let finished = async { while self.loops.join_next().await.is_some() {} };
        if tokio::time::timeout(GRACE, finished).await.is_err() {
            tracing::warn!("`{}` did not finish in time and is cut off", self.name);
        }
    }
}
