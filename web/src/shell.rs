//! What stands around every page of a signed-in user.

mod account;
mod expired;
pub(crate) mod keys;
mod offline;
pub(crate) mod palette;
mod rail;
mod switch;
pub(crate) mod theme;

use dioxus::prelude::*;

use crate::{
    api::session::{self, EXPIRED},
    dom,
    params::Params,
    routes::Route,
    ui::problem::ProblemView,
};

/// Whoever is not signed in goes to the login page, and comes back to this address from there.
#[component]
pub(crate) fn Shell() -> Element {
    let navigator = navigator();
    let route = use_route::<Route>();
    let identity = session::identity();
    let signed_in = identity.is_some();
    use_effect(use_reactive!(|signed_in| {
        if !signed_in {
            let next = navigator_target();
            navigator.replace(Route::Login {
                params: Params::one("next", &next),
            });
        }
    }));
    let path = route
        .to_string()
        .split('?')
        .next()
        .unwrap_or_default()
        .to_owned();
    use_effect(use_reactive!(|path| follow(&path)));
    let Some(identity) = identity else {
        return rsx! {};
    };
    // Another organization is another world: nothing of the page before survives.
    let world = identity.organization.id.to_string();
    rsx! {
        a { class: "skip", href: "#content", "Skip to content" }
        div { class: "shell",
            rail::Rail { route, identity }
            main { id: "content", tabindex: "-1",
                offline::OfflineBar {}
                ErrorBoundary {
                    handle_error: |errors: ErrorContext| rsx! { PageBroken { errors } },
                    div { key: "{world}", class: "outlet", Outlet::<Route> {} }
                }
            }
        }
        keys::Keys {}
        if palette::OPEN() {
            palette::Palette {}
        }
        if let Some(organization) = switch::TARGET() {
            switch::SwitchDialog { organization }
        }
        if EXPIRED() {
            expired::ExpiredDialog {}
        }
    }
}

/// A new page begins at its top, and with the focus, unless it took the focus itself.
fn follow(path: &str) {
    thread_local! {
        static LAST: std::cell::RefCell<Option<String>> = const { std::cell::RefCell::new(None) };
    }
    let before = LAST.replace(Some(path.to_owned()));
    let Some(content) =
        dom::by_id("content").filter(|_| before.is_some_and(|before| before != path))
    else {
        return;
    };
    let inside = dom::focused().is_some_and(|element| content.contains(Some(&element)));
    if !inside {
        dom::focus(&content);
    }
}

/// The address to come back to; the start page needs no mention.
fn navigator_target() -> String {
    let current = history().current_route();
    match current.as_str() {
        "/" => String::new(),
        _ => current,
    }
}

#[component]
fn PageBroken(errors: ErrorContext) -> Element {
    let message = errors
        .error()
        .map(|error| error.to_string())
        .unwrap_or_default();
    let problem = contracts::Problem::new(contracts::ErrorCode::Internal, message);
    rsx! {
        div { class: "page", "data-loaded": "",
            h1 { "This page broke" }
            ProblemView { problem, onretry: move |()| errors.clear_errors() }
        }
    }
}
