//! Asking: one answer, or a stream of numbered ones.

use std::time::Duration;

use async_nats::{HeaderMap, RequestErrorKind, StatusCode};
use bytes::Bytes;
use contracts::{
    ErrorCode, Problem, Request, StreamRequest, Subject,
    id::TenantId,
    message::StreamMessage,
    owner::{OwnerKind, OwnerRequest},
    subject::partition_of,
};
use futures::{Stream, StreamExt, stream};
use serde::{Serialize, de::DeserializeOwned};
use tokio::time::Instant;

use crate::{
    Bus,
    headers::{AUTHORIZATION, SERVICE_ERROR_CODE, TIMEOUT, inject_trace, timeout_header},
    paces::Reader,
    server_config::MAX_PAYLOAD,
};

/// How long an answer in chunks may be silent. Whoever answers says every three seconds that they are still at it, so this
/// is the end of a process or of its connection.
const SILENCE: Duration = Duration::from_secs(15);
/// How long an answer may take when the caller says nothing.
pub const DEFAULT_DEADLINE: Duration = Duration::from_secs(10);
/// How long what is asked waits for the next owner of a partition: longer than a takeover takes.
const NEXT_OWNER: Duration = Duration::from_secs(4);
/// Between two looks whether there is an owner.
const LOOK: Duration = Duration::from_millis(50);
/// Bytes of a message at most: what the server takes, but for its headers.
const MAX_BODY: usize = MAX_PAYLOAD - 64 * 1024;
/// How long the holder of a lease may take to answer.
const PRESENCE: Duration = Duration::from_millis(250);

/// In whose name and for how long a question is asked.
#[derive(Clone, Copy, Debug)]
pub struct Call<'a> {
    /// The caller's access token; none for public and internal requests.
    pub token: Option<&'a str>,
    pub deadline: Duration,
}

impl<'a> Call<'a> {
    /// A request without a token.
    pub const fn anonymous() -> Self {
        Self {
            token: None,
            deadline: DEFAULT_DEADLINE,
        }
    }

    /// A request in the name of a token's principal.
    pub const fn with_token(token: &'a str) -> Self {
        Self {
            token: Some(token),
            deadline: DEFAULT_DEADLINE,
        }
    }

    pub(crate) fn headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(TIMEOUT, timeout_header(self.deadline));
        if let Some(token) = self.token {
            headers.insert(AUTHORIZATION, format!("Bearer {token}"));
        }
        inject_trace(&mut headers);
        headers
    }
}

impl Bus {
    /// Asks the service that owns `R` and waits for its answer.
    ///
    /// # Errors
    /// The service's own [`Problem`]; `unavailable` when no service listens, `timeout` when none answers in time.
    pub async fn call<R: Request>(
        &self,
        tenant: TenantId,
        request: &R,
        call: Call<'_>,
    ) -> Result<R::Reply, Problem> {
        self.ask(&Subject::request::<R>(tenant), R::NAME, request, call)
            .await
    }

    /// Asks the owner of the execution's partition; it answers after the commit. What is to change something waits for the
    /// next owner, for a few seconds at most, where there is none; what only looks has other places to look.
    ///
    /// # Errors
    /// As [`Bus::call`].
    pub async fn ask_owner<O: OwnerRequest>(
        &self,
        request: &O,
        deadline: Duration,
    ) -> Result<O::Reply, Problem> {
        let partitions = self
            .partitions()
            .await
            .map_err(|e| unavailable("the engine", &e))?;
        let partition = partition_of(request.execution_id(), partitions);
        let subject = Subject::owner(partition, O::KIND);
        let (what, body) = ("the owner of the execution", encode(request)?);
        let until = Instant::now() + deadline;
        let patience = match O::KIND {
            OwnerKind::Get | OwnerKind::Events => Instant::now(),
            _ => until.min(Instant::now() + NEXT_OWNER),
        };
        loop {
            let here = self.owners.ask(partition, subject.as_str(), body.clone());
            match tokio::time::timeout_at(until, here).await {
                Err(_) => return Err(too_slow(what)),
                Ok(Some(answer)) => return decode(what, &answer),
                // The owner lives elsewhere, or has just left: what it may have taken in is harmless to ask again.
                Ok(None) => {}
            }
            let call = Call {
                token: None,
                deadline: until.saturating_duration_since(Instant::now()),
            };
            let sent = self.try_send(&subject, what, body.clone(), call.headers(), call.deadline);
            match sent.await {
                Ok(message) => return decode(what, &message),
                Err(unanswered) if unanswered.nobody && Instant::now() + LOOK < patience => {
                    tokio::time::sleep(LOOK).await;
                }
                Err(unanswered) => return Err(unanswered.problem),
            }
        }
    }

    /// Whether the holder of a partition's lease is connected. A process that was killed is not, from that moment on.
    pub async fn is_held(&self, partition: u16) -> bool {
        let subject = Subject::lease(partition).to_string();
        let asked = self.client.request(subject, Bytes::new());
        match tokio::time::timeout(PRESENCE, asked).await {
            Ok(Err(error)) => error.kind() != RequestErrorKind::NoResponders,
            // One that is slow to answer is there.
            Ok(Ok(_)) | Err(_) => true,
        }
    }

    /// Sends any JSON to a listed operation: for tests and tools that walk the contract.
    ///
    /// # Errors
    /// As [`Bus::call`].
    pub async fn call_raw(
        &self,
        subject: &Subject,
        body: Vec<u8>,
        call: Call<'_>,
    ) -> Result<serde_json::Value, Problem> {
        self.exchange(subject, subject.as_str(), body.into(), call)
            .await
    }

    async fn ask<Q: Serialize, A: DeserializeOwned>(
        &self,
        subject: &Subject,
        what: &str,
        request: &Q,
        call: Call<'_>,
    ) -> Result<A, Problem> {
        self.exchange(subject, what, encode(request)?, call).await
    }

    async fn exchange<A: DeserializeOwned>(
        &self,
        subject: &Subject,
        what: &str,
        body: Bytes,
        call: Call<'_>,
    ) -> Result<A, Problem> {
        decode(what, &self.send(subject, what, body, call).await?)
    }

    /// Asks, and gives the answer as it came.
    pub(crate) async fn send(
        &self,
        subject: &Subject,
        what: &str,
        body: Bytes,
        call: Call<'_>,
    ) -> Result<async_nats::Message, Problem> {
        let headers = call.headers();
        self.send_with(subject, what, body, headers, call.deadline)
            .await
    }

    /// The same with headers of the caller's.
    pub(crate) async fn send_with(
        &self,
        subject: &Subject,
        what: &str,
        body: Bytes,
        headers: HeaderMap,
        deadline: Duration,
    ) -> Result<async_nats::Message, Problem> {
        let answer = self.try_send(subject, what, body, headers, deadline).await;
        answer.map_err(|unanswered| unanswered.problem)
    }

    async fn try_send(
        &self,
        subject: &Subject,
        what: &str,
        body: Bytes,
        headers: HeaderMap,
        deadline: Duration,
    ) -> Result<async_nats::Message, Unanswered> {
        let request = self
            .client
            .request_with_headers(subject.to_string(), headers, body);
        let (nobody, problem) = match tokio::time::timeout(deadline, request).await {
            Ok(Ok(message)) => return Ok(message),
            Err(_) => (false, too_slow(what)),
            Ok(Err(error)) => match error.kind() {
                RequestErrorKind::TimedOut => (false, too_slow(what)),
                kind => (
                    kind == RequestErrorKind::NoResponders,
                    unavailable(what, &error),
                ),
            },
        };
        Err(Unanswered { nobody, problem })
    }

    /// Asks a question that is answered in chunks. Whoever answers waits where the stream is not read; dropping it ends the answer.
    ///
    /// # Errors
    /// `unavailable` when the question cannot be sent. All else arrives in the stream, whose last item is either
    /// [`StreamMessage::Done`] or an error; [`StreamMessage::Alive`] is not given.
    pub async fn call_stream<R: StreamRequest>(
        &self,
        tenant: TenantId,
        request: &R,
        call: Call<'_>,
    ) -> Result<
        impl Stream<Item = Result<StreamMessage<R::Chunk, R::Reply>, Problem>> + Send + use<R>,
        Problem,
    > {
        let inbox = self.client.new_inbox();
        let answers = self
            .client
            .subscribe(inbox.clone())
            .await
            .map_err(|e| unavailable(R::NAME, &e))?;
        let subject = Subject::request::<R>(tenant).to_string();
        let mut headers = call.headers();
        let reader = self.reader(tenant, &mut headers);
        self.client
            .publish_with_reply_and_headers(subject, inbox, headers, encode(request)?)
            .await
            .map_err(|e| unavailable(R::NAME, &e))?;
        let state = Answers {
            answers,
            until: Instant::now() + call.deadline,
            expected: 1,
            reader,
            over: false,
        };
        Ok(stream::unfold(state, |mut state| async move {
            if state.over {
                return None;
            }
            let item = state.next::<R>().await;
            match &item {
                Ok(StreamMessage::Chunk { n, .. }) => state.reader.read(*n).await,
                Ok(StreamMessage::Done { .. } | StreamMessage::Alive) | Err(_) => {
                    state.over = true;
                }
            }
            // After an error of ours whoever answers may still be at it.
            if matches!(item, Ok(StreamMessage::Done { .. })) {
                state.reader.end();
            }
            Some((item, state))
        }))
    }
}

/// Why no answer came.
struct Unanswered {
    /// Whether nobody listens: the question has reached nobody.
    nobody: bool,
    problem: Problem,
}

struct Answers {
    answers: async_nats::Subscriber,
    until: Instant,
    expected: u64,
    reader: Reader,
    over: bool,
}

impl Answers {
    /// The next part of the answer.
    async fn next<R: StreamRequest>(
        &mut self,
    ) -> Result<StreamMessage<R::Chunk, R::Reply>, Problem> {
        loop {
            let item = self.receive::<R>().await?;
            let n = match &item {
                StreamMessage::Alive => continue,
                StreamMessage::Chunk { n, .. } | StreamMessage::Done { n, .. } => *n,
            };
            // A lost chunk must not make a shorter answer that looks whole.
            if n != self.expected {
                return Err(Problem::new(
                    ErrorCode::Unavailable,
                    format!("`{}` lost a part of its answer", R::NAME),
                ));
            }
            self.expected += 1;
            return Ok(item);
        }
    }

    async fn receive<R: StreamRequest>(
        &mut self,
    ) -> Result<StreamMessage<R::Chunk, R::Reply>, Problem> {
        let silent = self.until.min(Instant::now() + SILENCE);
        let message = match tokio::time::timeout_at(silent, self.answers.next()).await {
            Ok(message) => message,
            Err(_) if Instant::now() >= self.until => return Err(too_slow(R::NAME)),
            Err(_) => {
                let text = format!("`{}` has fallen silent", R::NAME);
                return Err(Problem::new(ErrorCode::Unavailable, text));
            }
        };
        let message = message.ok_or_else(|| {
            Problem::new(ErrorCode::Unavailable, format!("`{}` broke off", R::NAME))
        })?;
        if message.status == Some(StatusCode::NO_RESPONDERS) {
            return Err(Problem::new(
                ErrorCode::Unavailable,
                format!("nobody answers `{}`", R::NAME),
            ));
        }
        decode(R::NAME, &message)
    }
}

pub(crate) fn encode<T: Serialize>(value: &T) -> Result<Bytes, Problem> {
    let written = serde_json::to_vec(value);
    let body =
        written.map_err(|_| Problem::new(ErrorCode::Internal, "a message could not be written"))?;
    if body.len() > MAX_BODY {
        let text = format!("the message is larger than {} KiB", MAX_BODY / 1024);
        return Err(Problem::new(ErrorCode::InvalidInput, text).with_status(413));
    }
    Ok(body.into())
}

pub(crate) fn decode<A: DeserializeOwned>(
    what: &str,
    message: &async_nats::Message,
) -> Result<A, Problem> {
    let failed = message
        .headers
        .as_ref()
        .is_some_and(|headers| headers.get(SERVICE_ERROR_CODE).is_some());
    if failed {
        let problem = serde_json::from_slice(&message.payload);
        return Err(problem.unwrap_or_else(|_| {
            Problem::new(
                ErrorCode::Internal,
                format!("`{what}` failed without a reason"),
            )
        }));
    }
    serde_json::from_slice(&message.payload).map_err(|error| {
        tracing::error!(%error, "the answer of `{what}` cannot be read");
        Problem::new(
            ErrorCode::Internal,
            format!("the answer of `{what}` cannot be read"),
        )
    })
}

fn too_slow(what: &str) -> Problem {
    Problem::new(
        ErrorCode::Timeout,
        format!("`{what}` did not answer in time"),
    )
}

pub(crate) fn unavailable(what: &str, error: &(dyn std::error::Error + 'static)) -> Problem {
    tracing::debug!(error, "`{what}` cannot be reached");
    Problem::new(
        ErrorCode::Unavailable,
        format!("`{what}` cannot be reached at present"),
    )
}
