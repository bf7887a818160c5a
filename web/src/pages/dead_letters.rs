//! Work that nobody could do: found, explained, put back.

mod detail;
mod words;

use contracts::{dead_letter::DeadLetter, page::Page as ListPage};
use dioxus::prelude::*;

use self::{detail::Detail, words::title_of};
use super::listing::{ACTS, Listing, Words, query};
use crate::{
    api::{names::short, query::use_get},
    params::Params,
    routes::Route,
    ui::{Tone, badge::Badge, button::Button, icon::Glyph, page::Page, time::Ago},
};

/// Lists of dead letters begin with this.
const PATH: &str = "/dead-letters";
const WORDS: Words = Words {
    label: "Dead letters",
    glyph: Glyph::Warning,
    none: "No dead letter matches.",
    empty: "No work was put away: every step found a worker that could do it.",
    columns: &[
        ("Put away", ""),
        ("Why", ""),
        ("Step", ""),
        ("Execution", "wide-only"),
        ("State", "wide-only"),
        (ACTS, ""),
    ],
};

fn to(params: Params) -> Route {
    Route::DeadLetters { params }
}

#[component]
pub(crate) fn DeadLetters(params: Params) -> Element {
    let asked = query(&params.with("limit", "25"), &["cursor", "limit"]);
    let list = use_get::<ListPage<DeadLetter>>(format!("{PATH}{asked}"));
    let mut open = use_signal(|| None::<DeadLetter>);
    rsx! {
        Page {
            title: "Dead letters",
            loaded: list.is_settled(),
            p { class: "hint", "Work items that were taken out of their queue, so that they take no more workers down. They are kept for 30 days." }
            Listing {
                words: WORDS,
                list,
                params,
                to,
                class: "table letters-table",
                row: move |letter: DeadLetter| rsx! {
                    Row { key: "{letter.id}", letter, onopen: move |letter| open.set(Some(letter)) }
                },
            }
        }
        if let Some(letter) = open() {
            Detail { letter, onclose: move |()| open.set(None) }
        }
    }
}

#[component]
fn Row(letter: DeadLetter, onopen: EventHandler<DeadLetter>) -> Element {
    let step = letter.step.clone();
    let execution = letter.execution_id;
    rsx! {
        tr {
            td { Ago { at: letter.died_at } }
            td {
                Badge { tone: Tone::Err, glyph: Glyph::Warning, {title_of(letter.reason)} }
            }
            td {
                code { "{letter.step}" }
                span { class: "hint", " {letter.class}, attempt {letter.attempt}" }
            }
            td { class: "wide-only",
                Link { to: Route::execution(execution), {short(&execution.to_string())} }
            }
            td { class: "wide-only",
                match letter.redriven_at {
                    Some(at) => rsx! {
                        Badge { tone: Tone::Ok, glyph: Glyph::Undo, "put back " Ago { at } }
                    },
                    None => rsx! {
                        span { class: "muted", "put away" }
                    },
                }
            }
            td { class: "end",
                Button { small: true, "aria-label": "Details of {step}", onclick: move |_| onopen.call(letter.clone()), "Details" }
            }
        }
    }
}
