//! A vendor of language models that speaks OpenAI's protocol over HTTP and says
//! what a test tells it to say: answers, tool calls, and every way to fail.
//!
//! **Invariant:** nothing is made up. A request without an answer left in the
//! script is refused with a text that says so.

mod answer;
mod wire;

use std::{
    collections::VecDeque,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::SystemTime,
};

use poem::{Request, Response, endpoint::make, http::StatusCode};
use serde_json::{Value, json};

pub use self::answer::{Answer, ToolCall, Usage};
use crate::local_http::LocalHttp;

/// The models that `GET /v1/models` names.
pub const MODELS: [&str; 2] = ["fake-large", "fake-small"];

/// One request that arrived.
#[derive(Clone, Debug)]
pub struct LlmRequest {
    pub at: SystemTime,
    pub path: String,
    /// The `Authorization` header.
    pub authorization: Option<String>,
    /// The `Idempotency-Key` header.
    pub idempotency_key: Option<String>,
    /// The body; `null` where it is no JSON.
    pub body: Value,
}

/// The vendor. Ends with its owner.
#[derive(Debug)]
pub struct FakeLlm {
    http: LocalHttp,
    vendor: Arc<Vendor>,
}

/// What a test makes of a request.
#[derive(Clone)]
struct Rule(Arc<dyn Fn(&Value) -> Answer + Send + Sync>);

impl std::fmt::Debug for Rule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Rule")
    }
}

#[derive(Debug, Default)]
struct Vendor {
    script: Mutex<VecDeque<Answer>>,
    otherwise: Mutex<Option<Answer>>,
    rule: Mutex<Option<Rule>>,
    requests: Mutex<Vec<LlmRequest>>,
}

impl FakeLlm {
    /// The only key that is accepted.
    pub const API_KEY: &str = "sk-fake-vendor-key";

    pub async fn start() -> Self {
        let vendor = Arc::new(Vendor::default());
        let shared = Arc::clone(&vendor);
        let http = LocalHttp::serve(make(move |request| {
            let vendor = Arc::clone(&shared);
            async move { vendor.answer(request).await }
        }))
        .await;
        Self { http, vendor }
    }

    /// `http://127.0.0.1:<port>/v1`, as a client's base URL.
    #[must_use]
    pub fn base_url(&self) -> String {
        format!("http://{}/v1", self.http.address())
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.http.address()
    }

    /// Puts an answer at the end of the script. Each is used once.
    pub fn script(&self, answer: Answer) {
        lock(&self.vendor.script).push_back(answer);
    }

    /// The answer to every request that the script has none for.
    pub fn otherwise(&self, answer: Answer) {
        *lock(&self.vendor.otherwise) = Some(answer);
    }

    /// The rule by which every request is answered that the script has no answer for; its argument is the body.
    pub fn answer_by(&self, rule: impl Fn(&Value) -> Answer + Send + Sync + 'static) {
        *lock(&self.vendor.rule) = Some(Rule(Arc::new(rule)));
    }

    /// The requests for answers and vectors that have arrived so far, in order, refused ones too.
    #[must_use]
    pub fn requests(&self) -> Vec<LlmRequest> {
        lock(&self.vendor.requests).clone()
    }
}

impl Vendor {
    async fn answer(&self, mut request: Request) -> poem::Result<Response> {
        let path = request.original_uri().path().to_owned();
        let body = request.take_body().into_bytes().await?;
        let body: Value = serde_json::from_slice(&body).unwrap_or(Value::Null);
        let authorization = request.header("authorization").map(ToOwned::to_owned);
        let known = authorization.as_deref() == Some(&format!("Bearer {}", FakeLlm::API_KEY));
        if matches!(path.as_str(), "/v1/chat/completions" | "/v1/embeddings") {
            lock(&self.requests).push(LlmRequest {
                at: SystemTime::now(),
                path: path.clone(),
                authorization,
                idempotency_key: request.header("idempotency-key").map(ToOwned::to_owned),
                body: body.clone(),
            });
        }
        if !known {
            return Ok(wire::error(StatusCode::UNAUTHORIZED, "incorrect API key"));
        }
        match path.as_str() {
            "/v1/models" => Ok(wire::json_body(&models())),
            "/v1/chat/completions" => Ok(self.answer_with(&body, "messages").await),
            "/v1/embeddings" => Ok(self.answer_with(&body, "input").await),
            _ => Ok(wire::error(StatusCode::NOT_FOUND, "unknown path")),
        }
    }

    /// What the test wants it to say to a request with a list of this name.
    async fn answer_with(&self, body: &Value, list: &str) -> Response {
        if !body[list].is_array() || !body["model"].is_string() {
            let text = format!("`model` and `{list}` are required");
            return wire::error(StatusCode::BAD_REQUEST, &text);
        }
        let scripted = lock(&self.script).pop_front();
        let by_rule = || lock(&self.rule).clone().map(|rule| (rule.0)(body));
        let otherwise = || lock(&self.otherwise).clone();
        let Some(answer) = scripted.or_else(by_rule).or_else(otherwise) else {
            return wire::error(
                StatusCode::INTERNAL_SERVER_ERROR,
                "the test has scripted no answer to this request",
            );
        };
        wire::respond(answer, body).await
    }
}

fn models() -> Value {
    let data: Vec<Value> = MODELS
        .iter()
        .map(|id| json!({"id": id, "object": "model", "created": 0, "owned_by": "fake"}))
        .collect();
    json!({"object": "list", "data": data})
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing is half-written when a holder panics.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
