//! One tool: its definition, the form that its schema makes, its calls and versions.

mod attempt;
mod calls;
mod config;
mod editor;
pub(crate) mod kind;

use std::rc::Rc;

use contracts::tool::{Tool as Object, ToolKind};
use dioxus::prelude::*;

use self::{calls::Calls, editor::ToolEditor};
use super::frame::Stored;
use crate::params::Params;

#[component]
pub(crate) fn Tool(id: String, params: Params) -> Element {
    if id == "new" {
        let kind = params.get("kind").and_then(ToolKind::parse);
        let kind = kind.unwrap_or(ToolKind::Javascript);
        return rsx! {
            ToolEditor { key: "new-{kind.as_str()}", tool: None, blank: kind::blank(kind) }
        };
    }
    let tab = params.get("tab").unwrap_or_default().to_owned();
    rsx! {
        Stored::<Object> {
            key: "{id}",
            id: id.clone(),
            show: move |tool: Rc<Object>| {
                let path = format!("/tools/{id}");
                rsx! {
                    ToolEditor { tool, tab: tab.clone(),
                        if tab == "calls" {
                            Calls { path }
                        }
                    }
                }
            },
        }
    }
}
