//! Tools of the organization, the secrets they use, and the ways in which tools come in.

mod discover;
mod import;
mod secrets;

use contracts::{
    Permission,
    page::Page as ListPage,
    tool::{Approval, ToolKind, ToolSummary},
};
use dioxus::prelude::*;

use self::{discover::Discover, import::Import, secrets::Secrets};
use super::{
    listing::{ListSearch, Listing, Words, query},
    tool::kind::look,
};
use crate::{
    api::{
        query::{Query, use_get},
        session,
    },
    params::Params,
    routes::Route,
    ui::{
        Tone,
        badge::Badge,
        icon::{Glyph, Icon},
        menu::{Menu, MenuItem, MenuLine},
        page::Page,
        select::SelectField,
        tabs::Tabs,
        time::Ago,
    },
};

const WORDS: Words = Words {
    label: "Tools",
    glyph: Glyph::Tool,
    none: "No tool matches.",
    empty: "A tool is something that agents and flows can call. There is none yet.",
    columns: &[
        ("Name", ""),
        ("Kind", ""),
        ("Description", "wide-only"),
        ("Version", "wide-only end"),
        ("Changed", "end"),
    ],
};

fn to(params: Params) -> Route {
    Route::Tools { params }
}

#[component]
pub(crate) fn Tools(params: Params) -> Element {
    let navigator = navigator();
    let list = use_get::<ListPage<ToolSummary>>(format!(
        "/tools{}",
        query(&params, &["search", "kind", "cursor"])
    ));
    let tab = params.get("tab").unwrap_or_default().to_owned();
    let tabs = [("", "Tools"), ("secrets", "Secrets")]
        .map(|(key, text)| (key.to_owned(), text.to_owned()));
    let (choose, close) = (params.clone(), params.clone());
    let on_close = move |()| {
        navigator.replace(to(close.with("add", "")));
    };
    rsx! {
        Page {
            title: "Tools",
            loaded: list.is_settled(),
            actions: session::may(Permission::ToolWrite).then(|| rsx! { AddMenu { params: params.clone() } }),
            Tabs {
                label: "Tools and secrets",
                tabs: tabs.to_vec(),
                chosen: tab.clone(),
                onchoose: move |key: String| {
                    navigator.replace(to(choose.with("tab", &key)));
                },
            }
            match tab.as_str() {
                "secrets" => rsx! { Secrets {} },
                _ => rsx! { List { list, params: params.clone() } },
            }
            match params.get("add") {
                Some("openapi") => rsx! { Import { mcp: false, onclose: on_close } },
                Some("mcp") => rsx! { Import { mcp: true, onclose: on_close } },
                Some("nats") => rsx! { Discover { onclose: on_close } },
                _ => rsx! {},
            }
        }
    }
}

/// The kinds that a person writes by hand, then the imports.
#[component]
fn AddMenu(params: Params) -> Element {
    let navigator = navigator();
    let kinds = ToolKind::ALL
        .into_iter()
        .filter(|kind| *kind != ToolKind::Openapi);
    let imports = [
        ("openapi", Glyph::Document, "Import an OpenAPI document"),
        ("mcp", Glyph::Provider, "Import from an MCP server"),
        ("nats", Glyph::Search, "Find micro services on NATS"),
    ];
    rsx! {
        Menu { label: "New tool", class: "button menu-primary", "data-new": "", trigger: rsx! { Icon { glyph: Glyph::Plus } "New tool" },
            for kind in kinds {
                MenuItem {
                    key: "{kind.as_str()}",
                    glyph: look(kind).0,
                    onclick: move |()| {
                        navigator.push(Route::Tool { id: "new".into(), params: Params::one("kind", kind.as_str()) });
                    },
                    {look(kind).1}
                }
            }
            MenuLine {}
            for (key , glyph , text) in imports {
                MenuItem {
                    key: "{key}",
                    glyph,
                    onclick: {
                        let params = params.with("add", key);
                        move |()| {
                            navigator.push(to(params.clone()));
                        }
                    },
                    "{text}"
                }
            }
        }
    }
}

#[component]
fn List(list: Query<ListPage<ToolSummary>>, params: Params) -> Element {
    let navigator = navigator();
    let kinds = ToolKind::ALL.map(|kind| (kind.as_str().to_owned(), look(kind).1.to_owned()));
    let options = [(String::new(), "All kinds".to_owned())]
        .into_iter()
        .chain(kinds);
    let pick = params.clone();
    rsx! {
        div { class: "filters",
            ListSearch { label: "Search tools", params: params.clone(), to }
            SelectField {
                label: "Kind",
                bare: true,
                value: params.get("kind").unwrap_or_default(),
                options: options.collect::<Vec<_>>(),
                onchange: move |kind: String| {
                    navigator.replace(to(pick.with("kind", &kind).with("cursor", "")));
                },
            }
        }
        Listing {
            words: WORDS,
            list,
            params: params.clone(),
            to,
            row: |tool: ToolSummary| rsx! { Row { key: "{tool.id}", tool } },
            if session::may(Permission::ToolWrite) {
                AddMenu { params }
            }
        }
    }
}

#[component]
fn Row(tool: ToolSummary) -> Element {
    let (glyph, kind) = look(tool.kind);
    rsx! {
        tr {
            td {
                Link { to: Route::tool(tool.id), class: "mono", "{tool.name}" }
                if tool.approval != Approval::None {
                    " "
                    Badge { tone: Tone::Warn, glyph: Glyph::Waiting, "asks first" }
                }
            }
            td { Badge { glyph, "{kind}" } }
            td { class: "wide-only", p { class: "clip muted cell", "{tool.description}" } }
            td { class: "wide-only end num", "{tool.version}" }
            td { class: "end muted", Ago { at: tool.updated_at } }
        }
    }
}
