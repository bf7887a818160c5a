//! Short notes on what just happened, at the edge of the page.

use contracts::Problem;
use dioxus::prelude::*;

use super::{
    Tone,
    button::IconButton,
    icon::{Glyph, Icon},
};
use crate::dom;

const SHOWN_MS: i32 = 6_000;
const AT_MOST: usize = 4;

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Toast {
    id: u32,
    tone: Tone,
    text: String,
}

pub(crate) static LIST: GlobalSignal<Vec<Toast>> = Signal::global(Vec::new);

/// Something worked.
pub(crate) fn done(text: impl Into<String>) {
    show(Tone::Ok, text.into());
}

/// Something did not work, and no form is there to say it beside.
pub(crate) fn problem(problem: &Problem) {
    show(Tone::Err, super::problem::sentence(&problem.detail));
}

pub(crate) fn failed(text: impl Into<String>) {
    show(Tone::Err, text.into());
}

fn show(tone: Tone, text: String) {
    let id = LIST.peek().last().map_or(0, |toast| toast.id + 1);
    let mut list = LIST.write();
    // The same note twice says nothing new.
    list.retain(|toast| toast.text != text);
    list.push(Toast { id, tone, text });
    let surplus = list.len().saturating_sub(AT_MOST);
    list.drain(..surplus);
}

/// One live region for all of them, in the page from the start, so that they are read aloud.
#[component]
pub(crate) fn Toasts(list: Signal<Vec<Toast>>) -> Element {
    rsx! {
        div { class: "toasts", role: "status", "aria-live": "polite",
            for toast in list() {
                ToastView { key: "{toast.id}", toast, onclose: move |id| list.write().retain(|toast| toast.id != id) }
            }
        }
    }
}

#[component]
fn ToastView(toast: Toast, onclose: EventHandler<u32>) -> Element {
    let id = toast.id;
    use_future(move || async move {
        dom::sleep_ms(SHOWN_MS).await;
        onclose.call(id);
    });
    let glyph = match toast.tone {
        Tone::Err => Glyph::Error,
        Tone::Warn => Glyph::Warning,
        Tone::Neutral | Tone::Accent | Tone::Run | Tone::Ok => Glyph::Success,
    };
    rsx! {
        div { class: "toast", "data-tone": toast.tone.as_str(),
            Icon { glyph }
            span { "{toast.text}" }
            IconButton { glyph: Glyph::Close, label: "Dismiss", onclick: move |_| onclose.call(id) }
        }
    }
}
