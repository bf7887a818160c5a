//! The outermost layer: what happens to every request before and after the API sees it.
//!
//! **Invariant:** whatever happens inside (an error, a panic, no answer), a response leaves with a trace id, the
//! security headers and, where it is an error, a problem as its body.

use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};

use contracts::{ErrorCode, Problem, id::TenantId};
use futures::FutureExt;
use poem::{Endpoint, IntoResponse, PathPattern, Request, Response, http::Method};
use tokio::time::Instant;
use tracing::Instrument;

use crate::{
    caller::{Caller, Deadline, Identity},
    gate::Gate,
    problem,
};

mod body;
mod cors;
mod headers;
mod limits;
pub(crate) mod rate;
mod trace;

use body::OverLimit;
pub(crate) use cors::check_origin;
pub(crate) use headers::{IMMUTABLE, Policy};

/// Models take longer than anything else.
const MOUNTED_TIMEOUT: Duration = Duration::from_secs(15 * 60);

/// Puts the edge around an endpoint.
pub(crate) struct Edge<E> {
    pub(crate) gate: Gate,
    pub(crate) inner: E,
    /// Prefixes of other services' endpoints, which bound their bodies themselves and may take their time.
    pub(crate) mounted: Vec<&'static str>,
}

impl<E: Endpoint> Endpoint for Edge<E> {
    type Output = Response;

    async fn call(&self, request: Request) -> poem::Result<Response> {
        let begun = Instant::now();
        let seen = Seen::of(&request);
        let span = trace::span(&request);
        let trace_id = trace::id_of(&span);
        let answer = self.admit(request, begun).instrument(span.clone()).await;
        let (mut response, rate, tenant) = (answer.response, answer.rate, answer.tenant);
        let route = response.data::<PathPattern>().map(|route| route.0.clone());
        let route = route.as_deref().unwrap_or("unmatched");
        if let Some(problem) = response.data::<Problem>() {
            let mut problem = problem.clone();
            problem.trace_id = Some(trace_id.clone());
            response = problem::response(&problem);
        }
        headers::set(&mut response, &seen.path, &trace_id);
        cors::set(&mut response, seen.origin.as_deref(), &self.gate.config);
        if let Some(rate) = rate {
            rate.set(&mut response);
        }
        trace::finish(&span, &seen, route, response.status(), begun, tenant);
        Ok(response)
    }
}

/// What of the request is needed once it is gone.
pub(crate) struct Seen {
    method: Method,
    path: String,
    origin: Option<String>,
}

impl Seen {
    fn of(request: &Request) -> Self {
        // An origin that is not ASCII is on no list.
        let origin = request
            .headers()
            .get("origin")
            .and_then(|it| it.to_str().ok());
        Self {
            method: request.method().clone(),
            path: request.uri().path().to_owned(),
            origin: origin.map(str::to_owned),
        }
    }
}

struct Answer {
    response: Response,
    rate: Option<rate::State>,
    tenant: Option<TenantId>,
}

impl From<Response> for Answer {
    fn from(response: Response) -> Self {
        Self {
            response,
            rate: None,
            tenant: None,
        }
    }
}

impl<E: Endpoint> Edge<E> {
    /// Everything that can turn a request away before the API sees it.
    async fn admit(&self, mut request: Request, begun: Instant) -> Answer {
        if cors::is_preflight(&request) {
            return cors::preflight(&request, &self.gate.config).into();
        }
        if let Some(name) = headers::credential_in_query(&request) {
            let detail =
                format!("`{name}` must not stand in a URL: use the header `Authorization`");
            return refused(&Problem::malformed(detail)).into();
        }
        let is_proxied = headers::strip_internal(request.headers_mut());
        if request.uri().path() == "/metrics" && !self.may_see_metrics(&request, is_proxied) {
            return refused(&Problem::new(
                ErrorCode::NotFound,
                "there is nothing at this path",
            ))
            .into();
        }
        let deadline = begun + self.time_for(request.uri().path());
        let identity = self.identify(&request, deadline).await;
        let caller = identity.verdict.as_ref().and_then(|it| it.as_ref().ok());
        let tenant = caller.map(|caller| caller.principal.tenant);
        let rate = match self.gate.limits.check(&request, tenant) {
            Ok(rate) => rate,
            Err((problem, rate)) => {
                return Answer {
                    response: refused(&problem),
                    rate: Some(rate),
                    tenant,
                };
            }
        };
        // For endpoints of other services on this listener: they need not check the token again.
        if let Some(Ok(caller)) = &identity.verdict {
            request.set_data(caller.principal.clone());
        }
        request.set_data(identity);
        request.set_data(self.gate.clone());
        request.set_data(Deadline(deadline));
        Answer {
            response: self.answer(request, deadline).await,
            rate,
            tenant,
        }
    }

    /// Runs the API, whatever it does.
    async fn answer(&self, mut request: Request, deadline: Instant) -> Response {
        let limit = limits::body(&request, self.gate.config.body_limit);
        let over_limit = if self.is_mounted(request.uri().path()) {
            OverLimit::default()
        } else {
            body::limit(&mut request, limit)
        };
        let work = AssertUnwindSafe(self.inner.call(request)).catch_unwind();
        let response = match tokio::time::timeout_at(deadline, work).await {
            Ok(Ok(Ok(output))) => output.into_response(),
            Ok(Ok(Err(error))) if error.is_from_response() => error.into_response(),
            Ok(Ok(Err(error))) => {
                let route = error.data::<PathPattern>().cloned();
                let mut response = refused(&problem::problem_of(&error));
                if let Some(route) = route {
                    response.set_data(route);
                }
                response
            }
            Ok(Err(_)) => {
                tracing::error!("a handler panicked");
                refused(&Problem::new(
                    ErrorCode::Internal,
                    "something went wrong on our side",
                ))
            }
            Err(_) => refused(&Problem::new(
                ErrorCode::Timeout,
                "the request was not done in time",
            )),
        };
        if over_limit.is_set() && !response.status().is_success() {
            let detail = format!("the body is larger than {limit} bytes");
            let mut too_large = refused(&problem::with_code(413, detail));
            // The rest of the body is not worth reading.
            too_large
                .headers_mut()
                .insert("connection", poem::http::HeaderValue::from_static("close"));
            return too_large;
        }
        response
    }

    async fn identify(&self, request: &Request, deadline: Instant) -> Identity {
        let header = request.headers().get("authorization");
        let token = header
            .and_then(|value| value.to_str().ok())
            .and_then(bearer);
        let Some(token) = token else {
            return Identity { verdict: None };
        };
        let verdict = self.gate.verifier.verify(token).await;
        let verdict = verdict.map(|principal| Caller {
            gate: self.gate.clone(),
            principal,
            token: Arc::from(token),
            deadline,
        });
        Identity {
            verdict: Some(verdict),
        }
    }

    fn is_mounted(&self, path: &str) -> bool {
        let mut rests = self.mounted.iter().filter_map(|it| path.strip_prefix(it));
        rests.any(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    fn time_for(&self, path: &str) -> Duration {
        if self.is_mounted(path) {
            return MOUNTED_TIMEOUT;
        }
        limits::time(path).unwrap_or(self.gate.config.request_timeout())
    }

    fn may_see_metrics(&self, request: &Request, is_proxied: bool) -> bool {
        let peer = request.remote_addr().as_socket_addr();
        // Behind a proxy on this machine every stranger is a loopback peer.
        let is_local = peer.is_some_and(|peer| peer.ip().is_loopback()) && !is_proxied;
        self.gate.config.metrics_open || is_local
    }
}

fn bearer(value: &str) -> Option<&str> {
    let (scheme, token) = value.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}

/// A response that carries its problem until the trace id is known.
fn refused(problem: &Problem) -> Response {
    let mut response = problem::response(problem);
    response.set_data(problem.clone());
    response
}
