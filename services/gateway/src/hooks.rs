//! Webhooks that come in from outside: `POST /hooks/{organization}/{trigger}`.
//!
//! **Invariant:** whoever posts here has no token, so nothing is decided here: the request goes to the service as it
//! came, without the headers that are nobody's business.

use std::collections::BTreeMap;

use base64::{Engine, engine::general_purpose::STANDARD};
use contracts::{
    ErrorCode, Problem,
    id::{TenantId, TriggerId},
    trigger::{MAX_WEBHOOK_HEADERS, ReceiveWebhook, WebhookReceived},
};
use poem::{
    IntoResponse, Request, Response, Route, endpoint::make, http::StatusCode, post, web::Path,
};

use crate::{
    caller::Deadline,
    gate::Gate,
    payload::Json,
    problem::{self, Refusal},
};

/// The part of the path before the organization.
pub(crate) const PREFIX: &str = "/hooks";

/// Headers that are not passed on.
const KEPT_BACK: [&str; 3] = ["authorization", "proxy-authorization", "cookie"];

pub(crate) fn routes(route: Route) -> Route {
    let endpoint = make(|request: Request| async move { receive(request).await });
    route.at(
        format!("{PREFIX}/:organization_id/:trigger_id"),
        post(endpoint),
    )
}

async fn receive(mut request: Request) -> poem::Result<Response> {
    let (tenant, trigger_id) = address(&request)?;
    let gate = request
        .data::<Gate>()
        .expect("the edge brings the gate")
        .clone();
    let deadline = request
        .data::<Deadline>()
        .expect("the edge sets a deadline")
        .0;
    let (headers, query) = (headers(&request)?, query(&request)?);
    let body = request.take_body().into_bytes().await?;
    let webhook = ReceiveWebhook {
        trigger_id,
        method: request.method().to_string(),
        query,
        headers,
        body: STANDARD.encode(body),
    };
    let received = gate.ask(tenant, None, deadline, &webhook).await;
    Ok(answer(received.map_err(Refusal)?))
}

/// The output where there is one, else which execution will have it.
fn answer(received: WebhookReceived) -> Response {
    match received.output {
        Some(output) => Json(output).into_response(),
        None => Json(received)
            .with_status(StatusCode::ACCEPTED)
            .into_response(),
    }
}

/// A path that names no trigger is answered as an unknown trigger is.
fn address(request: &Request) -> Result<(TenantId, TriggerId), Refusal> {
    let unknown = || {
        let text = "the webhook is not signed as its trigger asks for";
        Refusal(Problem::new(ErrorCode::Unauthenticated, text).with_reason("not_signed"))
    };
    let Path((tenant, trigger)) = request
        .path_params::<(String, String)>()
        .map(Path)
        .map_err(|_| unknown())?;
    match (tenant.parse(), trigger.parse()) {
        (Ok(TenantId::PLATFORM), _) => Err(unknown()),
        (Ok(tenant), Ok(trigger)) => Ok((tenant, trigger)),
        _ => Err(unknown()),
    }
}

fn headers(request: &Request) -> Result<BTreeMap<String, String>, Refusal> {
    let mut headers = BTreeMap::new();
    let mut bytes = 0;
    for (name, value) in request.headers() {
        bytes += name.as_str().len() + value.len();
        // A value that is no text can be in no input.
        let Ok(value) = value.to_str() else { continue };
        if !KEPT_BACK.contains(&name.as_str()) {
            headers.insert(name.as_str().to_owned(), value.to_owned());
        }
    }
    if bytes > MAX_WEBHOOK_HEADERS {
        let text = format!("the headers have more than {MAX_WEBHOOK_HEADERS} bytes");
        return Err(Refusal(problem::with_code(431, text)));
    }
    Ok(headers)
}

fn query(request: &Request) -> Result<BTreeMap<String, String>, Refusal> {
    let text = request.uri().query().unwrap_or_default();
    if text.len() > MAX_WEBHOOK_HEADERS {
        let text = format!("the query has more than {MAX_WEBHOOK_HEADERS} bytes");
        return Err(Refusal(problem::with_code(414, text)));
    }
    let unreadable = |_| Refusal(Problem::malformed("the query cannot be read"));
    request
        .params::<BTreeMap<String, String>>()
        .map_err(unreadable)
}
