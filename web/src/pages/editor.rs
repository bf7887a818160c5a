//! The flow editor: palette, canvas, panel at the side, problems below.
//!
//! **Invariant:** the flow is read once when the page opens; after that the canvas is the truth and the draft follows it.

mod buttons;
mod checking;
mod concurrency;
mod control;
mod desk;
mod difference;
mod expression;
mod panels;
mod pickers;
mod pins;
mod problems;
mod properties;
mod publish;
mod regression;
mod retry_fields;
mod revisions;
mod run_form;
mod run_panel;
mod running;
mod saving;
mod settings;
mod top;
mod trigger_draft;
mod trigger_fires;
mod trigger_form;
mod triggers;
mod upgrade;

use std::rc::Rc;

use contracts::{
    Permission,
    flow::{Flow, NodeType},
    page::Page as ListPage,
};
use dioxus::prelude::*;

use crate::{
    api::{self, session},
    canvas::{AddMenu, Outline, Palette, Stage, Toolbar, keys::Act},
    dom,
    params::Params,
    ui::{page::Page, problem::ProblemView, skeleton::Skeleton},
};
use desk::{Desk, Dialogue, Panel, Saving};
use difference::Difference;
use panels::SidePanel;
use problems::{ConflictBar, ProblemList};
use publish::PublishDialog;
use top::{ShortcutsDialog, TopBar};
use upgrade::UpgradeDialog;

/// Below this width a window is a phone's.
const PHONE: f64 = 700.0;

#[component]
pub(crate) fn Editor(id: String, params: Params) -> Element {
    rsx! { Loader { key: "{id}", id, execution: params.get("execution").map(str::to_owned) } }
}

#[component]
fn Loader(id: String, execution: Option<String>) -> Element {
    let path = format!("/flows/{id}");
    let mut loaded = use_resource(move || {
        let path = path.clone();
        async move {
            let types = api::get::<ListPage<NodeType>>("/node-types").await?;
            let flow = api::get::<Flow>(&path).await?;
            Ok::<_, contracts::Problem>((flow, Rc::new(types.items)))
        }
    });
    match &*loaded.read() {
        None => rsx! {
            Page { title: "Flow", loaded: false, Skeleton {} }
        },
        Some(Err(problem)) => rsx! {
            Page { title: "Flow", loaded: true,
                ProblemView { problem: problem.clone(), onretry: move |()| loaded.restart() }
            }
        },
        Some(Ok((flow, types))) => rsx! {
            Open { flow: Rc::new(flow.clone()), types: types.clone(), execution }
        },
    }
}

#[component]
fn Open(flow: Rc<Flow>, types: Rc<Vec<NodeType>>, execution: Option<String>) -> Element {
    let mut desk = use_hook(|| Desk::new(&flow, types, is_phone()));
    use_context_provider(|| desk);
    use_context_provider(|| desk.board);
    use_hook(|| {
        desk.board.locked.set(!session::may(Permission::FlowWrite));
        if execution.is_some() {
            desk.execution.set(execution);
            desk.panel.set(Some(Panel::Run));
        }
    });
    saving::use_autosave(desk);
    checking::use_checking(desk);
    running::use_following(desk);
    pins::use_pins(desk);
    // A node that is chosen shows its properties; the other panels stay where they were put.
    use_effect(move || {
        let active = desk.board.active.read().is_some();
        if active && desk.panel.peek().is_none() {
            desk.panel.set(Some(Panel::Properties));
        } else if !active && *desk.panel.peek() == Some(Panel::Properties) {
            desk.panel.set(None);
        }
    });
    let title = desk.name.read().clone();
    // Nothing can be put on a canvas that is only looked at.
    let bare = *desk.outline.read() || *desk.board.locked.read() || desk.comparing.read().is_some();
    rsx! {
        Page { title, loaded: true, full: true, heading: rsx! { TopBar {} },
            div {
                class: "editor",
                "data-bare": bare.then_some(""),
                onkeydown: move |event| keys_of_page(desk, &event),
                if matches!(*desk.saving.read(), Saving::Conflict(_)) {
                    ConflictBar {}
                }
                if !bare {
                    Palette {}
                }
                div { class: "editor-main",
                    if let Some(revision) = *desk.comparing.read() {
                        Difference { key: "{revision}", revision }
                    } else if *desk.outline.read() {
                        Outline {}
                    } else {
                        div { class: "canvas",
                            Stage { onact: move |act| act_of_page(desk, act) }
                            Toolbar {}
                        }
                    }
                    ProblemList {}
                }
                SidePanel {}
                AddMenu {}
                match *desk.dialogue.read() {
                    Dialogue::None => rsx! {},
                    Dialogue::Publish => rsx! { PublishDialog {} },
                    Dialogue::Shortcuts => rsx! { ShortcutsDialog {} },
                    Dialogue::Upgrade(of) => rsx! { UpgradeDialog { node: of.and_then(|key| desk.board.by_key(key)) } },
                }
                p { class: "visually-hidden", role: "status", "{desk.board.said}" }
            }
        }
    }
}

/// Panels cover the canvas there, and the flow opens as a table.
fn is_phone() -> bool {
    let width = dom::window()
        .inner_width()
        .ok()
        .and_then(|width| width.as_f64());
    width.is_some_and(|width| width < PHONE)
}

/// The keys that work everywhere on the page, also in fields.
fn keys_of_page(desk: Desk, event: &KeyboardEvent) {
    let command = event.modifiers().ctrl() || event.modifiers().meta();
    let act = match event.key() {
        Key::Enter if command => Act::Run,
        Key::Character(letter) if command && letter.eq_ignore_ascii_case("s") => Act::Save,
        _ => return,
    };
    event.prevent_default();
    act_of_page(desk, act);
}

fn act_of_page(mut desk: Desk, act: Act) {
    match act {
        Act::Save => {
            spawn(async move {
                if saving::save(desk).await {
                    desk.board.say("Saved");
                }
            });
        }
        Act::Run if session::may(Permission::FlowExecute) => desk.panel.set(Some(Panel::Run)),
        Act::Outline => {
            let outline = *desk.outline.peek();
            desk.outline.set(!outline);
        }
        Act::Enter | Act::Rename if desk.board.active.peek().is_some() => {
            desk.panel.set(Some(Panel::Properties));
            spawn(async move {
                // The panel may have to appear first.
                dom::sleep_ms(30).await;
                focus_properties(act);
            });
        }
        _ => {}
    }
}

fn focus_properties(act: Act) {
    let selector = if act == Act::Rename {
        "#node-name"
    } else {
        ".properties .field-control"
    };
    let element = dom::document().query_selector(selector).ok().flatten();
    if let Some(element) = element
        .and_then(|element| wasm_bindgen::JsCast::dyn_into::<web_sys::HtmlElement>(element).ok())
    {
        dom::focus(&element);
    }
}
