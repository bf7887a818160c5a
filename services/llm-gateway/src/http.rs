//! The HTTP faces: `/chat/completions`, `/responses`, `/embeddings` and `/models` as OpenAI's clients expect them below a
//! base URL, `/messages` and `/messages/count_tokens` as Anthropic's do.
//!
//! **Invariant:** every answer but a stream's is JSON, every failure has the shape of its API, and a question costs
//! nothing before its token was verified.

mod auth;
mod chat;
mod chunk;
mod embeddings;
mod failure;
mod messages;
mod request;
mod responses;
mod speech;

use std::sync::Arc;

use contracts::llm::Model;
use kernel::Verifier;
use poem::{
    Body, Endpoint, IntoResponse, Request, Response,
    http::{Method, StatusCode},
};
use serde_json::Value;
use tokio::sync::Semaphore;

use self::failure::Failure;
use crate::State;

const PREFIX: &str = "/v1";

/// The face as an endpoint, to be mounted at `/v1`; whether it sees that prefix does not matter.
///
/// The [`crate::service`] of the same state must run in the process too: it hears cancellations and keeps the records.
pub fn http(state: State, verifier: Verifier) -> impl Endpoint<Output = Response> + 'static {
    let in_flight = usize::try_from(state.settings.llm_http_in_flight).unwrap_or(usize::MAX);
    Face {
        permits: Arc::new(Semaphore::new(in_flight.min(Semaphore::MAX_PERMITS))),
        state,
        verifier,
    }
}

struct Face {
    state: State,
    verifier: Verifier,
    permits: Arc<Semaphore>,
}

impl Endpoint for Face {
    type Output = Response;

    async fn call(&self, request: Request) -> poem::Result<Response> {
        let path = request.uri().path();
        let path = path.strip_prefix(PREFIX).unwrap_or(path);
        let is_for_messages = path.starts_with("/messages");
        let answer = self.route(request).await;
        Ok(answer.unwrap_or_else(|failure| failure.into_response(is_for_messages)))
    }
}

impl Face {
    async fn route(&self, request: Request) -> Result<Response, Failure> {
        let path = request.uri().path().to_owned();
        let path = path.strip_prefix(PREFIX).unwrap_or(&path);
        // The large ones are boxed here: each layer of the server around them would move them otherwise.
        match (request.method(), path) {
            (&Method::POST, "/chat/completions") => Box::pin(self.chat(request)).await,
            (&Method::POST, "/responses") => Box::pin(self.responses(request)).await,
            (&Method::POST, "/messages") => Box::pin(self.messages(request)).await,
            (&Method::POST, "/messages/count_tokens") => self.count_tokens(request).await,
            (&Method::POST, "/embeddings") => Box::pin(self.embeddings(request)).await,
            (&Method::GET, "/models") => self.models(&request).await,
            (&Method::GET, path) if path.starts_with("/models/") => {
                self.model(&request, &path["/models/".len()..]).await
            }
            (
                _,
                "/chat/completions"
                | "/responses"
                | "/embeddings"
                | "/models"
                | "/messages"
                | "/messages/count_tokens",
            ) => Err(Failure::method_not_allowed()),
            _ => Err(Failure::unknown_path()),
        }
    }

    async fn models(&self, request: &Request) -> Result<Response, Failure> {
        let principal = auth::admit(&self.verifier, request).await?;
        let known = self.state.known(principal.tenant).await?;
        let models = known.catalog().models();
        let data: Vec<Value> = models.iter().map(model).collect();
        Ok(reply(&serde_json::json!({"object": "list", "data": data})))
    }

    async fn model(&self, request: &Request, name: &str) -> Result<Response, Failure> {
        let principal = auth::admit(&self.verifier, request).await?;
        let name = percent_decoded(name).ok_or_else(Failure::unknown_path)?;
        let known = self.state.known(principal.tenant).await?;
        Ok(reply(&model(&known.catalog().model(&name)?)))
    }
}

fn model(model: &Model) -> Value {
    serde_json::json!({
        "id": model.id,
        "object": "model",
        "created": 0,
        "owned_by": model.provider,
        "rehearsal": model.rehearsal,
        "price": model.price,
    })
}

fn reply(value: &Value) -> Response {
    respond(StatusCode::OK, value)
}

fn respond(status: StatusCode, value: &Value) -> Response {
    json(status, value.to_string())
}

fn json(status: StatusCode, text: String) -> Response {
    Body::from_string(text)
        .with_content_type("application/json")
        .with_status(status)
        .into_response()
}

/// Ids of models hold a slash, which clients may or may not encode (RFC 3986, section 2.1).
fn percent_decoded(text: &str) -> Option<String> {
    let (mut bytes, mut rest) = (Vec::new(), text.as_bytes());
    while let Some((first, tail)) = rest.split_first() {
        rest = tail;
        if *first != b'%' {
            bytes.push(*first);
            continue;
        }
        let (digits, tail) = rest.split_at_checked(2)?;
        let digits = std::str::from_utf8(digits).ok()?;
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        rest = tail;
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::percent_decoded;

    #[test]
    fn model_names_are_decoded() {
        let check =
            |text, expect: Option<&str>| assert_eq!(percent_decoded(text).as_deref(), expect);
        check("openai/gpt", Some("openai/gpt"));
        check("openai%2Fgpt%2d4", Some("openai/gpt-4"));
        check("a%2", None);
        check("a%zz", None);
        check("%ff", None);
    }
}
