//! An answer while it is made.

use std::rc::Rc;

use contracts::{
    Problem,
    chat::{ChatMessage, MessageState},
};
use dioxus::prelude::*;
use web_sys::AbortController;

use super::{
    answer::{Answer, Part},
    follow::{Heard, follow},
    talk::Talk,
    tool_line::ToolLine,
};
use crate::{
    dom,
    ui::{Tone, badge::Badge, icon::Glyph, markdown_view::Markdown, problem::ProblemView},
};

/// How often what was heard is drawn at most.
const DRAW_MS: i32 = 80;

#[derive(Clone, PartialEq)]
struct Drawn {
    answer: Rc<Answer>,
    broken: bool,
    problem: Option<Problem>,
}

/// What was heard, drawn now and then.
#[derive(Clone, Copy)]
struct Listener {
    answer: CopyValue<Answer>,
    broken: CopyValue<bool>,
    due: CopyValue<bool>,
    drawn: Signal<Drawn>,
}

impl Listener {
    fn hear(mut self, heard: Heard) {
        match heard {
            Heard::Event(event) => self.answer.write().apply(event),
            Heard::Connected => self.broken.set(false),
            Heard::Broken => self.broken.set(true),
        }
        if !std::mem::replace(&mut *self.due.write(), true) {
            spawn(async move {
                dom::sleep_ms(DRAW_MS).await;
                self.due.set(false);
                self.draw(None);
            });
        }
    }

    fn draw(mut self, problem: Option<Problem>) {
        self.drawn.set(Drawn {
            answer: Rc::new(self.answer.peek().clone()),
            broken: *self.broken.peek(),
            problem,
        });
    }
}

fn use_answer(talk: &Talk, message: &ChatMessage) -> Signal<Drawn> {
    let drawn = use_signal(|| Drawn {
        answer: Rc::default(),
        broken: false,
        problem: None,
    });
    let listener = Listener {
        answer: use_hook(CopyValue::default),
        broken: use_hook(|| CopyValue::new(false)),
        due: use_hook(|| CopyValue::new(false)),
        drawn,
    };
    let controller = use_hook(|| Rc::new(AbortController::new().expect("a browser can abort")));
    let signal = controller.signal();
    use_drop(move || controller.abort());
    let path = talk.address(&format!("/messages/{}/stream", message.id));
    let talk = talk.clone();
    use_future(move || {
        let (path, signal, talk) = (path.clone(), signal.clone(), talk.clone());
        async move {
            let after = move || listener.answer.peek().last;
            let hear = move |heard| listener.hear(heard);
            let ending = follow(&path, signal, talk.take_stream(), after, hear).await;
            let done = listener.answer.peek().done.clone();
            match (ending, done) {
                (_, Some(message)) => talk.finish(message),
                (Err(problem), None) => listener.draw(Some(problem)),
                (Ok(()), None) => {}
            }
        }
    });
    drawn
}

#[component]
pub(super) fn Live(message: ChatMessage, talk: Talk) -> Element {
    let Drawn {
        answer,
        broken,
        problem,
    } = use_answer(&talk, &message)();
    let last = answer.parts.len().saturating_sub(1);
    let silent = answer.parts.is_empty();
    rsx! {
        div { class: "chat-parts", "aria-busy": "true",
            for (at , part) in answer.parts.iter().enumerate() {
                match part {
                    Part::Called(call) => rsx! { ToolLine { key: "{at}", call: call.clone(), execution: message.execution_id } },
                    Part::Said(said) => {
                        let text = if said.partial { format!("… {}", said.text) } else { said.text.clone() };
                        rsx! {
                            div { key: "{at}", class: "chat-said", "data-earlier": (at < last).then_some(""), Markdown { text } }
                        }
                    }
                }
            }
        }
        if let Some(problem) = problem {
            ProblemView { problem }
        } else {
            p { class: "chat-state",
                if broken {
                    Badge { tone: Tone::Warn, glyph: Glyph::Refresh, "Reconnecting…" }
                } else if silent && message.state == MessageState::Queued {
                    Badge { glyph: Glyph::Clock, "Queued" }
                } else {
                    span { class: "chat-dots", "aria-hidden": "true", i {} i {} i {} }
                    span { class: "hint", if silent { "Thinking" } else { "Answering" } }
                }
            }
        }
    }
}
