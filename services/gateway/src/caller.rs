//! Who stands behind a request: a caller with a verified token, or a visitor without one.
//!
//! **Invariant:** the edge has verified the token before any part of the body is read; here its verdict is only read.

use std::sync::Arc;

use bus::Call;
use contracts::{
    ErrorCode, Principal, Problem, Request,
    execution::GetPayload,
    id::{ExecutionId, TenantId},
    payload::PayloadRef,
};
use poem::{FromRequest, RequestBody, http::HeaderMap};
use poem_openapi::{SecurityScheme, auth};
use serde_json::Value;
use tokio::time::Instant;

use crate::{gate::Gate, problem::Refusal};

/// What the edge found out about a request, in its extensions.
#[derive(Clone)]
pub(crate) struct Identity {
    /// None where the request carries no bearer token.
    pub(crate) verdict: Option<Result<Caller, Problem>>,
}

/// A principal with their token.
#[derive(Clone)]
pub(crate) struct Caller {
    pub(crate) gate: Gate,
    pub(crate) principal: Principal,
    pub(crate) token: Arc<str>,
    pub(crate) deadline: Instant,
}

impl Caller {
    /// Asks a service in the caller's name, in their organization.
    ///
    /// # Errors
    /// The service's problem.
    pub(crate) async fn ask<R: Request>(&self, request: &R) -> Result<R::Reply, Refusal> {
        let tenant = self.principal.tenant;
        let answer = self
            .gate
            .ask(tenant, Some(&self.token), self.deadline, request);
        answer.await.map_err(Refusal)
    }

    /// As [`Self::ask`], within the time of a plain request, whenever this request must be answered.
    ///
    /// # Errors
    /// The service's problem.
    pub(crate) async fn ask_soon<R: Request>(&self, request: &R) -> Result<R::Reply, Problem> {
        let deadline = Instant::now() + self.gate.config.request_timeout();
        let tenant = self.principal.tenant;
        self.gate
            .ask(tenant, Some(&self.token), deadline, request)
            .await
    }

    /// The value of an execution that a reference stands for.
    ///
    /// # Errors
    /// The engine's problem.
    pub(crate) async fn value(
        &self,
        execution_id: ExecutionId,
        reference: &PayloadRef,
    ) -> Result<Value, Problem> {
        let call = Call {
            token: Some(&self.token),
            deadline: self.gate.config.request_timeout(),
        };
        let piece = |hash, offset| GetPayload {
            execution_id,
            hash,
            offset,
        };
        let tenant = self.principal.tenant;
        self.gate.bus.value(tenant, call, reference, piece).await
    }
}

/// An access token of `auth.login`, ten minutes old at most.
#[derive(SecurityScheme)]
#[oai(
    rename = "bearer",
    ty = "bearer",
    bearer_format = "JWT",
    checker = "verdict"
)]
pub(crate) struct Bearer(pub(crate) Caller);

impl std::ops::Deref for Bearer {
    type Target = Caller;
    fn deref(&self) -> &Caller {
        &self.0
    }
}

async fn verdict(request: &poem::Request, _: auth::Bearer) -> poem::Result<Caller> {
    let identity = request
        .data::<Identity>()
        .expect("the edge identifies every request");
    let missing = || Problem::new(ErrorCode::Unauthenticated, "an access token is needed");
    let verdict = identity.verdict.clone();
    Ok(verdict.unwrap_or_else(|| Err(missing())).map_err(Refusal)?)
}

/// Someone who is not signed in: what register, login, refresh and logout see.
pub(crate) struct Visitor {
    gate: Gate,
    deadline: Instant,
    /// The value of the refresh cookie, if the request brings one.
    pub(crate) cookie: Option<String>,
    /// The request says `X-Troupe-Client: web`: no other site's page can make a browser say that.
    pub(crate) is_web_app: bool,
}

/// When the request must have been answered.
#[derive(Clone, Copy)]
pub(crate) struct Deadline(pub(crate) Instant);

impl Visitor {
    /// Asks a service without a token, on the platform's tenant.
    ///
    /// # Errors
    /// The service's problem.
    pub(crate) async fn ask<R: Request>(&self, request: &R) -> Result<R::Reply, Refusal> {
        let answer = self
            .gate
            .ask(TenantId::PLATFORM, None, self.deadline, request);
        answer.await.map_err(Refusal)
    }
}

impl<'a> FromRequest<'a> for Visitor {
    async fn from_request(
        request: &'a poem::Request,
        _: &mut RequestBody,
    ) -> poem::Result<Visitor> {
        let gate = request
            .data::<Gate>()
            .expect("the router carries the gate")
            .clone();
        let deadline = request
            .data::<Deadline>()
            .expect("the edge sets a deadline")
            .0;
        let client = request.header("x-troupe-client");
        Ok(Self {
            gate,
            deadline,
            cookie: cookie(request.headers(), crate::api::auth::COOKIE),
            is_web_app: client.is_some_and(|client| client.eq_ignore_ascii_case("web")),
        })
    }
}

fn cookie(headers: &HeaderMap, name: &str) -> Option<String> {
    headers
        .get_all("cookie")
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .find_map(|pair| pair.trim().strip_prefix(name)?.strip_prefix('='))
        .map(str::to_owned)
}
