//! The panel at the side: the chosen node, the execution, the revisions, or the triggers.

use contracts::Permission;
use dioxus::prelude::*;

use crate::{
    api::session,
    pages::editor::{
        desk::{Desk, Panel},
        properties::Properties,
        revisions::Revisions,
        run_panel::RunPanel,
        triggers::Triggers,
    },
    ui::{button::IconButton, icon::Glyph},
};

#[component]
pub(super) fn SidePanel() -> Element {
    let mut desk = use_context::<Desk>();
    let Some(panel) = *desk.panel.read() else {
        return rsx! {};
    };
    let active = *desk.board.active.read();
    let may_run = session::may(Permission::FlowExecute);
    let label = match panel {
        Panel::Properties => "Properties",
        Panel::Run => "Run",
        Panel::Revisions => "Revisions",
        Panel::Triggers => "Triggers",
    };
    rsx! {
        aside {
            class: "side-panel",
            "aria-label": label,
            onkeydown: move |event| {
                if event.key() == Key::Escape {
                    desk.panel.set(None);
                    crate::canvas::focus_stage();
                }
            },
            header {
                div { class: "panel-tabs", role: "group", "aria-label": "Panel",
                    if active.is_some() {
                        PanelTab { panel: Panel::Properties, label: "Node" }
                    }
                    if may_run || desk.execution.read().is_some() {
                        PanelTab { panel: Panel::Run, label: "Run" }
                    }
                    PanelTab { panel: Panel::Revisions, label: "Revisions" }
                    PanelTab { panel: Panel::Triggers, label: "Triggers" }
                }
                IconButton { glyph: Glyph::Close, label: "Close the panel", onclick: move |_| desk.panel.set(None) }
            }
            div { class: "panel-body",
                match (panel, active) {
                    (Panel::Properties, Some(node)) => rsx! { Properties { key: "{node.key}", node } },
                    (Panel::Properties, None) => rsx! {},
                    (Panel::Run, _) => rsx! { RunPanel {} },
                    (Panel::Revisions, _) => rsx! { Revisions {} },
                    (Panel::Triggers, _) => rsx! { Triggers {} },
                }
            }
        }
    }
}

#[component]
fn PanelTab(panel: Panel, label: &'static str) -> Element {
    let mut desk = use_context::<Desk>();
    let chosen = *desk.panel.read() == Some(panel);
    rsx! {
        button {
            class: "panel-tab",
            r#type: "button",
            "aria-pressed": chosen.to_string(),
            onclick: move |_| desk.panel.set(Some(panel)),
            "{label}"
        }
    }
}
