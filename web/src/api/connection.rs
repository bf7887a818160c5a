//! Whether the server can be reached, as the last request found it.

use dioxus::prelude::*;

use super::{Call, query};
use crate::dom;

/// How often a lost server is looked for.
const PROBE_MS: i32 = 3_000;

/// Since when no request came through: milliseconds since 1970.
pub(crate) static LOST_SINCE: GlobalSignal<Option<f64>> = Signal::global(|| None);

pub(crate) fn note(reached: bool) {
    let lost = LOST_SINCE.peek().is_some();
    if lost == reached {
        *LOST_SINCE.write() = (!reached).then(dom::now_ms);
    }
}

/// Looks for a lost server, and reads everything anew once it is back.
pub(crate) async fn watch() {
    loop {
        dom::sleep_ms(PROBE_MS).await;
        if LOST_SINCE.peek().is_none() {
            continue;
        }
        let answer = Call::new("GET", "/healthz").anonymous().open().await;
        if answer.is_ok() {
            query::invalidate("");
        }
    }
}
