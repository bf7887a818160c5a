//! The outside world, as a step of a flow sees it: an HTTP server that writes
//! down every call, in another process than the one that may be killed.
//!
//! **Invariant:** a call is in the ledger before its answer is sent, so an effect
//! that happened is counted even when nobody learns of it.

use std::{
    collections::VecDeque,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};

use poem::{Body, Request, Response, endpoint::make, http::StatusCode};
use tokio::sync::watch;

use crate::local_http::LocalHttp;

/// One call that arrived.
#[derive(Clone, Debug)]
pub struct Call {
    pub at: SystemTime,
    pub method: String,
    /// With its query.
    pub path: String,
    /// The `Idempotency-Key` header.
    pub idempotency_key: Option<String>,
    /// All headers, names in lower case, in the order they came.
    pub headers: Vec<(String, String)>,
    /// As text; what is no UTF-8 is replaced.
    pub body: String,
    pub bytes: Vec<u8>,
}

impl Call {
    /// The first header of this name.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let (_, value) = self
            .headers
            .iter()
            .find(|(other, _)| other.eq_ignore_ascii_case(name))?;
        Some(value)
    }
}

/// Answers every request with 200 and `{"call": n}`, `n` counted from 1, unless
/// told otherwise.
#[derive(Debug)]
pub struct Ledger {
    http: LocalHttp,
    book: Arc<Book>,
}

#[derive(Debug)]
struct Book {
    calls: Mutex<Vec<Call>>,
    answers: Mutex<VecDeque<(StatusCode, String)>>,
    /// Between a call and its answer.
    pause: Mutex<Duration>,
    held: watch::Sender<bool>,
}

impl Ledger {
    pub async fn start() -> Self {
        let book = Arc::new(Book {
            calls: Mutex::default(),
            answers: Mutex::default(),
            pause: Mutex::default(),
            held: watch::Sender::new(false),
        });
        let shared = Arc::clone(&book);
        let http = LocalHttp::serve(make(move |request| {
            let book = Arc::clone(&shared);
            async move { book.answer(request).await }
        }))
        .await;
        Self { http, book }
    }

    /// `http://127.0.0.1:<port>`; any path is answered.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.http.address())
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.http.address()
    }

    /// What has arrived so far, in order.
    #[must_use]
    pub fn calls(&self) -> Vec<Call> {
        lock(&self.book.calls).clone()
    }

    /// Answers the next call that has no other answer with this one. May be
    /// called several times: answers are used in order.
    ///
    /// # Panics
    /// When `status` is not an HTTP status.
    pub fn answer_next(&self, status: u16, body: impl Into<String>) {
        let status = StatusCode::from_u16(status).expect("an HTTP status");
        lock(&self.book.answers).push_back((status, body.into()));
    }

    /// From now on each answer takes that long.
    pub fn slow(&self, pause: Duration) {
        *lock(&self.book.pause) = pause;
    }

    /// From now on calls are written down but not answered, until
    /// [`Ledger::release`].
    pub fn hold(&self) {
        self.book.held.send_replace(true);
    }

    /// Answers the calls that were held, and those to come.
    pub fn release(&self) {
        self.book.held.send_replace(false);
    }
}

impl Book {
    async fn answer(&self, mut request: Request) -> poem::Result<Response> {
        let body = request.take_body().into_vec().await?;
        let (number, answer) = {
            let mut calls = lock(&self.calls);
            calls.push(call(&request, body));
            (calls.len(), lock(&self.answers).pop_front())
        };
        let pause = *lock(&self.pause);
        if !pause.is_zero() {
            tokio::time::sleep(pause).await;
        }
        let mut held = self.held.subscribe();
        // The sender lives as long as the book, which we hold.
        held.wait_for(|held| !held).await.ok();
        let (status, body) =
            answer.unwrap_or_else(|| (StatusCode::OK, format!("{{\"call\": {number}}}")));
        Ok(Response::builder()
            .status(status)
            .content_type("application/json")
            .body(Body::from_string(body)))
    }
}

fn call(request: &Request, bytes: Vec<u8>) -> Call {
    let headers: Vec<(String, String)> = request
        .headers()
        .iter()
        .map(|(name, value)| {
            let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
            (name.as_str().to_owned(), value)
        })
        .collect();
    Call {
        at: SystemTime::now(),
        method: request.method().to_string(),
        path: request.original_uri().to_string(),
        idempotency_key: request.header("idempotency-key").map(ToOwned::to_owned),
        headers,
        body: String::from_utf8_lossy(&bytes).into_owned(),
        bytes,
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing is half-written when a holder panics.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
