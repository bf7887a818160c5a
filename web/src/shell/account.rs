//! The menus of the rail: organization above, user below.

use contracts::{auth::Me, tenant::Organization};
use dioxus::{core::spawn_forever, prelude::*, router::Navigator};

use super::{
    keys, palette,
    switch::TARGET,
    theme::{THEME, Theme},
};
use crate::{
    api::{
        query::use_get,
        session::{self, Identity},
    },
    params::Params,
    routes::Route,
    ui::{
        avatar::Avatar,
        icon::Glyph,
        menu::{Menu, MenuItem, MenuLine},
    },
};

#[component]
pub(super) fn Organizations(identity: Identity) -> Element {
    let navigator = navigator();
    let me = use_get::<Me>("/users/me".into());
    let own = identity.organization.id;
    let mut others = me
        .data()
        .map(|me| me.organizations.clone())
        .unwrap_or_default();
    others.retain(|organization| organization.id != own);
    let name = identity.organization.name;
    rsx! {
        Menu {
            label: "Organization: {name}",
            class: "rail-button",
            trigger: rsx! { Avatar { name: name.clone(), square: true } },
            div { class: "menu-head", role: "presentation",
                strong { "{name}" }
                span { "You are {identity.role.as_str()}" }
            }
            MenuLine {}
            if !others.is_empty() {
                for organization in others {
                    Other { key: "{organization.id}", organization }
                }
                MenuLine {}
            }
            MenuItem { glyph: Glyph::Settings, onclick: move |()| { navigator.push(Route::Settings {}); }, "Organization settings" }
        }
    }
}

/// Leaves for the login page, from where the way leads to the start, not back to here.
pub(super) fn sign_out(navigator: Navigator) {
    spawn_forever(async move {
        session::logout().await;
        navigator.replace(Route::Login {
            params: Params::default(),
        });
    });
}

#[component]
fn Other(organization: Organization) -> Element {
    let target = organization.clone();
    rsx! {
        MenuItem { glyph: Glyph::Group, onclick: move |()| *TARGET.write() = Some(target.clone()), "Switch to {organization.name}" }
    }
}

#[component]
pub(super) fn Account(identity: Identity) -> Element {
    let navigator = navigator();
    let user = identity.user;
    rsx! {
        Menu {
            label: "Account: {user.name}",
            class: "rail-button",
            trigger: rsx! { Avatar { name: user.name.clone() } },
            div { class: "menu-head", role: "presentation",
                strong { "{user.name}" }
                span { "{user.email}" }
            }
            MenuLine {}
            for (theme , glyph , text) in Theme::CHOICES {
                MenuItem { key: "{text}", glyph, checked: THEME() == theme, onclick: move |()| theme.choose(), "{text}" }
            }
            MenuLine {}
            MenuItem { glyph: Glyph::Search, onclick: |()| *palette::OPEN.write() = true, "Go to or do…" }
            MenuItem { glyph: Glyph::Keyboard, onclick: |()| *keys::SHEET.write() = true, "Keyboard shortcuts" }
            MenuLine {}
            MenuItem { glyph: Glyph::SignOut, onclick: move |()| sign_out(navigator), "Sign out" }
        }
    }
}
