//! The four lenses beside the details of what is selected.

use dioxus::prelude::*;

use super::{
    details::Details,
    events::Events,
    graph_lens::GraphLens,
    timeline::Timeline,
    tree::Tree,
    watch::{Lens, Watch},
};
use crate::dom;

#[component]
pub(crate) fn Lenses() -> Element {
    let watch = use_context::<Watch>();
    let lens = *watch.lens.read();
    rsx! {
        div { class: "execution-body",
            section { class: "lens", "aria-label": "Execution",
                LensTabs { lens }
                div { class: "lens-pane", role: "tabpanel", id: "lens-pane", "aria-labelledby": "lens-{lens.as_str()}",
                    match lens {
                        Lens::Tree => rsx! { Tree {} },
                        Lens::Graph => rsx! { GraphLens {} },
                        Lens::Timeline => rsx! { Timeline {} },
                        Lens::Events => rsx! { Events {} },
                    }
                }
            }
            Details {}
        }
    }
}

#[component]
fn LensTabs(lens: Lens) -> Element {
    let mut watch = use_context::<Watch>();
    let mut step = move |by: usize| {
        let at = Lens::ALL
            .iter()
            .position(|it| *it == *watch.lens.peek())
            .unwrap_or(0);
        let next = Lens::ALL[(at + by) % Lens::ALL.len()];
        watch.look_through(next);
        if let Some(tab) = dom::by_id(&format!("lens-{}", next.as_str())) {
            dom::focus(&tab);
        }
    };
    rsx! {
        div { class: "lens-tabs", role: "tablist", "aria-label": "Lenses",
            for it in Lens::ALL {
                button {
                    key: "{it.as_str()}",
                    id: "lens-{it.as_str()}",
                    r#type: "button",
                    role: "tab",
                    "aria-selected": if it == lens { "true" } else { "false" },
                    "aria-controls": "lens-pane",
                    tabindex: if it == lens { "0" } else { "-1" },
                    onclick: move |_| watch.look_through(it),
                    onkeydown: move |event| match event.key() {
                        Key::ArrowRight => step(1),
                        Key::ArrowLeft => step(Lens::ALL.len() - 1),
                        _ => {}
                    },
                    "{it.title()}"
                }
            }
        }
    }
}
