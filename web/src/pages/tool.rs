//! One tool: its definition, the form that its schema makes, its calls and versions.

mod attempt;
mod calls;
mod config;
mod editor;
pub(crate) mod kind;

use contracts::tool::{Tool as Object, ToolKind};
use dioxus::prelude::*;

use self::{calls::Calls, editor::ToolEditor};
use super::versions::Versions;
use crate::{
    api::query::{View, use_get},
    params::Params,
    routes::Route,
    ui::{page::Page, problem::ProblemView, skeleton::Skeleton, tabs::Tabs},
};

#[component]
pub(crate) fn Tool(id: String, params: Params) -> Element {
    match id.as_str() {
        "new" => {
            let kind = params.get("kind").and_then(ToolKind::parse);
            let kind = kind.unwrap_or(ToolKind::Javascript);
            rsx! {
                ToolEditor { key: "new-{kind.as_str()}", tool: None, blank: kind::blank(kind) }
            }
        }
        _ => rsx! {
            Saved { key: "{id}", id: id.clone(), params }
        },
    }
}

#[component]
fn Saved(id: String, params: Params) -> Element {
    let path = format!("/tools/{id}");
    let object = use_get::<Object>(path.clone());
    let navigator = navigator();
    let tool = match object.view() {
        View::Loading => {
            return rsx! { Page { title: "Tool", loaded: false, Skeleton {} } };
        }
        View::Failed(problem) => {
            return rsx! {
                Page { title: "Tool", loaded: true, ProblemView { problem, onretry: move |()| object.refetch() } }
            };
        }
        View::Ready(tool) => tool,
    };
    let tab = params.get("tab").unwrap_or_default().to_owned();
    let tabs = [
        ("", "Definition"),
        ("calls", "Calls"),
        ("versions", "Versions"),
    ]
    .map(|(key, text)| (key.to_owned(), text.to_owned()));
    let version = tool.version;
    rsx! {
        ToolEditor { tool, hidden: !tab.is_empty(),
            tabs: rsx! {
                Tabs {
                    label: "Parts of the tool",
                    tabs: tabs.to_vec(),
                    chosen: tab.clone(),
                    onchoose: move |key: String| {
                        navigator.replace(Route::Tool { id: id.clone(), params: Params::one("tab", &key) });
                    },
                }
            },
            match tab.as_str() {
                "calls" => rsx! { Calls { path } },
                "versions" => rsx! { Versions::<Object> { path, current: version } },
                _ => rsx! {},
            }
        }
    }
}
