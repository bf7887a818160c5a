//! A service that answers, until it is drained.

use std::{fmt::Display, sync::Arc, time::Duration};

use tokio::{sync::Semaphore, task::JoinSet};
use tokio_util::sync::CancellationToken;

use crate::{Error, Runtime, Service, TaskCtx, serve::Loop};

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
        let (name, run) = task;
        loops.spawn(async move { keep_up(name, &ctx.stop, || run(ctx.clone())).await });
    }
    runtime.bus.flush().await?;
    tracing::info!("`{}` is ready", service.name);
    Ok(Running {
        name: service.name,
        stop,
        loops,
    })
}

/// Runs something until `stop`: where it ends or breaks down before, it is started again a second later.
pub async fn keep_up<F>(name: impl Display, stop: &CancellationToken, mut run: impl FnMut() -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    while !stop.is_cancelled() {
        let mut task = JoinSet::new();
        task.spawn(run());
        let ended = task.join_next().await;
        if stop.is_cancelled() {
            return;
        }
        match ended {
            Some(Err(error)) => {
                tracing::error!(%error, "the task `{name}` broke down and is started again")
            }
            Some(Ok(())) | None => tracing::warn!("the task `{name}` ended and is started again"),
        }
        tokio::select! {
            () = stop.cancelled() => return,
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

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_breaks_down_is_started_again_alone() {
        let stop = CancellationToken::new();
        let (breaking, steady) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
        let run = |count: &Arc<AtomicU32>, breaks: bool| {
            let (count, stop) = (count.clone(), stop.clone());
            move || {
                let (begun, stop) = (count.fetch_add(1, Ordering::Relaxed), stop.clone());
                async move {
                    assert!(!breaks || begun > 2, "it breaks down");
                    stop.cancelled().await;
                }
            }
        };
        let both = async {
            tokio::join!(
                keep_up("breaking", &stop, run(&breaking, true)),
                keep_up("steady", &stop, run(&steady, false)),
            )
        };
        let end = async {
            while breaking.load(Ordering::Relaxed) < 4 {
                tokio::time::sleep(RESTART).await;
            }
            stop.cancel();
        };
        tokio::join!(both, end);
        assert_eq!(steady.load(Ordering::Relaxed), 1);
    }
}
