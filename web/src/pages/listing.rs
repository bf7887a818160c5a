//! What all lists have: a search that lives in the address, and pages by cursor.

use dioxus::prelude::*;

use crate::{
    dom,
    params::Params,
    routes::Route,
    ui::{
        button::{ButtonLink, Variant},
        field::TextField,
    },
};

/// Typing rests this long before a search begins.
const REST_MS: i32 = 200;

/// The query for the API: of the address's parameters only these.
pub(crate) fn query(params: &Params, names: &[&str]) -> String {
    names
        .iter()
        .fold(Params::default(), |query, name| {
            query.with(name, params.get(name).unwrap_or_default())
        })
        .query()
}

/// `to` makes the address of the list with other parameters.
#[component]
pub(crate) fn SearchField(label: String, params: Params, to: Callback<Params, Route>) -> Element {
    let navigator = navigator();
    let mut text = use_signal(|| params.get("search").unwrap_or_default().to_owned());
    let mut last = use_signal(|| 0_u32);
    let oninput = move |typed: String| {
        let turn = last() + 1;
        last.set(turn);
        text.set(typed.clone());
        let params = params.clone();
        spawn(async move {
            dom::sleep_ms(REST_MS).await;
            if last() == turn {
                let found = params.with("search", typed.trim()).with("cursor", "");
                navigator.replace(to.call(found));
            }
        });
    };
    rsx! {
        div { class: "search",
            TextField { label: label.clone(), bare: true, kind: "search", value: text(), oninput, placeholder: label, "data-search": "" }
        }
    }
}

#[component]
pub(crate) fn Pager(next: Option<String>, params: Params, to: Callback<Params, Route>) -> Element {
    let is_first = params.get("cursor").is_none();
    rsx! {
        if !is_first || next.is_some() {
            nav { class: "row", "aria-label": "Pages of the list",
                if !is_first {
                    ButtonLink { to: to.call(params.with("cursor", "")), variant: Variant::Quiet, "First page" }
                }
                if let Some(next) = next {
                    ButtonLink { to: to.call(params.with("cursor", &next)), "Next page" }
                }
            }
        }
    }
}
