//! Follows an answer over its stream, and takes the stream up again when it breaks.

use contracts::{ErrorCode, Problem, chat::ChatEvent};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{AbortSignal, ReadableStreamDefaultReader, Response, TextDecoder};

use super::sse::Parser;
use crate::{api::Call, dom};

const FIRST_WAIT_MS: i32 = 500;
const LONGEST_WAIT_MS: i32 = 15_000;

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
    let mut wait_ms = FIRST_WAIT_MS;
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
                if heard_any {
                    wait_ms = FIRST_WAIT_MS;
                }
            }
        }
        hear(Heard::Broken);
        dom::sleep_ms(jittered(wait_ms)).await;
        wait_ms = (wait_ms * 2).min(LONGEST_WAIT_MS);
    }
}

/// Many tabs that lost the same server do not come back at the same moment.
fn jittered(ms: i32) -> i32 {
    let share = 0.75 + js_sys::Math::random() / 2.0;
    #[expect(clippy::cast_possible_truncation, reason = "at most 20 seconds")]
    let jittered = (f64::from(ms) * share) as i32;
    jittered
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
    let Ok(mut pieces) = Pieces::of(response) else {
        return Ending::Broken { heard_any: false };
    };
    let mut parser = Parser::default();
    let mut heard_any = false;
    while let Some(piece) = pieces.next().await {
        for event in parser.push(&piece) {
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

/// The text of a response, piece by piece.
struct Pieces {
    reader: ReadableStreamDefaultReader,
    decoder: TextDecoder,
}

impl Drop for Pieces {
    fn drop(&mut self) {
        // Nobody reads the rest: the connection is free. A stream that ended has nothing to cancel.
        drop(self.reader.cancel());
    }
}

impl Pieces {
    fn of(response: &Response) -> Result<Self, JsValue> {
        let body = response.body().ok_or(JsValue::NULL)?;
        Ok(Self {
            reader: body.get_reader().dyn_into()?,
            decoder: TextDecoder::new()?,
        })
    }

    /// Nothing at the end of the stream, however it ended.
    async fn next(&mut self) -> Option<String> {
        let read = JsFuture::from(self.reader.read()).await.ok()?;
        let done = js_sys::Reflect::get(&read, &"done".into()).ok()?;
        if done.is_truthy() {
            return None;
        }
        let value: js_sys::Uint8Array = js_sys::Reflect::get(&read, &"value".into())
            .ok()?
            .dyn_into()
            .ok()?;
        // A letter may be cut in two: the decoder keeps its beginning.
        let options = web_sys::TextDecodeOptions::new();
        options.set_stream(true);
        self.decoder
            .decode_with_js_u8_array_and_options(&value, &options)
            .ok()
    }
}
