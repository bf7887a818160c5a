//! What every request needs: the bus, the configuration, the live streams, the limits.

use std::{sync::Arc, time::Duration};

use bus::{Bus, Call};
use contracts::{Problem, Request, id::TenantId};
use kernel::Verifier;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::{Config, edge::rate::Limits, live::Hub, socket::Places};

/// Clones share everything.
#[derive(Clone)]
pub(crate) struct Gate(Arc<Shared>);

pub(crate) struct Shared {
    pub(crate) bus: Bus,
    pub(crate) verifier: Verifier,
    pub(crate) config: Config,
    pub(crate) live: Hub,
    pub(crate) limits: Limits,
    pub(crate) sockets: Places,
    /// Cancelled when the gateway drains: open streams then end.
    pub(crate) stop: CancellationToken,
}

impl std::ops::Deref for Gate {
    type Target = Shared;
    fn deref(&self) -> &Shared {
        &self.0
    }
}

impl Gate {
    pub(crate) fn new(config: Config, bus: Bus, verifier: Verifier) -> Self {
        Self(Arc::new(Shared {
            live: Hub::new(bus.clone(), config.max_streams),
            limits: Limits::new(&config),
            sockets: Places::new(config.max_streams),
            stop: CancellationToken::new(),
            bus,
            verifier,
            config,
        }))
    }

    /// Asks a service in the name of a token, until the deadline.
    ///
    /// # Errors
    /// The service's problem.
    pub(crate) async fn ask<R: Request>(
        &self,
        tenant: TenantId,
        token: Option<&str>,
        deadline: Instant,
        request: &R,
    ) -> Result<R::Reply, Problem> {
        let call = Call {
            token,
            deadline: remaining(deadline),
        };
        self.bus.call(tenant, request, call).await
    }
}

fn remaining(deadline: Instant) -> Duration {
    deadline.saturating_duration_since(Instant::now())
}
