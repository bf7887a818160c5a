//! Containers that run tools: one call each, one line of JSON in, one line out; or a conversation with an MCP server.
//!
//! Reading order: [`spec`] is what an author may say, [`profile`] what every container gets, [`exchange`] one call,
//! [`pool`] those that wait for one, [`session`] one conversation, [`sessions`] those that wait for their next call,
//! [`engine`] the way to the engine, [`reaper`] what was left behind, [`process`] by whom.
//!
//! **Invariant:** a tool runs in a container of the fixed profile or not at all. Without an engine each call fails with
//! `sandbox_unavailable`; nothing ever runs on the host.
//! **Invariant:** a container serves one call, or the calls of one organization to one MCP server. What it leaves in its
//! memory or its files goes with it.

mod config;
mod engine;
mod exchange;
mod pool;
mod process;
mod profile;
mod reaper;
mod running;
mod session;
mod sessions;
mod spec;
#[cfg(test)]
mod tests;

use std::{sync::Arc, time::Duration};

use contracts::id::TenantId;
use serde_json::Value;

pub(crate) use self::spec::ContainerSpec;
use self::{
    engine::End,
    exchange::Outcome,
    pool::Kind,
    running::{Container, Yard},
    session::{Broken, Session},
};
pub use config::Config;

use crate::{failure::Failure, pulse::Pulse};

/// How long an end may take until the engine has told of it.
const END_LIMIT: Duration = Duration::from_secs(2);
/// How long calls in hand may take when the service stops.
const CLOSE_LIMIT: Duration = Duration::from_secs(20);
/// Between two looks for what was left behind.
const REAP_EVERY: Duration = Duration::from_secs(10);

/// One call of a tool of an MCP server in a container.
pub(crate) struct Asked<'a> {
    pub(crate) tenant: TenantId,
    pub(crate) spec: &'a ContainerSpec,
    /// The tool's name and its arguments.
    pub(crate) params: &'a Value,
    /// Bounds everything.
    pub(crate) timeout: Duration,
    pub(crate) pulse: &'a Pulse,
}

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
        pulse: &Pulse,
    ) -> Result<Value, Failure> {
        let kind = Kind::new(spec, timeout);
        let mut line = serde_json::to_vec(input).expect("JSON values always serialise");
        line.push(b'\n');
        let result = tokio::time::timeout(timeout, self.call(&kind, &line, pulse)).await;
        // A program that fails may be one that burns what it gets: none of it is started before somebody calls it.
        if matches!(result, Ok(Ok(_))) {
            self.yard.refill(&kind);
        }
        result.map_err(|_| late(timeout))?
    }

    /// Calls a tool of the MCP server that is the container's program. The server stays for the organization's next call.
    ///
    /// # Errors
    /// [`Failure`] with one of the reasons of [`Containers::run`], `mcp_version`, `mcp_answer` or `mcp_error`.
    pub(crate) async fn ask_mcp(&self, asked: Asked<'_>) -> Result<Value, Failure> {
        let timeout = asked.timeout;
        let kind = Kind::of_session(asked.spec, timeout);
        tokio::time::timeout(timeout, self.converse(&kind, &asked))
            .await
            .map_err(|_| late(timeout))?
    }

    async fn converse(&self, kind: &Kind, asked: &Asked<'_>) -> Result<Value, Failure> {
        let &Asked {
            tenant,
            params,
            pulse,
            ..
        } = asked;
        let _permit = self.yard.permit().await?;
        if let Some(mut session) = self.yard.take_session(tenant, kind) {
            match session.call_tool(params, pulse).await {
                Ok(answer) => {
                    self.yard.keep_session(tenant, kind, session);
                    return answer;
                }
                // Since its last call, or because of this one: a new container tells.
                Err(Broken::Ended) => {}
                Err(Broken::Failed(failure)) => return Err(failure),
            }
        }
        let mut session = Session::of(self.yard.fresh(kind).await?);
        let answer = match session.greet(pulse).await {
            Ok(()) => session.call_tool(params, pulse).await,
            Err(broken) => Err(broken),
        };
        match answer {
            Ok(answer) => {
                self.yard.keep_session(tenant, kind, session);
                answer
            }
            Err(Broken::Failed(failure)) => Err(failure),
            Err(Broken::Ended) => {
                let end = self.end_of(&mut session.container).await?;
                Err(misfortune(&end).unwrap_or_else(session::hung_up))
            }
        }
    }

    async fn call(&self, kind: &Kind, line: &[u8], pulse: &Pulse) -> Result<Value, Failure> {
        let _permit = self.yard.permit().await?;
        let mut container = self.yard.container(kind).await?;
        if let Some(result) = self.answer(&mut container, line, pulse).await? {
            return Ok(result);
        }
        // While it waited someone else ended it: the engine itself, perhaps, that was started again.
        let mut fresh = self.yard.fresh(kind).await?;
        let result = self.answer(&mut fresh, line, pulse).await?;
        result.ok_or_else(|| unavailable("the container was killed"))
    }

    /// What a container says to `line`; nothing, if it was killed and had waited for its call.
    async fn answer(
        &self,
        container: &mut Container,
        line: &[u8],
        pulse: &Pulse,
    ) -> Result<Option<Value>, Failure> {
        match exchange::exchange(container.io()?, line, pulse).await {
            Outcome::Line(line) => parse(&line).map(Some),
            Outcome::TooLarge => Err(Failure::lasting(
                "output_too_large",
                format!(
                    "the container wrote more than `{}` bytes",
                    exchange::OUTPUT_BYTES_MAX
                ),
            )),
            Outcome::Ended(rest) => match self.end_of(container).await {
                Ok(end) if end.was_killed() && container.was_kept() => Ok(None),
                Err(_) if container.was_kept() => Ok(None),
                end => match misfortune(&end?) {
                    Some(failure) => Err(failure),
                    None => parse(&rest).map(Some),
                },
            },
        }
    }

    /// How a container ended whose output did.
    async fn end_of(&self, container: &mut Container) -> Result<End, Failure> {
        container.let_go();
        let end = self.yard.engine.end_of(container.id());
        tokio::time::timeout(END_LIMIT, end)
            .await
            .map_err(|_| unavailable("the engine does not say how the container ended"))?
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
}

impl Drop for Containers {
    fn drop(&mut self) {
        self.yard.clear();
    }
}

/// What went wrong with a container that has ended.
fn misfortune(end: &End) -> Option<Failure> {
    if end.out_of_memory {
        let text = "the container used more memory than it may";
        return Some(Failure::lasting("memory", text));
    }
    (end.exit_code != 0).then(|| {
        let text = format!("the container ended with exit code `{}`", end.exit_code);
        Failure::lasting("exit_code", text)
    })
}

fn parse(line: &[u8]) -> Result<Value, Failure> {
    serde_json::from_slice(line).map_err(|_| {
        Failure::lasting(
            "not_json",
            "the first line that the container wrote is not JSON",
        )
    })
}

fn late(timeout: Duration) -> Failure {
    let limit = timeout.as_millis();
    Failure::timeout(format!("no container answered within `{limit}` ms"))
}

fn unavailable(message: &str) -> Failure {
    Failure::passing("sandbox_unavailable", message)
}
