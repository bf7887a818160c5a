//! A text in which expressions may stand, with what they can begin with offered while one is typed.

use contracts::flow::Variables;
use dioxus::{prelude::*, web::WebEventExt};
use serde_json::Value;
use wasm_bindgen::JsCast;
use web_sys::{Element as DomElement, HtmlTextAreaElement};

use crate::{
    api::query::use_get,
    canvas::{
        board::{Board, NodeHandle},
        completion::{self, Offer},
        fields::json_value,
    },
    dom,
    ui::use_id,
};

const MOST: usize = 8;

/// What is offered, for which stretch of the text.
#[derive(Clone, Default, PartialEq)]
struct Open {
    start: usize,
    cursor: usize,
    offers: Vec<Offer>,
    chosen: usize,
}

/// `bare`: the whole text is an expression, without braces.
#[component]
pub(super) fn Expression(
    node: NodeHandle,
    label: String,
    hint: String,
    text: String,
    lines: u32,
    bare: bool,
    oninput: EventHandler<String>,
    error: Option<String>,
) -> Element {
    let board = use_context::<Board>();
    let id = use_id("expression");
    let variables = use_get::<Variables>("/variables".to_owned());
    let mut open = use_signal(|| None::<Open>);
    let list = format!("{id}-list");
    let area = id.clone();

    let mut look = {
        let area = area.clone();
        move || {
            let names: Vec<String> = variables
                .data()
                .map(|known| known.variables.keys().cloned().collect())
                .unwrap_or_default();
            let found = text_and_cursor(&area).and_then(|(text, cursor)| {
                let (start, word) = completion::word(&text, cursor, bare)?;
                let all = completion::offers(&board.graph.peek(), &node.id(), &names);
                let offers = completion::matching(&all, &word, MOST);
                (!offers.is_empty()).then_some(Open {
                    start,
                    cursor,
                    offers,
                    chosen: 0,
                })
            });
            if *open.peek() != found {
                open.set(found);
            }
        }
    };
    let accept = move |index: usize| {
        let Some(now) = open.take() else { return };
        let (Some(offer), Some((text, _))) = (now.offers.get(index), text_and_cursor(&area)) else {
            return;
        };
        let (text, cursor) = completion::accept(&text, now.start, now.cursor, &offer.text);
        write(&area, &text, cursor);
        oninput.call(text);
    };
    let mut key_accept = accept.clone();
    let shown = open.read().clone();
    let controls = shown.is_some().then(|| list.clone());
    let descendant = shown.as_ref().map(|now| format!("{list}-{}", now.chosen));
    let invalid = error.is_some().then_some("true");
    rsx! {
        div { class: "field expression",
            label { r#for: "{id}", "{label}" }
            textarea {
                id: "{id}",
                class: "input field-control",
                rows: "{lines}",
                spellcheck: "false",
                "aria-autocomplete": "list",
                "aria-controls": controls,
                "aria-activedescendant": descendant,
                "aria-invalid": invalid,
                "data-code": bare.then_some(""),
                value: "{text}",
                oninput: move |event| {
                    oninput.call(event.value());
                    look();
                },
                onblur: move |_| open.set(None),
                onkeydown: move |event| {
                    let Some(now) = open.peek().clone() else { return };
                    match event.key() {
                        Key::ArrowDown => open.set(Some(Open { chosen: (now.chosen + 1) % now.offers.len(), ..now })),
                        Key::ArrowUp => open.set(Some(Open { chosen: (now.chosen + now.offers.len() - 1) % now.offers.len(), ..now })),
                        Key::Enter | Key::Tab => key_accept(now.chosen),
                        Key::Escape => open.set(None),
                        _ => return,
                    }
                    event.prevent_default();
                    event.stop_propagation();
                },
            }
            if let Some(now) = shown {
                ul { id: "{list}", class: "offers", role: "listbox", "aria-label": "Completions",
                    for (index, offer) in now.offers.into_iter().enumerate() {
                        li {
                            key: "{offer.text}",
                            id: "{list}-{index}",
                            role: "option",
                            "aria-selected": (index == now.chosen).to_string(),
                            // Before the text loses the focus.
                            onpointerdown: {
                                let mut accept = accept.clone();
                                move |event: PointerEvent| {
                                    event.as_web_event().prevent_default();
                                    accept(index);
                                }
                            },
                            code { "{offer.text}" }
                            small { "{offer.about}" }
                        }
                    }
                }
            }
            if let Some(error) = error {
                p { class: "error", "{error}" }
            } else if !hint.is_empty() {
                p { class: "hint", "{hint}" }
            }
        }
    }
}

/// Any JSON; a text that is one expression needs no quotes. What is no JSON yet stays in the field alone.
#[component]
pub(super) fn JsonExpression(
    node: NodeHandle,
    label: String,
    hint: String,
    text: String,
    oninput: EventHandler<Option<Value>>,
) -> Element {
    let mut draft = use_signal(|| text.clone());
    let mut told = use_signal(|| text.clone());
    // Undo, redo and others change what the draft was made from.
    if *told.peek() != text && json_value(&draft.peek()) != json_value(&text) {
        draft.set(text.clone());
    }
    if *told.peek() != text {
        told.set(text);
    }
    let error = json_value(&draft.read()).err();
    let lines = u32::try_from(draft.read().lines().count())
        .unwrap_or(3)
        .clamp(3, 16);
    rsx! {
        Expression {
            node,
            label,
            hint,
            text: draft.read().clone(),
            lines,
            bare: false,
            error,
            oninput: move |text: String| {
                let value = json_value(&text);
                draft.set(text);
                if let Ok(value) = value {
                    oninput.call(value);
                }
            },
        }
    }
}

fn area(id: &str) -> Option<HtmlTextAreaElement> {
    dom::by_id(id).and_then(|element: web_sys::HtmlElement| element.dyn_into().ok())
}

fn text_and_cursor(id: &str) -> Option<(String, usize)> {
    let area = area(id)?;
    let cursor = area.selection_start().ok()??;
    Some((area.value(), usize::try_from(cursor).ok()?))
}

fn write(id: &str, text: &str, cursor: usize) {
    if let Some(area) = area(id) {
        area.set_value(text);
        let cursor = u32::try_from(cursor).unwrap_or(u32::MAX);
        // It fails only for elements without a selection.
        drop(area.set_selection_range(cursor, cursor));
        let element: &DomElement = area.as_ref();
        element.scroll_into_view_with_bool(false);
    }
}
