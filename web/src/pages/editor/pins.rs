//! Outputs that nodes have in tests without being run, and running up to a node.
//!
//! **Invariant:** pins stay in this browser and count in tests from the editor alone; what is published knows nothing of them.

use std::collections::BTreeMap;

use contracts::{Permission, Problem, execution::Pin, flow::Node};
use dioxus::prelude::*;
use serde_json::{Value, json};

use crate::{
    api::{payload, session},
    canvas::board::set_if_new,
    dom,
    pages::{
        editor::{desk::Desk, running},
        json_text::JsonText,
    },
    schema::initial,
    ui::{button::Button, icon::Glyph, problem::ProblemLine},
};

/// The pins of a flow, as this browser kept them.
pub(super) fn kept(flow: &str) -> BTreeMap<String, Pin> {
    let text = dom::stored(&place(flow)).unwrap_or_default();
    // What an older version of the app wrote, and this one cannot read, is let go.
    serde_json::from_str(&text).unwrap_or_default()
}

fn place(flow: &str) -> String {
    format!("troupe-pins-{flow}")
}

/// Keeps the pins, and shows on the canvas which nodes have one.
pub(super) fn use_pins(mut desk: Desk) {
    use_effect(move || {
        let pins = desk.pins.read();
        let text = (!pins.is_empty()).then(|| serde_json::to_string(&*pins).unwrap_or_default());
        dom::store(&place(&desk.flow_id.peek()), text.as_deref());
        let nodes = pins.keys().cloned().collect();
        drop(pins);
        set_if_new(&mut desk.board.pinned, nodes);
    });
}

/// What is asked of a flow that is tried: that of the execution that is shown, else what its schema begins with.
fn input_of(desk: Desk) -> Value {
    let shown = desk.record.peek().view().input.clone();
    let schema = desk.board.graph.peek().input_schema.clone();
    shown
        .or_else(|| schema.as_ref().and_then(initial))
        .unwrap_or_else(|| json!({}))
}

/// A value of the execution that is shown, also where it stands apart.
async fn whole(desk: Desk, value: Value) -> Result<Value, Problem> {
    let execution = desk.execution.peek().clone().unwrap_or_default();
    payload::whole(&execution, value).await
}

/// For the chosen node: its pin, and running up to it.
#[component]
pub(super) fn Pinning(node: Node, output: Option<Value>, port: Option<String>) -> Element {
    let mut desk = use_context::<Desk>();
    let mut busy = use_signal(|| false);
    let mut problem = use_signal(|| None::<Problem>);
    let begins = matches!(
        node.kind.as_str(),
        "trigger" | "chat_trigger" | graph::ERROR_HANDLER
    );
    // What stands in a body runs with that body.
    if node.parent.is_some() || begins || !session::may(Permission::FlowExecute) {
        return rsx! {};
    }
    let pinned = desk.pins.read().get(&node.id).cloned();
    let has_pin = pinned.is_some();
    let id = node.id.clone();
    let run = move |_| {
        let until = node.id.clone();
        busy.set(true);
        desk.board.spawn(async move {
            let outcome = match whole(desk, input_of(desk)).await {
                Ok(input) => running::test(desk, input, Some(until)).await,
                Err(problem) => Err(problem),
            };
            problem.set(outcome.err());
            busy.set(false);
        });
    };
    rsx! {
        section { class: "pinning stack-s", "aria-label": "Try this node",
            div { class: "row",
                Button { small: true, icon: Glyph::Play, busy: busy(), disabled: has_pin, onclick: run, title: "Runs the draft up to this node; what is pinned is not run", "Run up to here" }
                if !has_pin {
                    Button {
                        small: true,
                        icon: Glyph::Clip,
                        onclick: {
                            let id = id.clone();
                            move |_| {
                                let (id, port) = (id.clone(), port.clone());
                                let output = output.clone().unwrap_or_else(|| json!({}));
                                async move {
                                    match whole(desk, output).await {
                                        Ok(output) => {
                                            desk.pins.write().insert(id, Pin { output, port });
                                        }
                                        Err(refused) => problem.set(Some(refused)),
                                    }
                                }
                            }
                        },
                        "Pin the output"
                    }
                }
            }
            if let Some(problem) = problem() {
                ProblemLine { problem }
            }
            if let Some(pin) = pinned {
                PinField { id, pin }
            }
        }
    }
}

#[component]
fn PinField(id: String, pin: Pin) -> Element {
    let mut desk = use_context::<Desk>();
    let (of, port) = (id.clone(), pin.port.clone());
    rsx! {
        JsonText {
            label: "Pinned output",
            hint: "Taken in tests from here, instead of running the node. Kept in this browser.",
            value: pin.output,
            onchange: move |output| {
                let pin = Pin { output, port: port.clone() };
                desk.pins.write().insert(of.clone(), pin);
            },
        }
        div { class: "row",
            Button {
                small: true,
                icon: Glyph::Close,
                onclick: move |_| {
                    desk.pins.write().remove(&id);
                },
                "Take the pin off"
            }
        }
    }
}
