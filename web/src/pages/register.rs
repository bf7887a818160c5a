//! Signing up: a user with an organization of their own.

use contracts::{Problem, auth::Register as Form};
use dioxus::prelude::*;

use super::login::{Alone, use_way_on};
use crate::{
    api::session,
    params::Params,
    routes::Route,
    ui::{
        button::{Button, Variant},
        field::TextField,
        problem::{ProblemLine, field_error},
    },
};

/// Shorter passwords are refused.
const PASSWORD_LEN: usize = 10;

#[component]
pub(crate) fn Register(params: Params) -> Element {
    let mut name = use_signal(String::new);
    let mut email = use_signal(String::new);
    let mut organization = use_signal(String::new);
    let mut password = use_signal(String::new);
    let mut problem = use_signal(|| None::<Problem>);
    let mut busy = use_signal(|| false);
    use_way_on(&params);
    let submit = move |event: FormEvent| async move {
        event.prevent_default();
        busy.set(true);
        let form = Form {
            email: email(),
            password: password(),
            name: name(),
            organization: organization(),
        };
        problem.set(session::register(&form).await.err());
        busy.set(false);
    };
    let wrong = move |path: &str| field_error(problem.read().as_ref(), path);
    rsx! {
        Alone { title: "Create an account",
            form { class: "stack", onsubmit: submit,
                TextField { label: "Your name", autocomplete: "name", required: true, focused: true, value: name(), error: wrong("/name"), oninput: move |text| name.set(text) }
                TextField { label: "Email", kind: "email", autocomplete: "username", required: true, value: email(), error: wrong("/email"), oninput: move |text| email.set(text) }
                TextField { label: "Organization", autocomplete: "organization", required: true, value: organization(), error: wrong("/organization"), oninput: move |text| organization.set(text) }
                TextField {
                    label: "Password",
                    kind: "password",
                    autocomplete: "new-password",
                    required: true,
                    minlength: PASSWORD_LEN as i64,
                    hint: rule(&password()),
                    error: wrong("/password"),
                    value: password(),
                    oninput: move |text| password.set(text),
                }
                if let Some(problem) = problem().filter(|problem| problem.errors.is_empty()) {
                    ProblemLine { problem }
                }
                Button { variant: Variant::Primary, submit: true, busy: busy(), "Create account" }
            }
            p { class: "hint", "You have an account? " Link { to: Route::Login { params }, "Sign in" } }
        }
    }
}

/// What the password still lacks.
fn rule(password: &str) -> String {
    match PASSWORD_LEN.saturating_sub(password.chars().count()) {
        0 => "Long enough. Well-known passwords are refused.".into(),
        PASSWORD_LEN => format!("At least {PASSWORD_LEN} characters."),
        1 => "1 more character.".into(),
        missing => format!("{missing} more characters."),
    }
}
