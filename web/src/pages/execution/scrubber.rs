//! The moment that is shown: a slider over all events, and a button that plays them.

use contracts::live::ExecutionEvent;
use dioxus::prelude::*;

use super::watch::Watch;
use crate::{
    dom,
    live::{axis::millis, words},
    ui::{
        button::{Button, IconButton},
        icon::Glyph,
    },
};

/// A whole execution plays in about this many steps.
const STEPS: u64 = 120;
const STEP_MS: i32 = 80;
/// Marks on the slider at most.
const MARKS: usize = 100;

#[component]
pub(crate) fn Scrubber() -> Element {
    let mut watch = use_context::<Watch>();
    let mut playing = use_signal(|| false);
    let n = watch.n();
    let record = watch.record.read();
    let (last, live) = (record.last(), !record.is_final());
    let start = record
        .frames()
        .first()
        .map_or(0.0, |frame| millis(frame.ts));
    let at = record
        .frame(n)
        .map_or(0.0, |frame| millis(frame.ts) - start);
    let said = format!(
        "event {n} of {last}, {} after the start",
        words::duration(at)
    );
    let follows = watch.at.read().is_none();
    let play = move |_| async move {
        if *playing.peek() {
            playing.set(false);
            return;
        }
        playing.set(true);
        play_on(watch, playing).await;
    };

    rsx! {
        div { class: "scrubber",
            IconButton { glyph: if playing() { Glyph::Pause } else { Glyph::Play }, label: if playing() { "Pause" } else { "Play the execution" }, onclick: play }
            div { class: "scrubber-track",
                Marks {}
                input {
                    r#type: "range",
                    "aria-label": "Moment",
                    "aria-valuetext": "{said}",
                    min: "0",
                    max: "{last}",
                    value: "{n}",
                    oninput: move |event| {
                        playing.set(false);
                        if let Ok(n) = event.value().parse() {
                            watch.go_to(n);
                        }
                    },
                    // The address is written once, where the hand lets go.
                    onchange: move |_| watch.note(),
                }
            }
            span { class: "scrubber-at", "{n} / {last}" }
            span { class: "scrubber-time", "+{words::duration(at)}" }
            Button {
                small: true,
                disabled: follows,
                onclick: move |_| {
                    playing.set(false);
                    watch.go_to(u64::MAX);
                    watch.note();
                },
                if live { "Go live" } else { "To the end" }
            }
        }
    }
}

async fn play_on(mut watch: Watch, mut playing: Signal<bool>) {
    let last = watch.record.peek().last();
    let from = watch.at.peek().unwrap_or(last);
    let mut n = if from >= last { 0 } else { from };
    while *playing.peek() {
        watch.go_to(n);
        if watch.at.peek().is_none() {
            break;
        }
        n += watch.record.peek().last().div_ceil(STEPS).max(1);
        dom::sleep_ms(STEP_MS).await;
    }
    playing.set(false);
    watch.note();
}

/// Where something failed or somebody was asked.
#[component]
fn Marks() -> Element {
    let watch = use_context::<Watch>();
    let marks = use_memo(move || {
        let record = watch.record.read();
        let last = record.last().max(1);
        let mark = |frame: &std::rc::Rc<contracts::live::Frame>| {
            let tone = match &frame.event {
                ExecutionEvent::StepFailed { .. } | ExecutionEvent::ExecutionFailed { .. } => {
                    "failed"
                }
                ExecutionEvent::StepRetrying { .. } => "retrying",
                ExecutionEvent::ApprovalAsked { .. } | ExecutionEvent::AnswerAsked { .. } => {
                    "waiting"
                }
                _ => return None,
            };
            #[allow(clippy::cast_precision_loss)]
            let left = frame.n as f64 / last as f64 * 100.0;
            Some((frame.n, tone, left))
        };
        record
            .frames()
            .iter()
            .filter_map(mark)
            .take(MARKS)
            .collect::<Vec<_>>()
    });
    rsx! {
        div { class: "scrubber-marks", "aria-hidden": "true",
            for (n , tone , left) in marks() {
                span { key: "{n}", class: "scrubber-mark", "data-state": tone, left: "{left}%" }
            }
        }
    }
}
