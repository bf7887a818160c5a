//! Follows an answer over its stream, and takes the stream up again when it breaks.

use contracts::{ErrorCode, Problem, chat::ChatEvent};
use wasm_bindgen::JsCast;
use web_sys::{AbortSignal, ReadableStreamDefaultReader, Response};

use crate::{
    api::Call,
    dom,
    live::{backoff::pause_ms, feed::next_bytes, sse},
};

/// What a follower hears.
pub(super) enum Heard {
    Event(ChatEvent),
    /// The stream is open, or open again.
    Connected,
    /// The stream broke; it is tried again.
    Broken,
}

/// Ends with the answer's `done`, or with the problem that no other attempt mends. `after` says what is known;
/// `first` is a stream that is open already.
pub(super) async fn follow(
    path: &str,
    signal: AbortSignal,
    mut first: Option<Response>,
    after: impl Fn() -> Option<u64>,
    mut hear: impl FnMut(Heard),
) -> Result<(), Problem> {
    let mut failures = 0;
    loop {
        let ending = match first.take() {
            Some(response) => read(&response, &mut hear).await,
            None => once(path, &signal, after(), &mut hear).await,
        };
        if signal.aborted() {
            return Ok(());
        }
        match ending {
            Ending::Done => return Ok(()),
            Ending::Refused(problem) => return Err(problem),
            Ending::Broken { heard_any } => {
                failures = if heard_any { 1 } else { failures + 1 };
            }
        }
        hear(Heard::Broken);
        #[expect(clippy::cast_possible_truncation, reason = "at most fifteen seconds")]
        let pause_ms = pause_ms(failures, js_sys::Math::random()) as i32;
        dom::sleep_ms(pause_ms).await;
    }
}

enum Ending {
    Done,
    Refused(Problem),
    Broken { heard_any: bool },
}

fn ending_of(problem: Problem) -> Ending {
    match problem.code {
        ErrorCode::Unavailable
        | ErrorCode::Timeout
        | ErrorCode::RateLimited
        | ErrorCode::Internal => Ending::Broken { heard_any: false },
        ErrorCode::InvalidInput
        | ErrorCode::Unauthenticated
        | ErrorCode::Forbidden
        | ErrorCode::NotFound
        | ErrorCode::Conflict => Ending::Refused(problem),
    }
}

async fn once(
    path: &str,
    signal: &AbortSignal,
    after: Option<u64>,
    hear: &mut impl FnMut(Heard),
) -> Ending {
    let mut call = Call::new("GET", path)
        .header("accept", "text/event-stream")
        .signal(signal.clone());
    if let Some(after) = after {
        call = call.header("last-event-id", after.to_string());
    }
    match call.open().await {
        Ok(response) => read(&response, hear).await,
        Err(problem) => ending_of(problem),
    }
}

async fn read(response: &Response, hear: &mut impl FnMut(Heard)) -> Ending {
    hear(Heard::Connected);
    let source = response.body().map(|body| body.get_reader().dyn_into());
    let Some(Ok(source)) = source else {
        return Ending::Broken { heard_any: false };
    };
    let source = Bytes(source);
    let mut reader = sse::Reader::default();
    let mut heard_any = false;
    while let Ok(Some(bytes)) = next_bytes(&source.0).await {
        for event in reader.read(&bytes) {
            if event.name == "problem" {
                return match serde_json::from_str(&event.data) {
                    Ok(problem) => ending_of(problem),
                    Err(_) => Ending::Broken { heard_any },
                };
            }
            // What a newer server says besides is left out.
            let Ok(event) = serde_json::from_str::<ChatEvent>(&event.data) else {
                continue;
            };
            heard_any = true;
            let last = matches!(event, ChatEvent::Done { .. });
            hear(Heard::Event(event));
            if last {
                return Ending::Done;
            }
        }
    }
    Ending::Broken { heard_any }
}

/// The bytes of a response. Nobody reads the rest once it is gone: the connection is free.
struct Bytes(ReadableStreamDefaultReader);

impl Drop for Bytes {
    fn drop(&mut self) {
        // A stream that ended has nothing to cancel.
        drop(self.0.cancel());
    }
}
