//! The table of cases.

mod answers;
mod failures;
mod media;
mod questions;
mod shapes;

use futures::{FutureExt, future::BoxFuture};

use super::{Bench, Case, Outcome, vendor::Vendor};

const fn case(
    number: u32,
    name: &'static str,
    run: for<'a> fn(&'a Bench, Vendor) -> BoxFuture<'a, Outcome>,
) -> Case {
    Case { number, name, run }
}

#[rustfmt::skip]
pub(crate) const CASES: &[Case] = &[
    case(1, "texts of the system, wherever they stand, arrive in their order", |b, v| questions::system(b, v).boxed()),
    case(2, "the role `developer` counts as the system's", |b, v| questions::developer(b, v).boxed()),
    case(3, "results of parallel calls stand together, before any text", |b, v| questions::results(b, v).boxed()),
    case(4, "a result for an unknown call is refused", |b, v| questions::unknown_result(b, v).boxed()),
    case(5, "empty arguments become an empty object", |b, v| questions::empty_arguments(b, v).boxed()),
    case(6, "arguments that are no JSON object are refused", |b, v| questions::broken_arguments(b, v).boxed()),
    case(7, "a tool may have no parameters", |b, v| questions::bare_tool(b, v).boxed()),
    case(8, "names of tools that the vendor refuses are mapped both ways", |b, v| questions::odd_names(b, v).boxed()),
    case(9, "every `tool_choice`, with and without parallel calls", |b, v| questions::tool_choice(b, v).boxed()),
    case(10, "a forced tool beside thoughts is refused, or named as left out", |b, v| questions::forced_and_thinking(b, v).boxed()),
    case(11, "a limit of tokens where the vendor wants one", |b, v| questions::max_tokens(b, v).boxed()),
    case(12, "budgets of thoughts keep to the vendor's bounds", |b, v| questions::budgets(b, v).boxed()),
    case(13, "temperatures above the vendor's scale are cut, and that is said", |b, v| questions::temperature(b, v).boxed()),
    case(14, "blank stops are refused, or named as left out", |b, v| questions::blank_stop(b, v).boxed()),
    case(15, "more than one answer is refused", |b, v| questions::many_answers(b, v).boxed()),
    case(16, "images as data and as links, PDF, sound; no link leads inside", |b, v| media::parts(b, v).boxed()),
    case(17, "JSON by a schema: native or emulated, checked, asked for once more; a refusal stays one", |b, v| shapes::schema(b, v).boxed()),
    case(18, "a thought, a text and two calls in one answer", |b, v| answers::everything(b, v).boxed()),
    case(19, "thoughts the vendor hides come back to it, and to no other", |b, v| answers::redacted(b, v).boxed()),
    case(20, "signatures of calls come back; calls of others bear the mark for that", |b, v| answers::signatures(b, v).boxed()),
    case(21, "calls finish as calls, whatever the vendor says", |b, v| answers::calls_that_stop(b, v).boxed()),
    case(22, "a blocked question is a filtered answer or a typed refusal", |b, v| answers::blocked(b, v).boxed()),
    case(23, "prompt and completion are the total, streamed as whole", |b, v| answers::arithmetic(b, v).boxed()),
    case(24, "the chunk with the usage has no choices", |b, v| answers::usage_chunk(b, v).boxed()),
    case(25, "who asked for no usage sees none, and it is counted", |b, v| answers::unasked_usage(b, v).boxed()),
    case(26, "events cut at every byte, in every spelling, up to 1 MB", |b, v| failures::framing(b, v).boxed()),
    case(27, "signs of life are no answer", |b, v| failures::pings(b, v).boxed()),
    case(28, "a failure before the first byte is a status, after it an event", |b, v| failures::before_and_after(b, v).boxed()),
    case(29, "a cut answer never looks complete", |b, v| failures::cut(b, v).boxed()),
    case(30, "a client that leaves ends the vendor's answer", |b, v| failures::gone(b, v).boxed()),
    case(31, "pauses in seconds, milliseconds and as a date are kept", |b, v| failures::pauses(b, v).boxed()),
    case(32, "every family of errors has its status and word", |b, v| failures::families(b, v).boxed()),
    case(33, "parameters nobody here knows pass, are refused, or are named", |b, v| questions::unknown_parameters(b, v).boxed()),
    case(34, "fields of answers that nobody here knows pass", |b, v| answers::unknown_fields(b, v).boxed()),
    case(35, "numbers in arguments keep every digit, both ways", |b, v| answers::numbers(b, v).boxed()),
    case(36, "vectors, in the order of the texts", |b, v| answers::vectors(b, v).boxed()),
    case(37, "the key is seen by its vendor alone", |b, v| failures::keys(b, v).boxed()),
];
