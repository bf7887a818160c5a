//! The question what to add, where the place is known: the end of a new edge, the middle of an old one, or the keyboard.

use contracts::flow::NodeType;
use dioxus::{prelude::*, web::WebEventExt};
use wasm_bindgen::JsCast;

use crate::{
    canvas::{board::Board, glyph::KindGlyph, palette::fits, stage::focus_stage},
    dom,
};

const ID: &str = "add-menu";

/// Mount it beside the stage; it shows itself when `board.adding` is set.
#[component]
pub(crate) fn AddMenu() -> Element {
    let board = use_context::<Board>();
    if board.adding.read().is_none() {
        return rsx! {};
    }
    rsx! { AddDialog {} }
}

#[component]
fn AddDialog() -> Element {
    let mut board = use_context::<Board>();
    let mut search = use_signal(String::new);
    let mut chosen = use_signal(|| 0_usize);
    let needs_input = board
        .adding
        .read()
        .as_ref()
        .is_some_and(|adding| adding.from.is_some() || adding.edge.is_some());
    let types = board.types.read().clone();
    let is_offered =
        |kind: &&NodeType| (kind.takes_input || !needs_input) && fits(kind, &search.read());
    let mut found: Vec<NodeType> = types.iter().filter(is_offered).cloned().collect();
    // Names come before what is only told in a description.
    let wish = search.read().to_lowercase();
    found.sort_by_key(|kind| !kind.title.to_lowercase().contains(&wish));
    let at = (*chosen.read()).min(found.len().saturating_sub(1));
    let kinds: Vec<String> = found.iter().map(|kind| kind.kind.clone()).collect();
    let mut close = move || {
        leave();
        board.adding.set(None);
    };

    rsx! {
        dialog {
            id: ID,
            class: "add-menu",
            "aria-label": "Add a node",
            onmounted: move |event| {
                if let Ok(dialog) = event.as_web_event().dyn_into::<web_sys::HtmlDialogElement>() {
                    drop(dialog.show_modal());
                }
            },
            oncancel: move |_| close(),
            onclick: move |event| {
                // What lies around the dialog belongs to it as a target.
                let target = event.as_web_event().target();
                if target.is_some_and(|target| target.has_type::<web_sys::HtmlDialogElement>()) {
                    close();
                }
            },
            input {
                class: "input",
                r#type: "search",
                role: "combobox",
                "aria-label": "Node to add",
                "aria-expanded": "true",
                "aria-controls": "add-list",
                "aria-activedescendant": "add-{at}",
                placeholder: "Add a node…",
                autofocus: true,
                value: "{search}",
                oninput: move |event| {
                    search.set(event.value());
                    chosen.set(0);
                },
                onkeydown: move |event: KeyboardEvent| {
                    event.stop_propagation();
                    match event.key() {
                        Key::ArrowDown => chosen.set((at + 1).min(kinds.len().saturating_sub(1))),
                        Key::ArrowUp => chosen.set(at.saturating_sub(1)),
                        Key::Enter => {
                            if let Some(kind) = kinds.get(at) {
                                leave();
                                board.add(kind);
                            }
                        }
                        _ => return,
                    }
                    event.prevent_default();
                },
            }
            ul { id: "add-list", role: "listbox", "aria-label": "Nodes",
                for (index, kind) in found.into_iter().enumerate() {
                    li {
                        key: "{kind.kind}",
                        id: "add-{index}",
                        role: "option",
                        "data-kind": "{kind.kind}",
                        "aria-selected": (index == at).to_string(),
                        onclick: move |_| {
                            leave();
                            board.add(&kind.kind);
                        },
                        KindGlyph { kind: kind.kind.clone() }
                        span { "{kind.title}" }
                        small { "{kind.description}" }
                    }
                }
            }
        }
    }
}

/// What lies below a dialog takes the focus only once that is closed.
fn leave() {
    let dialog =
        dom::by_id(ID).and_then(|dialog| dialog.dyn_into::<web_sys::HtmlDialogElement>().ok());
    if let Some(dialog) = dialog {
        dialog.close();
    }
    focus_stage();
}
