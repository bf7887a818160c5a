//! What a handler knows about the request it answers.

use std::{sync::Arc, time::Duration};

use bus::{Bus, Call, Pace};
use contracts::{Principal, Problem, Request, Subject, id::TenantId, owner::OwnerRequest};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Always the first parameter of a handler: tenant, caller, time left, the bus and the service's state.
pub struct Ctx<S> {
    /// The tenant of the subject; equal to the caller's tenant.
    pub tenant: TenantId,
    pub bus: Bus,
    pub state: Arc<S>,
    pub(crate) principal: Option<Principal>,
    pub(crate) token: Option<Arc<str>>,
    pub(crate) deadline: Instant,
    pub(crate) heartbeat: Option<Subject>,
    pub(crate) pace: Option<Pace>,
}

impl<S> Clone for Ctx<S> {
    fn clone(&self) -> Self {
        Self {
            tenant: self.tenant,
            bus: self.bus.clone(),
            state: self.state.clone(),
            principal: self.principal.clone(),
            token: self.token.clone(),
            deadline: self.deadline,
            heartbeat: self.heartbeat.clone(),
            pace: self.pace.clone(),
        }
    }
}

impl<S> Ctx<S> {
    /// Who asks.
    ///
    /// # Panics
    /// In the handler of a public or internal request, which nobody in particular sends.
    pub fn principal(&self) -> &Principal {
        self.principal
            .as_ref()
            .expect("only public and internal requests come without a principal")
    }

    /// The caller's access token, for who must know more of it than the principal; none where nobody in particular asks.
    pub fn token(&self) -> Option<&str> {
        self.token.as_deref()
    }

    /// Where the caller listens for signs of life; none where it waits in silence.
    pub fn heartbeat(&self) -> Option<&Subject> {
        self.heartbeat.as_ref()
    }

    /// The time until the caller stops waiting.
    pub fn remaining(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }

    /// Asks another service in the same tenant, in the caller's name.
    ///
    /// # Errors
    /// The other service's [`Problem`].
    pub async fn call<R: Request>(&self, request: &R) -> Result<R::Reply, Problem> {
        self.call_in(self.tenant, request).await
    }

    /// Asks another service in another tenant: for internal requests, which belong to `platform`.
    ///
    /// # Errors
    /// The other service's [`Problem`].
    pub async fn call_in<R: Request>(
        &self,
        tenant: TenantId,
        request: &R,
    ) -> Result<R::Reply, Problem> {
        let call = Call {
            token: self.token.as_deref(),
            deadline: self.remaining(),
        };
        self.bus.call(tenant, request, call).await
    }

    /// Asks the owner of an execution.
    ///
    /// # Errors
    /// The owner's [`Problem`].
    pub async fn ask_owner<O: OwnerRequest>(&self, request: &O) -> Result<O::Reply, Problem> {
        self.bus.ask_owner(request, self.remaining()).await
    }
}

/// What a background task of a service works with.
pub struct TaskCtx<S> {
    pub bus: Bus,
    pub state: Arc<S>,
    /// Cancelled when the service drains; the task then finishes what it has in hand and returns.
    pub stop: CancellationToken,
}

impl<S> Clone for TaskCtx<S> {
    fn clone(&self) -> Self {
        Self {
            bus: self.bus.clone(),
            state: self.state.clone(),
            stop: self.stop.clone(),
        }
    }
}
