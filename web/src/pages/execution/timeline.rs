//! The lens of time: what happened, one sentence after the other.

use contracts::live::ExecutionEvent;
use dioxus::prelude::*;

use super::{
    step,
    virtual_list::{VirtualList, moved},
    watch::Watch,
};
use crate::live::{
    axis::millis,
    spans::node_of,
    story::{self, Tone},
    words,
};

const ROW: usize = 30;

#[component]
pub(crate) fn Timeline() -> Element {
    let watch = use_context::<Watch>();
    let total = watch.record.read().frames().len();
    rsx! {
        VirtualList {
            id: "timeline",
            label: "Timeline",
            role: "listbox",
            total,
            row_height: ROW,
            chosen: chosen(watch),
            onkeydown: move |event| on_key(watch, &event),
            render: move |row| rsx! { Row { row } },
        }
    }
}

/// The row of the moment that is shown. Subscribes the caller.
pub(crate) fn chosen(watch: Watch) -> Option<usize> {
    usize::try_from(watch.n()).ok()?.checked_sub(1)
}

pub(crate) fn on_key(watch: Watch, event: &KeyboardEvent) {
    let row = usize::try_from(
        *watch
            .at
            .peek()
            .as_ref()
            .unwrap_or(&watch.record.peek().last()),
    );
    let from = row.ok().and_then(|n| n.checked_sub(1));
    let total = watch.record.peek().frames().len();
    if let Some(to) = moved(&event.key(), from, total) {
        event.prevent_default();
        pick(watch, to);
    }
}

/// The moment of an event, and the step that it is about.
pub(crate) fn pick(mut watch: Watch, row: usize) {
    let record = watch.record.peek();
    let Some(frame) = record.frames().get(row).cloned() else {
        return;
    };
    drop(record);
    watch.go_to(frame.n);
    if let Some(node) = node_of(&frame.event) {
        watch.step.set(Some(node.to_owned()));
    }
    watch.note();
}

#[component]
fn Row(row: usize) -> Element {
    let watch = use_context::<Watch>();
    let n = watch.n();
    let record = watch.record.read();
    let Some(frame) = record.frames().get(row) else {
        return rsx! {};
    };
    let start = record
        .frames()
        .first()
        .map_or(0.0, |first| millis(first.ts));
    let before = row
        .checked_sub(1)
        .map_or(start, |before| millis(record.frames()[before].ts));
    let (since, pause) = (millis(frame.ts) - start, millis(frame.ts) - before);
    let subject = watch.subject.read();
    // The start of a call says by itself who calls what.
    let is_call = matches!(
        &frame.event,
        ExecutionEvent::StepStarted {
            attempt: 1,
            call: Some(_),
            ..
        }
    );
    let name =
        node_of(&frame.event)
            .filter(|_| !is_call)
            .map(|node| match record.spans().get(node) {
                Some(span) if frame.event.kind() != "approval_asked" => {
                    step::label(span, subject.as_ref())
                }
                _ => graph::path::node_id(node).to_owned(),
            });
    let sentence = story::sentence(&frame.event);
    let tone = tone_word(story::tone(&frame.event));
    let long = pause >= 1000.0;

    rsx! {
        div {
            id: "timeline-{row}",
            class: "story-row",
            role: "option",
            "aria-selected": if frame.n == n { "true" } else { "false" },
            "data-past": if frame.n <= n { "true" } else { "false" },
            "data-tone": tone,
            onclick: move |_| pick(watch, row),
            span { class: "story-time", "+{words::duration(since)}" }
            span { class: "story-dot", "aria-hidden": "true" }
            span { class: "story-text",
                if let Some(name) = name {
                    b { "{name}" }
                    " "
                }
                "{sentence}"
            }
            if long {
                span { class: "story-pause", "after {words::duration(pause)}" }
            }
        }
    }
}

const fn tone_word(tone: Tone) -> &'static str {
    match tone {
        Tone::Begin => "begin",
        Tone::Done => "done",
        Tone::Again => "again",
        Tone::Bad => "bad",
        Tone::Quiet => "quiet",
        Tone::Person => "person",
    }
}
