//! A handler with its types erased: bytes in, JSON or a problem out.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use bus::{Micro, Reply, Subscription};
use bytes::Bytes;
use contracts::{
    ErrorCode, Problem, Request, StreamRequest,
    message::StreamMessage,
    operations::{self, Operation},
};
use futures::{FutureExt, future::BoxFuture};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::value::{RawValue, to_raw_value};

use crate::{
    Chunks, Ctx, ServiceError,
    error::chain,
    stream::{Gate, while_alive},
};

type Subscribe =
    Box<dyn for<'a> Fn(&'a Micro) -> BoxFuture<'a, Result<Subscription, bus::Error>> + Send + Sync>;
type Answer<S> = Arc<
    dyn Fn(Ctx<S>, Bytes, Option<Reply>) -> BoxFuture<'static, Result<Box<RawValue>, Problem>>
        + Send
        + Sync,
>;

/// One request that a service answers.
pub(crate) struct Endpoint<S> {
    pub(crate) operation: &'static Operation,
    pub(crate) subscribe: Subscribe,
    pub(crate) answer: Answer<S>,
}

impl<S: Send + Sync + 'static> Endpoint<S> {
    pub(crate) fn request<R, F, Fut, E>(handler: F) -> Self
    where
        R: Request,
        F: Fn(Ctx<S>, R) -> Fut + Clone + Send + Sync + 'static,
        Fut: Future<Output = Result<R::Reply, E>> + Send + 'static,
        E: ServiceError,
    {
        Self::new::<R>(Arc::new(move |ctx, body, _| {
            let handler = handler.clone();
            async move {
                let reply = handler(ctx, decode(&body)?)
                    .await
                    .map_err(|error| problem::<R, E>(&error))?;
                encode(&reply)
            }
            .boxed()
        }))
    }

    pub(crate) fn stream<R, F, Fut, E>(handler: F) -> Self
    where
        R: StreamRequest,
        F: Fn(Ctx<S>, R, Chunks<R::Chunk>) -> Fut + Clone + Send + Sync + 'static,
        Fut: Future<Output = Result<R::Reply, E>> + Send + 'static,
        E: ServiceError,
    {
        Self::new::<R>(Arc::new(move |ctx, body, to| {
            let handler = handler.clone();
            async move {
                let request = decode(&body)?;
                let to = to.ok_or_else(|| {
                    Problem::malformed("a streamed request needs a reply subject")
                })?;
                let sent = Arc::new(AtomicU64::new(0));
                let bus = ctx.bus.clone();
                let gate = Gate::open(&bus, ctx.pace.as_ref()).await;
                let chunks = Chunks::new(bus.clone(), to.clone(), sent.clone(), gate.allowed());
                let work = while_alive(&bus, &to, handler(ctx, request, chunks));
                let reply = tokio::select! {
                    biased;
                    reply = work => reply.map_err(|error| problem::<R, E>(&error))?,
                    // What it had under way ends with it.
                    () = gate.closed() => return Err(not_wanted(R::NAME)),
                };
                let n = sent.load(Ordering::Relaxed) + 1;
                encode(&StreamMessage::<R::Chunk, R::Reply>::Done { n, reply })
            }
            .boxed()
        }))
    }

    fn new<R: Request>(answer: Answer<S>) -> Self {
        let operation = operations::find(R::NAME).unwrap_or_else(|| {
            panic!(
                "`{}` is missing in contracts::operations::OPERATIONS",
                R::NAME
            )
        });
        Self {
            operation,
            subscribe: Box::new(|micro| micro.endpoint::<R>().boxed()),
            answer,
        }
    }
}

/// Malformed JSON, unknown fields and wrong types are all the sender's spelling: 400.
fn decode<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    let body = if body.is_empty() { b"{}" } else { body };
    serde_json::from_slice(body)
        .map_err(|error| Problem::malformed(format!("the request cannot be read: {error}")))
}

fn encode<T: Serialize>(reply: &T) -> Result<Box<RawValue>, Problem> {
    to_raw_value(reply).map_err(|error| {
        tracing::error!(%error, "a reply cannot be written");
        Problem::new(ErrorCode::Internal, "the answer cannot be written")
    })
}

fn not_wanted(what: &str) -> Problem {
    let text = format!("the answer of `{what}` is not wanted any more");
    Problem::new(ErrorCode::Conflict, text).with_reason("caller_gone")
}

/// The one place where a failure of a handler is logged.
fn problem<R: Request, E: ServiceError>(error: &E) -> Problem {
    let problem = error.problem();
    match problem.code {
        ErrorCode::Internal => tracing::error!(error = chain(error), "`{}` failed", R::NAME),
        ErrorCode::Unavailable | ErrorCode::Timeout => {
            tracing::warn!(error = chain(error), "`{}` failed", R::NAME)
        }
        ErrorCode::InvalidInput
        | ErrorCode::Unauthenticated
        | ErrorCode::Forbidden
        | ErrorCode::NotFound
        | ErrorCode::Conflict
        | ErrorCode::RateLimited => tracing::debug!(error = chain(error), "`{}` refused", R::NAME),
    }
    problem
}
