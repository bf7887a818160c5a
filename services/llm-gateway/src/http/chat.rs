//! `POST /chat/completions`, and what all faces begin with: who asks, and with what.

use std::borrow::Cow;

use bytes::Bytes;
use chrono::Utc;
use poem::{
    Request, Response,
    error::ReadBodyError,
    http::{HeaderName, HeaderValue, StatusCode},
};
use tokio::sync::OwnedSemaphorePermit;

use super::{
    Face, auth, chunk, chunk::Envelope, failure::Failure, request, request::Wanted, speech,
};
use crate::calls::{self, Asker, Call};

/// The header by which a caller lets parameters be left out that the provider cannot honour.
const LENIENT: &str = "x-gateway-lenient";
/// Names of ignored parameters in the header, at most.
const SHOWN_IGNORED: usize = 32;

/// A question of a client that a provider has taken.
pub(super) struct Begun {
    pub(super) call: Call,
    pub(super) wanted: Wanted,
    pub(super) permit: OwnedSemaphorePermit,
    pub(super) labels: Labels,
}

/// What a response says in its headers.
pub(super) struct Labels {
    id: String,
    ignored: Vec<String>,
    /// Who answered, and how many were asked: for a question that named a route.
    way: Option<(String, usize)>,
    cache: Option<Cow<'static, str>>,
}

impl Face {
    pub(super) async fn chat(&self, request: Request) -> Result<Response, Failure> {
        let Begun {
            call,
            wanted,
            permit,
            labels,
        } = self.begin(request, request::read).await?;
        let envelope = Envelope::new(&call, Utc::now().timestamp(), wanted.with_usage);
        let response = if wanted.streamed {
            speech::streamed(call, envelope, permit, self.state.settings.ping()).await?
        } else {
            let call = speech::whole(call).await?;
            let body = envelope.whole(&call);
            let body = body.expect("a call without further pieces is complete");
            super::json(StatusCode::OK, body)
        };
        Ok(labels.on(response))
    }

    /// Puts the question of a body to a provider.
    pub(super) async fn begin(
        &self,
        mut request: Request,
        read: fn(&[u8]) -> Result<Wanted, Failure>,
    ) -> Result<Begun, Failure> {
        let principal = auth::admit(&self.verifier, &request).await?;
        let permit = self.permits.clone().try_acquire_owned();
        let permit = permit.map_err(|_| Failure::busy())?;
        let idempotency_key = request.header("idempotency-key").map(str::to_owned);
        let lenient = request.header(LENIENT) == Some("true");
        let mut wanted = read(&self.body(&mut request).await?)?;
        wanted.ask.idempotency_key = idempotency_key;
        wanted.ask.lenient = lenient;
        let asker = Asker::of(&principal);
        let call = calls::begin(&self.state, asker, &wanted.ask, wanted.streamed).await?;
        let labels = Labels {
            id: chunk::id(call.id),
            ignored: call.ignored.clone(),
            cache: call.cache(),
            way: call.attempts().map(|asked| (call.target.id(), asked)),
        };
        Ok(Begun {
            call,
            wanted,
            permit,
            labels,
        })
    }

    /// The body of a request, if it is not too large.
    pub(super) async fn body(&self, request: &mut Request) -> Result<Bytes, Failure> {
        let limit = usize::try_from(self.state.settings.llm_http_body_bytes).unwrap_or(usize::MAX);
        let body = request.take_body().into_bytes_limit(limit).await;
        body.map_err(|error| match error {
            ReadBodyError::PayloadTooLarge => Failure::too_large(),
            _ => Failure::malformed(None, "the body cannot be read"),
        })
    }
}

impl Labels {
    pub(super) fn on(self, mut response: Response) -> Response {
        let mut set = |name: &'static str, value: String| {
            // Header values of ours are ASCII; a name of a field that is not is left out.
            if let Ok(value) = HeaderValue::try_from(value) {
                let name = HeaderName::from_static(name);
                response.headers_mut().insert(name, value);
            }
        };
        set("x-request-id", self.id);
        if let Some(cache) = self.cache {
            set("x-gateway-cache", cache.into_owned());
        }
        if let Some((model, asked)) = self.way {
            set("x-gateway-model", model);
            set("x-gateway-attempts", asked.to_string());
        }
        if !self.ignored.is_empty() {
            let shown: Vec<_> = self.ignored.into_iter().take(SHOWN_IGNORED).collect();
            set("x-gateway-dropped", shown.join(","));
        }
        response
    }
}
