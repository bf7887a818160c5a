//! Keeps the record of an execution up to date: its history, then what happens, for as long as it goes on. By the
//! tab's socket; by a stream of its own where there is none.
//!
//! **Invariant:** after a lost connection the record goes on after its last frame; a gap is filled from the history.
//! **Invariant:** frames are applied once per animation frame, however many came.

use contracts::{ErrorCode, Problem, execution::Events, live::Frame};
use dioxus::prelude::*;
use graph::view::Applied;
use js_sys::{Promise, Reflect, Uint8Array};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{AbortController, ReadableStreamDefaultReader};

use super::{backoff, record::Record, sse};
use crate::{
    api::{self, Call},
    dom,
    socket::{self, Heard},
};

/// The server says something at least every fifteen seconds.
const SILENCE_MS: i32 = 45_000;
const HISTORY_PAGE: usize = 1000;

/// Where the feed stands.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Link {
    Loading,
    Live,
    /// Tries again by itself.
    Lost,
    /// The execution is over and its record complete.
    Ended,
    /// There is no use in trying again.
    Refused(Problem),
}

/// Runs until the execution is over or the page is left.
pub(crate) async fn follow(id: String, record: Signal<Record>, mut link: Signal<Link>) {
    let mut failures = 0;
    loop {
        let Err(problem) = read(&id, record, link, &mut failures).await else {
            link.set(Link::Ended);
            return;
        };
        if is_lasting(&problem) {
            link.set(Link::Refused(problem));
            return;
        }
        if *link.peek() != Link::Lost {
            link.set(Link::Lost);
        }
        failures += 1;
        let pause = backoff::pause_ms(failures, js_sys::Math::random());
        #[allow(clippy::cast_possible_truncation)]
        dom::sleep_ms(pause as i32).await;
    }
}

const fn is_lasting(problem: &Problem) -> bool {
    matches!(
        problem.code,
        ErrorCode::NotFound
            | ErrorCode::Forbidden
            | ErrorCode::InvalidInput
            | ErrorCode::Unauthenticated
    )
}

/// Returns when the record is complete.
async fn read(
    id: &str,
    record: Signal<Record>,
    mut link: Signal<Link>,
    failures: &mut u32,
) -> Result<(), Problem> {
    loop {
        read_history(id, record).await?;
        *failures = 0;
        if record.peek().is_final() {
            return Ok(());
        }
        if *link.peek() != Link::Live {
            link.set(Link::Live);
        }
        match read_socket(id, record, link).await? {
            Way::Socket => {}
            Way::Stream => read_stream(id, record).await?,
        }
    }
}

/// By which way to go on.
enum Way {
    Socket,
    Stream,
}

/// Returns at the end of the execution, where a frame is missing, and where there is no socket.
async fn read_socket(
    id: &str,
    record: Signal<Record>,
    mut link: Signal<Link>,
) -> Result<Way, Problem> {
    let subscription = socket::follow_execution(id, record.peek().last());
    loop {
        let mut next = Some(subscription.next().await);
        if matches!(next, Some(Heard::Event(_))) {
            next_animation_frame().await;
        }
        let mut frames = Vec::new();
        while let Some(heard) = next {
            match heard {
                Heard::Event(text) => frames.push(serde_json::from_str(&text).map_err(unreadable)?),
                Heard::End => {
                    apply(record, frames);
                    let complete = record.peek().is_final();
                    return if complete {
                        Ok(Way::Socket)
                    } else {
                        Err(cut())
                    };
                }
                Heard::Problem(problem) => return Err(problem),
                Heard::Open => link.set(Link::Live),
                Heard::Lost => link.set(Link::Lost),
                Heard::Unavailable => return Ok(Way::Stream),
            }
            next = subscription.try_next();
        }
        if !apply(record, frames) || record.peek().is_final() {
            return Ok(Way::Socket);
        }
    }
}

fn unreadable(_: serde_json::Error) -> Problem {
    Problem::new(ErrorCode::Unavailable, "an event cannot be read")
}

async fn read_history(id: &str, record: Signal<Record>) -> Result<(), Problem> {
    loop {
        let after = record.peek().last();
        let path = format!("/executions/{id}/events?after={after}&limit={HISTORY_PAGE}");
        let events: Events = api::get(&path).await?;
        let more = events.next.is_some() && !events.items.is_empty();
        apply(record, events.items);
        if !more {
            return Ok(());
        }
    }
}

/// Whether all of them fitted.
fn apply(mut record: Signal<Record>, frames: Vec<Frame>) -> bool {
    if frames.is_empty() {
        return true;
    }
    let mut record = record.write();
    frames
        .into_iter()
        .all(|frame| !matches!(record.push(frame), Applied::Gap { .. }))
}

/// Returns at the end of the execution, and where a frame is missing.
async fn read_stream(id: &str, record: Signal<Record>) -> Result<(), Problem> {
    let abort = Abort(AbortController::new().map_err(|_| cut())?);
    let response = Call::new("GET", &format!("/executions/{id}/stream"))
        .header("accept", "text/event-stream")
        .header("last-event-id", record.peek().last().to_string())
        .signal(abort.0.signal())
        .open()
        .await?;
    let Some(body) = response.body() else {
        return Ok(());
    };
    let source: ReadableStreamDefaultReader = body.get_reader().dyn_into().map_err(|_| cut())?;
    let mut reader = sse::Reader::default();
    while let Some(bytes) = next_bytes(&source).await? {
        let frames = frames_of(reader.read(&bytes))?;
        if frames.is_empty() {
            continue;
        }
        next_animation_frame().await;
        if !apply(record, frames) || record.peek().is_final() {
            return Ok(());
        }
    }
    Err(cut())
}

fn frames_of(events: Vec<sse::Event>) -> Result<Vec<Frame>, Problem> {
    let mut frames = Vec::with_capacity(events.len());
    for event in events {
        if event.name == "problem" {
            return Err(serde_json::from_str(&event.data).unwrap_or_else(unreadable));
        }
        frames.push(serde_json::from_str(&event.data).map_err(unreadable)?);
    }
    Ok(frames)
}

/// None at the end of the response.
pub(crate) async fn next_bytes(
    source: &ReadableStreamDefaultReader,
) -> Result<Option<Vec<u8>>, Problem> {
    // Who waits longer than the server is ever silent has lost it without being told.
    let silence = timer(SILENCE_MS);
    let first = Promise::race(&js_sys::Array::of2(&source.read(), &silence));
    let chunk = JsFuture::from(first).await.map_err(|_| cut())?;
    if chunk.is_undefined() {
        return Err(cut());
    }
    let done = Reflect::get(&chunk, &"done".into()).map_err(|_| cut())?;
    if done.is_truthy() {
        return Ok(None);
    }
    let value = Reflect::get(&chunk, &"value".into()).map_err(|_| cut())?;
    Ok(Some(value.unchecked_into::<Uint8Array>().to_vec()))
}

/// Hidden pages have no animation frames; a timer stands in for them.
async fn next_animation_frame() {
    let frame = Promise::new(&mut |resolve, _| {
        // It fails only for a callback that is none.
        drop(dom::window().request_animation_frame(&resolve));
    });
    let first = Promise::race(&js_sys::Array::of2(&frame, &timer(250)));
    drop(JsFuture::from(first).await);
}

fn timer(ms: i32) -> Promise {
    Promise::new(&mut |resolve, _| {
        let undefined = js_sys::Array::of1(&JsValue::UNDEFINED);
        // It fails only for a callback that is none.
        drop(
            dom::window()
                .set_timeout_with_callback_and_timeout_and_arguments(&resolve, ms, &undefined),
        );
    })
}

fn cut() -> Problem {
    Problem::new(ErrorCode::Unavailable, "the stream of events was cut off")
}

/// Lets go of the connection when the page is left.
struct Abort(AbortController);

impl Drop for Abort {
    fn drop(&mut self) {
        self.0.abort();
    }
}
