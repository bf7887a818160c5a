//! Keys that work everywhere, and the sheet that lists them.
//!
//! **Invariant:** single letters do nothing while somebody types or a dialog is open, and can be switched off.

use dioxus::{prelude::*, router::Navigator};
use web_sys::KeyboardEvent as DomKeyboardEvent;

use super::palette;
use crate::{
    dom,
    listen::use_window_event,
    routes::Route,
    ui::{dialog::Dialog, kbd::Kbd, switch::Switch},
};

/// Between the two keys of `g f`.
const CHORD_MS: f64 = 1_000.0;
const OFF: &str = "troupe-single-keys-off";

pub(crate) static SHEET: GlobalSignal<bool> = Signal::global(|| false);

struct Place {
    letter: &'static str,
    keys: &'static str,
    text: &'static str,
    to: fn() -> Route,
}

const PLACES: [Place; 10] = [
    Place {
        letter: "d",
        keys: "g d",
        text: "Dashboard",
        to: || Route::Dashboard {},
    },
    Place {
        letter: "f",
        keys: "g f",
        text: "Flows",
        to: Route::flows,
    },
    Place {
        letter: "e",
        keys: "g e",
        text: "Executions",
        to: Route::executions,
    },
    Place {
        letter: "i",
        keys: "g i",
        text: "Approvals",
        to: || Route::Approvals {},
    },
    Place {
        letter: "a",
        keys: "g a",
        text: "Agents",
        to: Route::agents,
    },
    Place {
        letter: "w",
        keys: "g w",
        text: "Crews",
        to: Route::crews,
    },
    Place {
        letter: "t",
        keys: "g t",
        text: "Tools",
        to: Route::tools,
    },
    Place {
        letter: "k",
        keys: "g k",
        text: "Knowledge",
        to: Route::knowledge,
    },
    Place {
        letter: "c",
        keys: "g c",
        text: "Chat",
        to: Route::chat,
    },
    Place {
        letter: "p",
        keys: "g p",
        text: "Providers",
        to: || Route::Providers {},
    },
];

const GENERAL: [(&str, &str); 5] = [
    ("Ctrl K", "Go to or do"),
    ("/", "Search this list"),
    ("n", "New, in a list"),
    ("?", "This sheet"),
    ("Esc", "Close what is on top"),
];

const EDITOR: &str = "The flow editor has keys of its own; they are listed there.";

/// The keys that lead to a page, for the palette.
pub(super) fn of(text: &str) -> &'static str {
    PLACES
        .iter()
        .find(|place| place.text == text)
        .map_or("", |place| place.keys)
}

#[component]
pub(super) fn Keys() -> Element {
    let navigator = navigator();
    let mut went_at = use_hook(|| CopyValue::new(0.0));
    use_window_event("keydown", move |event: DomKeyboardEvent| {
        let command = event.ctrl_key() || event.meta_key();
        if command && event.key().eq_ignore_ascii_case("k") && !event.shift_key() {
            event.prevent_default();
            let open = *palette::OPEN.peek();
            *palette::OPEN.write() = !open;
            return;
        }
        if command || event.alt_key() || !are_letters_free() {
            return;
        }
        let chord = dom::now_ms() - *went_at.peek() < CHORD_MS;
        went_at.set(if event.key() == "g" && !chord {
            dom::now_ms()
        } else {
            0.0
        });
        if single(&event.key(), chord, navigator) {
            event.prevent_default();
        }
    });
    rsx! {
        if SHEET() {
            Sheet {}
        }
    }
}

fn are_letters_free() -> bool {
    let top = dom::document().query_selector("dialog[open], :popover-open");
    dom::stored(OFF).is_none() && !dom::is_typing() && !matches!(top, Ok(Some(_)))
}

/// Whether the key did something.
fn single(key: &str, chord: bool, navigator: Navigator) -> bool {
    if chord {
        let place = PLACES.iter().find(|place| place.letter == key);
        if let Some(place) = place {
            navigator.push((place.to)());
        }
        return place.is_some();
    }
    match key {
        "?" => *SHEET.write() = true,
        "/" => return act_on("[data-search]", dom::focus),
        "n" => return act_on("[data-new]", |element| element.click()),
        _ => return false,
    }
    true
}

fn act_on(selector: &str, act: impl FnOnce(&web_sys::HtmlElement)) -> bool {
    use wasm_bindgen::JsCast;
    let found = dom::document().query_selector(selector).ok().flatten();
    let element = found.and_then(|element| element.dyn_into().ok());
    if let Some(element) = &element {
        act(element);
    }
    element.is_some()
}

#[component]
fn Sheet() -> Element {
    let mut off = use_signal(|| dom::stored(OFF).is_some());
    rsx! {
        Dialog { title: "Keyboard shortcuts", wide: true, onclose: |()| *SHEET.write() = false,
            div { class: "stack",
                div { class: "columns sheet",
                    section {
                        h3 { "General" }
                        dl {
                            for (keys , text) in GENERAL {
                                div { key: "{keys}", dt { Kbd { keys } } dd { "{text}" } }
                            }
                        }
                        p { class: "hint", "{EDITOR}" }
                    }
                    section {
                        h3 { "Go to" }
                        dl {
                            for place in PLACES.iter() {
                                div { key: "{place.keys}", dt { Kbd { keys: place.keys } } dd { "{place.text}" } }
                            }
                        }
                    }
                }
                Switch {
                    label: "Single-letter shortcuts",
                    checked: !off(),
                    onchange: move |on: bool| {
                        off.set(!on);
                        dom::store(OFF, (!on).then_some("1"));
                    },
                }
            }
        }
    }
}
