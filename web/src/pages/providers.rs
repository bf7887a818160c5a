//! LLM providers: list, add, change, test, remove.

mod draft;
mod form;
mod key;
mod models;
mod row;
mod vendors;

use contracts::{
    Permission,
    llm::{Model, Provider},
    page::Page as ListPage,
};
use dioxus::prelude::*;

use self::{form::ProviderDialog, row::ProviderRow};
use crate::{
    api::{
        query::{View, use_get},
        session,
    },
    ui::{
        badge::Badge,
        button::{Button, Variant},
        empty::EmptyState,
        icon::Glyph,
        page::Page,
        problem::ProblemView,
        skeleton::Skeleton,
    },
};

/// Lists of providers and of what they offer begin with these.
const PROVIDERS: &str = "/llm-providers";
const MODELS: &str = "/llm/models";

#[component]
pub(crate) fn Providers() -> Element {
    let mut adding = use_signal(|| false);
    let providers = use_get::<ListPage<Provider>>(format!("{PROVIDERS}?limit=200"));
    let may_write = session::may(Permission::ProviderWrite);
    rsx! {
        Page {
            title: "Providers",
            loaded: providers.is_settled(),
            actions: may_write.then(|| rsx! {
                Button { variant: Variant::Primary, icon: Glyph::Plus, onclick: move |_| adding.set(true), "data-new": "", "Add provider" }
            }),
            match providers.view() {
                View::Loading => rsx! { Skeleton {} },
                View::Failed(problem) => rsx! { ProblemView { problem, onretry: move |()| providers.refetch() } },
                View::Ready(page) if page.items.is_empty() => rsx! {
                    EmptyState { glyph: Glyph::Provider, text: "No provider is configured. Until there is one, models are rehearsed: answers are made up, offline and free.",
                        if may_write {
                            Button { icon: Glyph::Plus, onclick: move |_| adding.set(true), "Add provider" }
                        }
                    }
                },
                View::Ready(page) => rsx! {
                    div { class: "table-scroll", tabindex: "0", role: "region", "aria-label": "Providers",
                        table { class: "table providers-table",
                            thead {
                                tr {
                                    th { scope: "col", "Name" }
                                    th { scope: "col", "Kind" }
                                    th { scope: "col", class: "wide-only", "Address" }
                                    th { scope: "col", class: "wide-only", "Key" }
                                    th { scope: "col", class: "wide-only", "Models" }
                                    th { scope: "col", "Connection" }
                                    th { scope: "col", span { class: "visually-hidden", "Actions" } }
                                }
                            }
                            tbody {
                                for provider in page.items.iter() {
                                    ProviderRow { key: "{provider.id}", provider: provider.clone(), may_write }
                                }
                            }
                        }
                    }
                },
            }
            Models {}
        }
        if adding() {
            ProviderDialog { onclose: move |()| adding.set(false) }
        }
    }
}

/// What agents and flows can name.
#[component]
fn Models() -> Element {
    let models = use_get::<ListPage<Model>>(MODELS.into());
    let Some(page) = models.data() else {
        return rsx! {};
    };
    rsx! {
        section { class: "stack-s",
            h2 { "Models" }
            p { class: "hint", "What agents, crews and flows can name. Prices are in US dollars per million tokens." }
            div { class: "table-scroll", tabindex: "0", role: "region", "aria-label": "Models",
                table { class: "table",
                    thead {
                        tr {
                            th { scope: "col", "Model" }
                            th { scope: "col", class: "end", "Prompt" }
                            th { scope: "col", class: "end", "Completion" }
                        }
                    }
                    tbody {
                        for model in page.items.iter() {
                            tr { key: "{model.id}",
                                td {
                                    span { class: "row",
                                        code { "{model.id}" }
                                        if model.rehearsal {
                                            Badge { "offline" }
                                        }
                                    }
                                }
                                match model.price {
                                    Some(price) => rsx! {
                                        td { class: "num end", "${price.prompt}" }
                                        td { class: "num end", "${price.completion}" }
                                    },
                                    None => rsx! { td { class: "muted end", colspan: "2", "no price set" } },
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}
