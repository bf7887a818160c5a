//! `/healthz` (the process lives), `/readyz` (each dependency answers), `/metrics`.

use std::{collections::BTreeMap, net::SocketAddr, sync::Arc, time::Duration};

use futures::{FutureExt, future::BoxFuture};
use poem::{
    EndpointExt, IntoResponse, Response, Route, Server, get, handler,
    http::StatusCode,
    listener::TcpListener,
    web::{Data, Json},
};
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use crate::{Error, metrics};

/// A dependency that does not answer within this time is down.
const PROBE: Duration = Duration::from_secs(2);

type Probe = Arc<dyn Fn() -> BoxFuture<'static, Result<(), String>> + Send + Sync>;

/// The dependencies of a process and how to ask whether they are there.
#[derive(Clone, Default)]
pub struct Readiness {
    probes: BTreeMap<&'static str, Probe>,
}

/// What [`Readiness::check`] found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    pub ready: bool,
    /// `ok`, or what is wrong, by dependency.
    pub dependencies: BTreeMap<&'static str, String>,
}

impl Readiness {
    /// Adds a dependency; the probe's error text is shown to operators.
    pub fn add<F, Fut>(&mut self, name: &'static str, probe: F)
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), String>> + Send + 'static,
    {
        self.probes.insert(name, Arc::new(move || probe().boxed()));
    }

    /// Adds the dependencies of another, once each.
    pub fn extend(&mut self, other: &Self) {
        for (name, probe) in &other.probes {
            self.probes.entry(name).or_insert_with(|| probe.clone());
        }
    }

    /// Asks every dependency, all at once.
    pub async fn check(&self) -> Report {
        let checks = self.probes.iter().map(|(name, probe)| async move {
            let outcome = match tokio::time::timeout(PROBE, probe()).await {
                Ok(Ok(())) => "ok".to_owned(),
                Ok(Err(reason)) => reason,
                Err(_) => "no answer in time".to_owned(),
            };
            (*name, outcome)
        });
        let dependencies: BTreeMap<_, _> = futures::future::join_all(checks)
            .await
            .into_iter()
            .collect();
        Report {
            ready: dependencies.values().all(|outcome| outcome == "ok"),
            dependencies,
        }
    }
}

/// Adds the three endpoints to a router.
pub fn routes(route: Route, readiness: Readiness) -> Route {
    route
        .at("/healthz", get(healthz))
        .at("/readyz", get(readyz.data(readiness)))
        .at("/metrics", get(metrics_text))
}

/// Serves these routes on a port of their own: for roles that serve no HTTP otherwise.
///
/// # Errors
/// When the address cannot be bound.
pub async fn serve(
    address: SocketAddr,
    routes: Route,
    stop: CancellationToken,
) -> Result<(), Error> {
    let listening = Server::new(TcpListener::bind(address)).run_with_graceful_shutdown(
        routes,
        async move { stop.cancelled().await },
        Some(Duration::from_secs(1)),
    );
    listening.await.map_err(|source| Error::Listen {
        address: address.to_string(),
        source,
    })
}

#[handler]
fn healthz() -> Json<serde_json::Value> {
    Json(serde_json::json!({"status": "ok"}))
}

#[handler]
async fn readyz(readiness: Data<&Readiness>) -> Response {
    let report = readiness.check().await;
    let status = if report.ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    Json(report).with_status(status).into_response()
}

#[handler]
fn metrics_text() -> Response {
    metrics::text()
        .with_content_type("text/plain; version=0.0.4; charset=utf-8")
        .into_response()
}
