//! The page of a tool, an agent or a crew: reading it, its head, its tabs, the form and the pane beside it.

use std::rc::Rc;

use dioxus::prelude::*;

use super::{
    deleting::DeleteButton,
    editing::{Edit, Overtaken, SaveActions, save_key},
    versioned::Versioned,
    versions::Versions,
};
use crate::{
    api::{
        query::{View, use_get},
        session,
    },
    params::Params,
    ui::{page::Page, problem::ProblemView, skeleton::Skeleton, tabs::Tabs},
};

/// Reads the object and hands it to `show`.
#[component]
pub(crate) fn Stored<R: Versioned>(id: String, show: Callback<Rc<R>, Element>) -> Element {
    let object = use_get::<R>(format!("{}/{id}", R::PATH));
    let title = R::TITLE;
    match object.view() {
        View::Loading => rsx! {
            Page { title, loaded: false, Skeleton {} }
        },
        View::Failed(problem) => rsx! {
            Page { title, loaded: true, ProblemView { problem, onretry: move |()| object.refetch() } }
        },
        View::Ready(object) => show.call(object),
    }
}

/// Another tab than the first hides the form and keeps its draft; `children` are what that tab shows, if it is not
/// the versions.
#[component]
pub(crate) fn Frame<R: Versioned>(
    edit: Edit<R>,
    saved: Option<Rc<R>>,
    title: String,
    heading: Element,
    #[props(default)] tab: String,
    form: Element,
    pane_label: &'static str,
    pane: Element,
    children: Element,
) -> Element {
    let navigator = navigator();
    let may_write = session::may(R::WRITE);
    let version = saved.as_ref().map(|saved| saved.version());
    let heading = rsx! {
        {heading}
        if let Some(version) = version {
            span { class: "muted num", "v{version}" }
        }
    };
    rsx! {
        Page {
            title,
            loaded: true,
            heading,
            actions: may_write.then(|| rsx! {
                if let Some(saved) = &saved {
                    DeleteButton {
                        kind: R::KIND,
                        name: saved.name(),
                        path: "{R::PATH}/{saved.key()}",
                        list: R::list(),
                        note: R::NOTE,
                    }
                }
                SaveActions {
                    edit,
                    onsaved: move |saved: Rc<R>| {
                        navigator.replace(R::route(saved.key(), Params::default()));
                    },
                }
            }),
            if let Some(saved) = saved.clone() {
                Tabs {
                    label: "Parts of the {R::KIND}",
                    tabs: R::TABS.iter().map(|(key, text)| ((*key).to_owned(), (*text).to_owned())).collect::<Vec<_>>(),
                    chosen: tab.clone(),
                    onchoose: move |key: String| {
                        navigator.replace(R::route(saved.key(), Params::one("tab", &key)));
                    },
                }
            }
            Overtaken { edit, latest: saved.clone() }
            match (&saved, tab.as_str()) {
                (Some(saved), "versions") => rsx! {
                    Versions::<R> { path: "{R::PATH}/{saved.key()}", current: saved.version() }
                },
                _ => children,
            }
            div { class: "split", hidden: !tab.is_empty(), onkeydown: move |event| save_key(&event),
                fieldset { class: "stack", disabled: !may_write,
                    legend { class: "visually-hidden", "Definition" }
                    {form}
                }
                aside { class: "pane", "aria-label": pane_label, {pane} }
            }
        }
    }
}
