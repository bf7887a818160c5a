//! The menus of the rail: organization above, user below.

use dioxus::prelude::*;

use super::theme::{THEME, Theme};
use crate::{
    api::session::{self, Identity},
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
            MenuItem { glyph: Glyph::Settings, onclick: move |()| { navigator.push(Route::Settings {}); }, "Organization settings" }
        }
    }
}

#[component]
pub(super) fn Account(identity: Identity) -> Element {
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
            MenuItem { glyph: Glyph::SignOut, onclick: move |()| { spawn(session::logout()); }, "Sign out" }
        }
    }
}
