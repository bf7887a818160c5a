//! The listener and what is behind it.

use std::{net::SocketAddr, time::Duration};

use kernel::{Runtime, health};
use poem::{EndpointExt, Route, Server, endpoint::BoxEndpoint};
use tokio::{task::JoinSet, time::timeout};
use tokio_util::sync::CancellationToken;

use crate::{
    Config, Error, api, docs, edge::Edge, gate::Gate, hooks, listener::Listener, mcp, socket, web,
};

/// How long requests in flight may take after the drain began.
const GRACE: Duration = Duration::from_secs(20);

/// An endpoint of another service that is mounted on this listener; it sees the path without the prefix, bounds its own
/// bodies and answers within 15 minutes.
pub type Extra = (&'static str, BoxEndpoint<'static>);

/// A gateway that listens.
pub struct Serving {
    address: SocketAddr,
    gate: Gate,
    stop: CancellationToken,
    tasks: JoinSet<()>,
}

/// Listens from the moment this returns.
///
/// # Errors
/// [`Error::Listen`] when the address cannot be bound.
pub fn serve(config: Config, runtime: &Runtime, extra: Vec<Extra>) -> Result<Serving, Error> {
    let address = config.listen;
    let app = web::App::new(config.web_dir.clone());
    let listener = Listener::bind(address).map_err(|source| Error::Listen { address, source })?;
    let address = listener.address();
    let gate = Gate::new(config, runtime.bus.clone(), runtime.verifier.clone());
    let edge = Edge {
        gate: gate.clone(),
        mounted: extra.iter().map(|(path, _)| *path).collect(),
        inner: routes(runtime, app, extra),
    };
    let (stop, mut tasks) = (CancellationToken::new(), JoinSet::new());
    let stopped = stop.clone();
    tasks.spawn(async move {
        let server = Server::new_with_acceptor(listener);
        let signal = async move { stopped.cancelled().await };
        let served = server.run_with_graceful_shutdown(edge, signal, Some(GRACE));
        if let Err(error) = served.await {
            tracing::error!(%error, "the listener failed");
        }
    });
    tracing::info!("`gateway` listens on http://{address}");
    Ok(Serving {
        address,
        gate,
        stop,
        tasks,
    })
}

impl Serving {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Takes no new connection, ends event streams and sockets, finishes requests in flight, within a grace time.
    pub async fn drain(mut self) {
        self.gate.stop.cancel();
        self.stop.cancel();
        while self.tasks.join_next().await.is_some() {}
        if timeout(GRACE, self.gate.sockets.all_left()).await.is_err() {
            tracing::warn!("sockets are open still, and are cut off");
        }
    }
}

fn routes(runtime: &Runtime, app: web::App, extra: Vec<Extra>) -> Route {
    let route = Route::new().nest(api::PREFIX, api::service());
    let route = health::routes(route, runtime.readiness.clone());
    let route = app.routes(docs::routes(socket::routes(hooks::routes(mcp::routes(
        route,
    )))));
    extra.into_iter().fold(route, |route, (path, endpoint)| {
        route.nest(path, endpoint.map_to_response())
    })
}
