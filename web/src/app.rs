//! The root: starts the session, shows the router, and says so when something breaks.
//!
//! **Invariant:** `html[data-app-ready]` appears once it is known who is signed in, and stays.

use std::rc::Rc;

use dioxus::{prelude::*, web};

use crate::{
    api::session::{self, SESSION, Session},
    dom,
    routes::Route,
    ui::{
        problem::ProblemView,
        toast::{self, Toasts},
    },
};

pub(crate) fn launch() {
    std::panic::set_hook(Box::new(|panic| dom::show_crash(&panic.to_string())));
    let history: Rc<dyn History> = Rc::new(crate::routes::CleanHistory::default());
    let config = web::Config::new().history(history);
    dioxus::LaunchBuilder::new().with_cfg(config).launch(App);
}

#[component]
fn App() -> Element {
    use_hook(|| {
        spawn(session::resume());
        spawn(crate::api::connection::watch());
    });
    use_effect(|| {
        if !matches!(&*SESSION.read(), Session::Unknown) {
            dom::mark_ready();
        }
    });

    rsx! {
        ErrorBoundary {
            handle_error: |errors: ErrorContext| rsx! { Broken { errors } },
            Start {}
        }
        Toasts { list: toast::LIST.resolve() }
    }
}

/// The router, once it is known who is signed in.
#[component]
fn Start() -> Element {
    let unreachable = match &*SESSION.read() {
        Session::Unknown => return rsx! {},
        Session::Unreachable(problem) => Some(problem.clone()),
        Session::SignedOut | Session::SignedIn(_) => None,
    };
    match unreachable {
        Some(problem) => rsx! {
            main { class: "alone",
                h1 { "Troupe" }
                ProblemView { problem, onretry: |()| { spawn(session::resume()); } }
            }
        },
        None => rsx! {
            Router::<Route> {}
        },
    }
}

#[component]
fn Broken(errors: ErrorContext) -> Element {
    let message = errors
        .error()
        .map(|error| error.to_string())
        .unwrap_or_default();
    rsx! {
        main { class: "alone", role: "alert",
            h1 { "Something broke" }
            p { "{message}" }
            button { class: "button", "data-variant": "primary", onclick: move |_| errors.clear_errors(), "Try again" }
        }
    }
}
