//! Containers that run tools: one call each, one line of JSON in, one line out.
//!
//! Reading order: [`spec`] is what an author may say, [`profile`] what every container gets, [`exchange`] one call,
//! [`pool`] those that wait for one, [`engine`] the way to the engine, [`reaper`] what was left behind.
//!
//! **Invariant:** a tool runs in a container of the fixed profile or not at all. Without an engine each call fails with
//! `sandbox_unavailable`; nothing ever runs on the host.
//! **Invariant:** a container serves one call. What it leaves in its memory or its files goes with it.

mod config;
mod engine;
mod exchange;
mod pool;
mod profile;
mod reaper;
mod running;
mod spec;
#[cfg(test)]
mod tests;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use serde_json::Value;

pub(crate) use self::spec::ContainerSpec;
use self::{
    exchange::Outcome,
    pool::Kind,
    running::{Container, Yard},
};
pub use config::Config;

use crate::failure::Failure;

/// How long an end may take until the engine has told of it.
const END_LIMIT: Duration = Duration::from_secs(2);
/// How long calls in hand may take when the service stops.
const CLOSE_LIMIT: Duration = Duration::from_secs(20);
/// Between two looks for what was left behind.
const REAP_EVERY: Duration = Duration::from_secs(30);

/// Runs tools in containers. Nothing is connected before the first call.
pub(crate) struct Containers {
    yard: Arc<Yard>,
}

impl Containers {
    pub(crate) fn connect(config: &Config) -> Self {
        Self {
            yard: Arc::new(Yard::new(config)),
        }
    }

    /// Gives `input` to a container of its own and returns what it answers. `timeout` bounds everything: the wait for
    /// a free place, the start and the run. Dropping the future kills the container.
    ///
    /// # Errors
    /// [`Failure`] with the reason `sandbox_unavailable`, `image_not_found`, `image_refused`, `start_failed`,
    /// `timeout`, `memory`, `exit_code`, `not_json` or `output_too_large`.
    pub(crate) async fn run(
        &self,
        spec: &ContainerSpec,
        input: &Value,
        timeout: Duration,
    ) -> Result<Value, Failure> {
        let started = Instant::now();
        let late = |what: &str| {
            Failure::timeout(format!(
                "{what} did not finish within `{}` ms",
                timeout.as_millis()
            ))
        };
        let kind = Kind::new(spec, timeout);
        let get_ready = async {
            let permit = self.yard.permit().await?;
            Ok::<_, Failure>((permit, self.yard.container(&kind).await?))
        };
        let (permit, mut container) = tokio::time::timeout(timeout, get_ready)
            .await
            .map_err(|_| unavailable("no container was ready in time"))??;
        let mut line = serde_json::to_vec(input).expect("JSON values always serialise");
        line.push(b'\n');
        let left = timeout.saturating_sub(started.elapsed());
        let outcome = tokio::time::timeout(left, exchange::exchange(container.io()?, &line)).await;
        let result = match outcome {
            Err(_) => Err(late("the container")),
            Ok(Outcome::Line(line)) => parse(&line),
            Ok(Outcome::TooLarge) => Err(Failure::lasting(
                "output_too_large",
                format!(
                    "the container wrote more than `{}` bytes",
                    exchange::OUTPUT_BYTES_MAX
                ),
            )),
            Ok(Outcome::Ended(rest)) => self.ended(&mut container, &rest).await,
        };
        drop(container);
        drop(permit);
        self.yard.refill(&kind);
        result
    }

    /// Looks for what was left behind, now and then, and removes all when `stop` is done.
    pub(crate) async fn keep(&self, stop: impl Future<Output = ()>) {
        let mut ticks = tokio::time::interval(REAP_EVERY);
        let mut reaper = reaper::Reaper::default();
        let mut stop = std::pin::pin!(stop);
        loop {
            tokio::select! {
                () = &mut stop => break,
                _ = ticks.tick() => {
                    self.yard.retire();
                    if let Err(error) = reaper.reap(&self.yard).await {
                        tracing::debug!(error = %error, "cannot look for containers that were left behind");
                    }
                }
            }
        }
        self.close().await;
    }

    /// Lets calls in hand finish, then removes every container of this instance.
    async fn close(&self) {
        self.yard.close(CLOSE_LIMIT).await;
    }

    /// The container has ended without a whole line.
    async fn ended(&self, container: &mut Container, rest: &[u8]) -> Result<Value, Failure> {
        container.let_go();
        let end = tokio::time::timeout(END_LIMIT, self.yard.engine.end_of(container.id()))
            .await
            .map_err(|_| unavailable("the engine does not say how the container ended"))??;
        if end.out_of_memory {
            return Err(Failure::lasting(
                "memory",
                "the container used more memory than it may",
            ));
        }
        if end.exit_code != 0 {
            return Err(Failure::lasting(
                "exit_code",
                format!("the container ended with exit code `{}`", end.exit_code),
            ));
        }
        parse(rest)
    }
}

impl Drop for Containers {
    fn drop(&mut self) {
        self.yard.clear();
    }
}

fn parse(line: &[u8]) -> Result<Value, Failure> {
    serde_json::from_slice(line).map_err(|_| {
        Failure::lasting(
            "not_json",
            "the first line that the container wrote is not JSON",
        )
    })
}

fn unavailable(message: &str) -> Failure {
    Failure::passing("sandbox_unavailable", message)
}
