//! Makes tools of the operations of an OpenAPI document, or of the tools of an MCP server.

use std::collections::BTreeMap;

use contracts::{
    Problem,
    tool::{ImportMcp, ImportOpenapi, ImportedTools},
};
use dioxus::prelude::*;
use serde_json::{Value, json};

use crate::{
    api::{self, query},
    routes::Route,
    ui::{
        button::{Button, Variant},
        dialog::{Dialog, DialogActions},
        field::{TextArea, TextField},
        problem::{ProblemLine, field_error, sentence},
    },
};

#[component]
pub(crate) fn Import(mcp: bool, onclose: EventHandler<()>) -> Element {
    let (mut url, mut document) = (use_signal(String::new), use_signal(String::new));
    let (mut header, mut secret) = (use_signal(String::new), use_signal(String::new));
    let (mut busy, mut problem) = (use_signal(|| false), use_signal(|| None::<Problem>));
    let mut imported = use_signal(|| None::<ImportedTools>);
    let run = move || async move {
        busy.set(true);
        let headers: BTreeMap<String, Value> = match header().is_empty() {
            true => BTreeMap::new(),
            false => [(header(), json!({"$secret": secret()}))].into(),
        };
        let answer = match mcp {
            true => {
                let body = ImportMcp {
                    url: url(),
                    headers,
                    tools: None,
                };
                api::post::<ImportedTools>("/tools/import/mcp", &body).await
            }
            false => {
                let given = |text: String| (!text.trim().is_empty()).then_some(text);
                let body = ImportOpenapi {
                    document: given(document()).map(Value::String),
                    url: given(url()),
                    headers,
                    ..ImportOpenapi::default()
                };
                api::post::<ImportedTools>("/tools/import/openapi", &body).await
            }
        };
        busy.set(false);
        query::invalidate("/tools");
        match answer {
            Ok(tools) => imported.set(Some(tools)),
            Err(refused) => problem.set(Some(refused)),
        }
    };
    let title = if mcp {
        "Import from an MCP server"
    } else {
        "Import an OpenAPI document"
    };
    if let Some(imported) = imported() {
        return rsx! {
            Dialog { title, wide: true, onclose, Imported { imported, onclose } }
        };
    }
    let refused = problem();
    let error = |path| field_error(refused.as_ref(), path);
    rsx! {
        Dialog { title, wide: true, onclose,
            form {
                class: "stack",
                onsubmit: move |event| {
                    event.prevent_default();
                    spawn(run());
                },
                TextField {
                    label: "Address",
                    kind: "url",
                    value: url(),
                    focused: true,
                    required: mcp,
                    placeholder: if mcp { "https://mcp.example.com/mcp" } else { "https://api.example.com/openapi.json" },
                    error: error("/url"),
                    oninput: move |text| url.set(text),
                }
                if !mcp {
                    TextArea {
                        label: "or the document itself",
                        value: document(),
                        rows: 8,
                        class: "input mono",
                        hint: "JSON or YAML, OpenAPI 3.0 or 3.1.",
                        error: error("/document"),
                        oninput: move |text| document.set(text),
                    }
                }
                div { class: "fields",
                    TextField { label: "Header with a secret (optional)", value: header(), placeholder: "authorization", oninput: move |text| header.set(text) }
                    TextField { label: "Name of the secret", value: secret(), oninput: move |text| secret.set(text) }
                }
                if let Some(problem) = refused.clone() {
                    ProblemLine { problem }
                }
                DialogActions {
                    Button { onclick: move |_| onclose.call(()), "Cancel" }
                    Button { variant: Variant::Primary, submit: true, busy: busy(), "Import" }
                }
            }
        }
    }
}

#[component]
fn Imported(imported: ImportedTools, onclose: EventHandler<()>) -> Element {
    let count = crate::format::plural(imported.items.len(), "tool", "tools");
    rsx! {
        div { class: "stack",
            p { role: "status", "Made {count}." }
            ul { class: "rows",
                for tool in imported.items.iter() {
                    li { key: "{tool.id}", Link { to: Route::tool(tool.id), "{tool.name}" } }
                }
            }
            if !imported.problems.is_empty() {
                h3 { "Not imported" }
                ul { class: "plain-list",
                    for problem in imported.problems.iter() {
                        li { key: "{problem.item}{problem.code}", code { "{problem.item}" } " " {sentence(&problem.message)} }
                    }
                }
            }
            DialogActions {
                Button { variant: Variant::Primary, onclick: move |_| onclose.call(()), "Done" }
            }
        }
    }
}
