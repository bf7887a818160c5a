//! Signing in.

use contracts::auth::Login as Form;
use dioxus::prelude::*;

use crate::{
    api::session::{self, SESSION, Session},
    params::Params,
    routes::Route,
    ui::{
        button::{Button, Variant},
        field::TextField,
        problem::ProblemLine,
    },
};

/// Where the user wanted to go: an address of this app, nowhere else.
pub(super) fn destination(params: &Params) -> String {
    let next = params.get("next").unwrap_or("/");
    let own = next.starts_with('/') && !next.starts_with("//") && !next.contains('\\');
    if own { next.to_owned() } else { "/".into() }
}

/// Leaves the page as soon as somebody is signed in.
pub(super) fn use_way_on(params: &Params) {
    let navigator = navigator();
    let next = destination(params);
    use_effect(move || {
        if matches!(&*SESSION.read(), Session::SignedIn(_)) {
            navigator.replace(next.as_str());
        }
    });
}

#[component]
pub(crate) fn Login(params: Params) -> Element {
    let mut email = use_signal(String::new);
    let mut password = use_signal(String::new);
    let mut problem = use_signal(|| None);
    let mut busy = use_signal(|| false);
    let mut caps = use_signal(|| false);
    use_way_on(&params);
    let submit = move |event: FormEvent| async move {
        event.prevent_default();
        busy.set(true);
        let form = Form {
            email: email(),
            password: password(),
            organization_id: None,
        };
        problem.set(session::login(&form).await.err());
        busy.set(false);
    };
    rsx! {
        Alone { title: "Sign in",
            form { class: "stack", onsubmit: submit,
                TextField { label: "Email", kind: "email", autocomplete: "username", required: true, focused: true, value: email(), oninput: move |text| email.set(text) }
                TextField {
                    label: "Password",
                    kind: "password",
                    autocomplete: "current-password",
                    required: true,
                    hint: caps().then(|| "Caps Lock is on.".to_owned()),
                    onkey: move |event: KeyboardEvent| caps.set(event.modifiers().contains(Modifiers::CAPS_LOCK)),
                    value: password(),
                    oninput: move |text| password.set(text),
                }
                if let Some(problem) = problem() {
                    ProblemLine { problem }
                }
                Button { variant: Variant::Primary, submit: true, busy: busy(), "Sign in" }
            }
            p { class: "hint", "New here? " Link { to: Route::Register { params }, "Create an account" } }
        }
    }
}

/// One narrow column on paper, for pages outside of the shell.
#[component]
pub(super) fn Alone(title: String, children: Element) -> Element {
    let name = title.clone();
    use_effect(move || crate::dom::document().set_title(&format!("{name} · Troupe")));
    rsx! {
        main { class: "alone", "data-loaded": "",
            p { class: "brand", "Troupe" }
            h1 { "{title}" }
            {children}
        }
    }
}
