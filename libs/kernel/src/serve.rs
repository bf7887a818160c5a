//! The loop behind every endpoint: check, run, answer, measure.

use std::{sync::Arc, time::Duration};

use bus::{
    DEFAULT_DEADLINE, Incoming, Micro, Pace, Reply, Subscription, extract_trace, heartbeat_in,
    timeout_in,
};
use bytes::Bytes;
use contracts::{
    Access, ErrorCode, Principal, Problem, id::TenantId, operations::Operation, subject::tenant_of,
};
use futures::{StreamExt, future::BoxFuture};
use opentelemetry::trace::TraceContextExt;
use serde_json::value::RawValue;
use tokio::{sync::Semaphore, task::JoinSet, time::Instant};
use tokio_util::sync::CancellationToken;
use tracing::Instrument;
use tracing_opentelemetry::OpenTelemetrySpanExt;

use crate::{Ctx, Runtime, metrics};

/// No caller may make a handler run longer than this.
const MAX_DEADLINE: Duration = Duration::from_secs(15 * 60);
/// What a caller that was turned away should wait.
const SHED_RETRY_MS: u64 = 500;

type Answer<S> = Arc<
    dyn Fn(Ctx<S>, Bytes, Option<Reply>) -> BoxFuture<'static, Result<Box<RawValue>, Problem>>
        + Send
        + Sync,
>;

pub(crate) struct Loop<S> {
    pub(crate) operation: &'static Operation,
    pub(crate) answer: Answer<S>,
    pub(crate) runtime: Runtime,
    pub(crate) state: Arc<S>,
    pub(crate) permits: Arc<Semaphore>,
    pub(crate) stop: CancellationToken,
    pub(crate) _micro: Arc<Micro>,
}

impl<S: Send + Sync + 'static> Loop<S> {
    pub(crate) async fn run(self, mut requests: Subscription) {
        let this = Arc::new(self);
        let mut in_flight = JoinSet::new();
        loop {
            tokio::select! {
                () = this.stop.cancelled() => break,
                Some(incoming) = requests.next() => this.clone().begin(incoming, &mut in_flight),
                Some(_) = in_flight.join_next() => {}
                else => break,
            }
        }
        if let Err(error) = requests.stop().await {
            tracing::debug!(%error, "an endpoint could not be unsubscribed");
        }
        in_flight.join_all().await;
    }

    fn begin(self: Arc<Self>, incoming: Incoming, in_flight: &mut JoinSet<()>) {
        let span = tracing::info_span!(
            "request",
            otel.name = self.operation.name,
            otel.kind = "server"
        );
        if let Err(error) = span.set_parent(extract_trace(incoming.headers())) {
            tracing::debug!(%error, "a trace cannot be continued");
        }
        let permit = self.permits.clone().try_acquire_owned();
        let work = async move {
            let begun = Instant::now();
            let answer = match permit {
                Ok(_) => self.answer(&incoming).await,
                Err(_) => Err(Problem::new(
                    ErrorCode::Unavailable,
                    format!("`{}` is busy", self.operation.service()),
                )
                .with_retry_after_ms(SHED_RETRY_MS)),
            };
            let answer = answer.map_err(with_trace);
            metrics::request(
                self.operation.name,
                answer.as_ref().err().map(|p| p.code),
                begun.elapsed(),
            );
            if let Err(error) = self.runtime.bus.reply(&incoming, answer.as_ref()).await {
                tracing::warn!(%error, "an answer could not be sent");
            }
        };
        in_flight.spawn(work.instrument(span));
    }

    async fn answer(&self, incoming: &Incoming) -> Result<Box<RawValue>, Problem> {
        let tenant = tenant_of(incoming.subject())
            .ok_or_else(|| Problem::malformed("the subject names no tenant"))?;
        let principal = self.admit(tenant, incoming.token()).await?;
        let left = timeout_in(incoming.headers())
            .unwrap_or(DEFAULT_DEADLINE)
            .min(MAX_DEADLINE);
        let ctx = Ctx {
            tenant,
            bus: self.runtime.bus.clone(),
            state: self.state.clone(),
            principal,
            token: incoming.token().map(Into::into),
            deadline: Instant::now() + left,
            heartbeat: heartbeat_in(incoming.headers(), tenant),
            pace: Pace::of(incoming.headers(), tenant)?,
        };
        let answer = (self.answer)(ctx, incoming.payload().clone(), incoming.reply_to());
        let too_late = || {
            Problem::new(
                ErrorCode::Timeout,
                format!("`{}` was not done in time", self.operation.name),
            )
        };
        tokio::time::timeout(left, answer)
            .await
            .map_err(|_| too_late())?
    }

    /// Who asks, if they may.
    async fn admit(
        &self,
        tenant: TenantId,
        token: Option<&str>,
    ) -> Result<Option<Principal>, Problem> {
        let needed = match self.operation.access {
            Access::Public | Access::Internal => return Ok(None),
            Access::SignedIn => None,
            Access::Permission(permission) => Some(permission),
        };
        let token = token
            .ok_or_else(|| Problem::new(ErrorCode::Unauthenticated, "an access token is needed"))?;
        let principal = self.runtime.verifier.verify(token).await?;
        // Another tenant is as unknown to the caller as one that does not exist.
        if principal.tenant != tenant {
            return Err(Problem::new(
                ErrorCode::NotFound,
                format!("organization `{tenant}` does not exist"),
            ));
        }
        let allowed = match needed {
            Some(permission) => principal.allows(permission),
            None => principal.execution_id.is_none(),
        };
        if !allowed {
            let needs = needed.map_or("a signed-in user", contracts::Permission::as_str);
            let role = principal.role.as_str();
            return Err(Problem::new(
                ErrorCode::Forbidden,
                format!(
                    "`{}` needs `{needs}`, which `{role}` has not",
                    self.operation.name
                ),
            ));
        }
        Ok(Some(principal))
    }
}

/// Names the trace in a problem, so that a user's report leads to the log.
fn with_trace(mut problem: Problem) -> Problem {
    if problem.trace_id.is_none() {
        let context = tracing::Span::current().context();
        let id = context.span().span_context().trace_id();
        problem.trace_id = (id != opentelemetry::TraceId::INVALID).then(|| id.to_string());
    }
    problem
}
