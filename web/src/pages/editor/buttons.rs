//! The buttons of a node that asks a person: what stands on each, and the port at which it goes on.

use dioxus::prelude::*;
use serde_json::{Value, json};

use crate::{
    canvas::board::{Board, NodeHandle},
    pages::editor::properties::configure,
    ui::{
        button::{Button, IconButton},
        field::TextField,
        icon::Glyph,
    },
};

/// As many as a node may have.
const MOST: usize = 10;

#[component]
pub(super) fn ButtonsField(node: NodeHandle, value: Option<Value>) -> Element {
    let board = use_context::<Board>();
    let buttons = match value {
        Some(Value::Array(buttons)) => buttons,
        _ => vec![
            json!({"port": "approve", "label": "Approve"}),
            json!({"port": "reject", "label": "Reject"}),
        ],
    };
    let save = {
        let buttons = buttons.clone();
        move |change: &dyn Fn(&mut Vec<Value>)| {
            let mut buttons = buttons.clone();
            change(&mut buttons);
            configure(board, node, "buttons", Some(Value::Array(buttons)));
        }
    };
    let part = |button: &Value, key: &str| button[key].as_str().unwrap_or_default().to_owned();
    let count = buttons.len();
    rsx! {
        div { class: "cases", role: "group", "aria-label": "Buttons",
            p { class: "field-title", "Buttons" }
            for (index , button) in buttons.iter().enumerate() {
                div { key: "{index}", class: "case",
                    for (key , label) in [("label", "Button"), ("port", "goes on at port")] {
                        TextField {
                            key: "{key}",
                            label,
                            value: part(button, key),
                            oninput: {
                                let save = save.clone();
                                move |text: String| save(&|buttons| buttons[index][key] = json!(text))
                            },
                        }
                    }
                    if count > 1 {
                        IconButton {
                            glyph: Glyph::Trash,
                            label: "Remove button {index + 1}",
                            onclick: {
                                let save = save.clone();
                                move |_| save(&|buttons| drop(buttons.remove(index)))
                            },
                        }
                    }
                }
            }
            if count < MOST {
                Button {
                    small: true,
                    icon: Glyph::Plus,
                    onclick: move |_| save(&|buttons| {
                        let number = buttons.len() + 1;
                        buttons.push(json!({"port": format!("button_{number}"), "label": format!("Button {number}")}));
                    }),
                    "Add a button"
                }
            }
        }
    }
}
