//! Requests to the REST API, in the user's name.
//!
//! **Invariant:** whatever goes wrong comes back as a [`Problem`], also where no server answered.

pub(crate) mod asking;
pub(crate) mod connection;
pub(crate) mod file;
pub(crate) mod names;
pub(crate) mod pages;
pub(crate) mod payload;
pub(crate) mod query;
pub(crate) mod session;

use std::pin::Pin;

use contracts::{ErrorCode, Problem};
use serde::{Serialize, de::DeserializeOwned};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{AbortSignal, Headers, RequestInit, Response};

use crate::dom;

const BASE: &str = "/api/v1";
/// The `reason` of a problem that no server told.
pub(crate) const UNREACHABLE: &str = "unreachable";

pub(crate) async fn get<T: DeserializeOwned>(path: &str) -> Result<T, Problem> {
    Call::new("GET", path).send().await
}

pub(crate) async fn post<T: DeserializeOwned>(
    path: &str,
    body: &impl Serialize,
) -> Result<T, Problem> {
    Call::new("POST", path).json(body).send().await
}

pub(crate) async fn put<T: DeserializeOwned>(
    path: &str,
    body: &impl Serialize,
) -> Result<T, Problem> {
    Call::new("PUT", path).json(body).send().await
}

pub(crate) async fn patch<T: DeserializeOwned>(
    path: &str,
    body: &impl Serialize,
) -> Result<T, Problem> {
    Call::new("PATCH", path).json(body).send().await
}

pub(crate) async fn delete(path: &str) -> Result<(), Problem> {
    Call::new("DELETE", path).send().await
}

/// A request; the path is below `/api/v1`, unless it names the whole.
#[derive(Clone)]
pub(crate) struct Call {
    method: &'static str,
    path: String,
    headers: Vec<(&'static str, String)>,
    body: Option<JsValue>,
    signal: Option<AbortSignal>,
    anonymous: bool,
}

impl Call {
    pub(crate) fn new(method: &'static str, path: &str) -> Self {
        let path = match path.starts_with("/api/")
            || path.starts_with("/healthz")
            || path.starts_with("/readyz")
        {
            true => path.to_owned(),
            false => format!("{BASE}{path}"),
        };
        Self {
            method,
            path,
            headers: Vec::new(),
            body: None,
            signal: None,
            anonymous: false,
        }
    }

    #[must_use]
    pub(crate) fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    #[must_use]
    pub(crate) fn json(mut self, body: &impl Serialize) -> Self {
        let text = serde_json::to_string(body).expect("a message has a JSON form");
        self.body = Some(JsValue::from_str(&text));
        self.header("content-type", "application/json")
    }

    #[must_use]
    pub(crate) fn signal(mut self, signal: AbortSignal) -> Self {
        self.signal = Some(signal);
        self
    }

    /// Nobody's request: without an access token.
    #[must_use]
    pub(crate) fn anonymous(mut self) -> Self {
        self.anonymous = true;
        self
    }

    /// Sends it and reads the JSON of the answer.
    pub(crate) async fn send<T: DeserializeOwned>(self) -> Result<T, Problem> {
        parse(&self.text().await?)
    }

    /// Apart from the parsing and in a box, so that there is one of it in the app and not one for each type of answer.
    fn text(self) -> Pin<Box<dyn Future<Output = Result<String, Problem>>>> {
        Box::pin(async move {
            let response = self.open().await?;
            read_text(&response).await
        })
    }

    /// Sends it and reads the JSON of whatever answer comes.
    pub(crate) async fn send_whatever_status<T: DeserializeOwned>(self) -> Result<T, Problem> {
        let response = self.fetch(None).await;
        connection::note(response.is_ok());
        let text = read_text(&response.map_err(|_| unreachable())?).await?;
        serde_json::from_str(&text).map_err(|_| unreachable())
    }

    /// Sends it; the answer comes as soon as its head is there. A token that was refused is replaced once.
    pub(crate) async fn open(self) -> Result<Response, Problem> {
        if self.anonymous {
            return self.once(None).await;
        }
        let token = session::token().await?;
        match self.once(Some(&token)).await {
            Err(problem) if problem.status == 401 => {
                session::refuse(&token);
                self.once(Some(&session::token().await?)).await
            }
            answer => answer,
        }
    }

    async fn once(&self, token: Option<&str>) -> Result<Response, Problem> {
        let response = self.fetch(token).await;
        connection::note(response.is_ok());
        let response = response.map_err(|_| unreachable())?;
        match response.ok() {
            true => Ok(response),
            false => Err(problem_of(&response).await),
        }
    }

    async fn fetch(&self, token: Option<&str>) -> Result<Response, JsValue> {
        let headers = Headers::new()?;
        for (name, value) in &self.headers {
            headers.set(name, value)?;
        }
        if let Some(token) = token {
            headers.set("authorization", &format!("Bearer {token}"))?;
        }
        let init = RequestInit::new();
        init.set_method(self.method);
        init.set_headers(&headers);
        if let Some(body) = &self.body {
            init.set_body(body);
        }
        init.set_signal(self.signal.as_ref());
        let answer = dom::window().fetch_with_str_and_init(&self.path, &init);
        JsFuture::from(answer).await?.dyn_into()
    }
}

/// 204 has no text; `()` is read from it.
fn parse<T: DeserializeOwned>(text: &str) -> Result<T, Problem> {
    let text = if text.is_empty() { "null" } else { text };
    serde_json::from_str(text).map_err(|error| {
        Problem::new(
            ErrorCode::Internal,
            format!("the answer cannot be read: {error}"),
        )
    })
}

async fn read_text(response: &Response) -> Result<String, Problem> {
    let text = match response.text() {
        Ok(text) => JsFuture::from(text).await,
        Err(error) => Err(error),
    };
    text.map(|text| text.as_string().unwrap_or_default())
        .map_err(|_| unreachable())
}

fn unreachable() -> Problem {
    Problem::new(ErrorCode::Unavailable, "the server cannot be reached").with_reason(UNREACHABLE)
}

async fn problem_of(response: &Response) -> Problem {
    let status = response.status();
    let told = read_text(response).await.ok();
    if let Some(problem) = told.and_then(|text| serde_json::from_str(&text).ok()) {
        return problem;
    }
    let code = ErrorCode::from_status(status);
    let mut problem =
        Problem::new(code, format!("the server answered {status}")).with_status(status);
    problem.trace_id = response.headers().get("x-trace-id").ok().flatten();
    problem
}

trait FromStatus {
    fn from_status(status: u16) -> Self;
}

impl FromStatus for ErrorCode {
    fn from_status(status: u16) -> Self {
        match status {
            401 => Self::Unauthenticated,
            403 => Self::Forbidden,
            404 => Self::NotFound,
            409 | 412 => Self::Conflict,
            429 => Self::RateLimited,
            502 | 503 => Self::Unavailable,
            504 => Self::Timeout,
            400..=499 => Self::InvalidInput,
            _ => Self::Internal,
        }
    }
}
