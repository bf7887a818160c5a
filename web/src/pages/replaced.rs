//! The page of what is kept in its last version alone: a list, and one dialog that makes and changes.

use std::rc::Rc;

use contracts::{Permission, page::Page as ListPage};
use dioxus::prelude::*;

use super::{model_pages::ModelPage, removing::Remove, saving::Replaced};
use crate::{
    api::{
        query::{Query, View},
        session,
    },
    ui::{
        Tone,
        button::{Button, Variant},
        empty::EmptyState,
        icon::{Glyph, Icon},
        menu::{Menu, MenuItem, MenuLine},
        problem::ProblemView,
        skeleton::Skeleton,
    },
};

/// What is changed, or nothing for what is new; and who takes the dialog away.
pub(crate) type Editing<R> = (Option<R>, EventHandler<()>);

#[component]
pub(crate) fn ReplacedPage<R: Replaced>(
    title: &'static str,
    hint: &'static str,
    glyph: Glyph,
    /// Where there is none yet.
    empty: &'static str,
    list: Query<ListPage<R>>,
    show: Callback<Rc<ListPage<R>>, Element>,
    dialog: Callback<Editing<R>, Element>,
) -> Element {
    let mut adding = use_signal(|| false);
    let may_write = session::may(Permission::ProviderWrite);
    let kind = R::KIND;
    let close = use_callback(move |()| adding.set(false));
    rsx! {
        ModelPage {
            title,
            loaded: list.is_settled(),
            actions: may_write.then(|| rsx! {
                Button { variant: Variant::Primary, icon: Glyph::Plus, onclick: move |_| adding.set(true), "data-new": "", "New {kind}" }
            }),
            p { class: "hint", "{hint}" }
            match list.view() {
                View::Loading => rsx! { Skeleton {} },
                View::Failed(problem) => rsx! { ProblemView { problem, onretry: move |()| list.refetch() } },
                View::Ready(page) if page.items.is_empty() => rsx! {
                    EmptyState { glyph, text: empty,
                        if may_write {
                            Button { icon: Glyph::Plus, onclick: move |_| adding.set(true), "New {kind}" }
                        }
                    }
                },
                View::Ready(page) => show.call(page),
            }
        }
        if adding() {
            {dialog.call((None, close))}
        }
    }
}

/// What can be done to one of the list; `note` says what its removal takes along.
#[component]
pub(crate) fn Acts<R: Replaced>(
    item: R,
    note: &'static str,
    dialog: Callback<Editing<R>, Element>,
) -> Element {
    let mut editing = use_signal(|| false);
    let mut removing = use_signal(|| false);
    let close = use_callback(move |()| editing.set(false));
    if !session::may(Permission::ProviderWrite) {
        return rsx! {};
    }
    let (kind, name) = (R::KIND, item.name().to_owned());
    rsx! {
        Menu { label: "Actions for {name}", trigger: rsx! { Icon { glyph: Glyph::More } },
            MenuItem { glyph: Glyph::Pencil, onclick: move |()| editing.set(true), "Edit" }
            MenuLine {}
            MenuItem { glyph: Glyph::Trash, tone: Tone::Err, onclick: move |()| removing.set(true), "Remove" }
        }
        if editing() {
            {dialog.call((Some(item.clone()), close))}
        }
        if removing() {
            Remove {
                name,
                act: "Remove {kind}",
                path: "{R::PATH}/{item.key()}",
                stale: R::STALE,
                onclose: move |()| removing.set(false),
                p { "{note}" }
            }
        }
    }
}
