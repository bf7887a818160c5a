//! The versions of a tool, an agent or a crew; any of them can be saved again as the newest.

use std::marker::PhantomData;

use contracts::{agent::AgentVersion, page::Page as ListPage};
use dioxus::prelude::*;

use super::versioned::Versioned;
use crate::{
    api::{
        Call,
        query::{self, View, use_get},
        session,
    },
    ui::{
        Tone,
        badge::Badge,
        button::{Button, Variant},
        code::{CodeBlock, pretty},
        icon::Glyph,
        problem::ProblemView,
        skeleton::Skeleton,
        time::Ago,
        toast,
    },
};

/// `path` is the object's address in the API.
#[component]
pub(crate) fn Versions<R: Versioned>(
    path: String,
    current: u32,
    #[props(default)] kind: PhantomData<R>,
) -> Element {
    let list = use_get::<ListPage<AgentVersion>>(format!("{path}/versions?limit=100"));
    let mut shown = use_signal(|| None::<u32>);
    let me = session::identity().map(|identity| identity.user.id);
    match list.view() {
        View::Loading => rsx! { Skeleton {} },
        View::Failed(problem) => {
            rsx! { ProblemView { problem, onretry: move |()| list.refetch() } }
        }
        View::Ready(page) => rsx! {
            ul { class: "rows",
                for version in page.items.iter() {
                    li { key: "{version.version}", class: "list-item",
                        div { class: "row",
                            span { class: "num", "v{version.version}" }
                            if version.version == current {
                                Badge { tone: Tone::Ok, glyph: Glyph::Check, "newest" }
                            }
                            span { class: "muted", Ago { at: version.created_at } if Some(version.created_by) == me { " by you" } }
                            span { class: "spread",
                                Button {
                                    variant: Variant::Quiet,
                                    small: true,
                                    "aria-expanded": (shown() == Some(version.version)).to_string(),
                                    onclick: {
                                        let number = version.version;
                                        move |_| shown.set((shown() != Some(number)).then_some(number))
                                    },
                                    "Show"
                                }
                            }
                        }
                        if shown() == Some(version.version) {
                            Old { path: path.clone(), version: version.version, current, kind }
                        }
                    }
                }
            }
        },
    }
}

#[component]
fn Old<R: Versioned>(path: String, version: u32, current: u32, kind: PhantomData<R>) -> Element {
    let old = use_get::<R>(format!("{path}?version={version}"));
    let mut busy = use_signal(|| false);
    match old.view() {
        View::Loading => rsx! { Skeleton { rows: 3 } },
        View::Failed(problem) => rsx! { ProblemView { problem, onretry: move |()| old.refetch() } },
        View::Ready(old) => {
            let spec = old.spec();
            let text = pretty(&serde_json::to_value(&spec).expect("a message has a JSON form"));
            rsx! {
                div { class: "stack",
                    CodeBlock { text, label: "Version {version}" }
                    if version != current {
                        div {
                            Button {
                                icon: Glyph::History,
                                busy: busy(),
                                onclick: move |_| {
                                    let (path, spec) = (path.clone(), spec.clone());
                                    async move {
                                        busy.set(true);
                                        let call = Call::new("PUT", &path).header("if-match", format!("\"{current}\""));
                                        match call.json(&spec).send::<R>().await {
                                            Ok(saved) => toast::done(format!("Version {version} is now version {}.", saved.version())),
                                            Err(problem) => toast::problem(&problem),
                                        }
                                        query::invalidate(&path);
                                        busy.set(false);
                                    }
                                },
                                "Restore version {version}"
                            }
                        }
                    }
                }
            }
        }
    }
}
