//! The session ended while somebody worked: they sign in again on top of their page, and nothing is lost.

use contracts::auth::Login;
use dioxus::prelude::*;

use crate::{
    api::session,
    ui::{
        button::{Button, Variant},
        dialog::{Dialog, DialogActions},
        field::TextField,
        problem::ProblemLine,
    },
};

#[component]
pub(super) fn ExpiredDialog() -> Element {
    let mut password = use_signal(String::new);
    let mut problem = use_signal(|| None);
    let mut busy = use_signal(|| false);
    let Some(identity) = session::identity() else {
        return rsx! {};
    };
    let email = identity.user.email.clone();
    let submit = move |event: FormEvent| {
        event.prevent_default();
        let identity = identity.clone();
        async move {
            busy.set(true);
            let form = Login {
                email: identity.user.email,
                password: password(),
                organization_id: Some(identity.organization.id),
            };
            problem.set(session::login(&form).await.err());
            busy.set(false);
        }
    };
    rsx! {
        Dialog { title: "Sign in again", insistent: true, onclose: |()| {},
            form { onsubmit: submit,
                div { class: "stack",
                    p { "Your session ended. What you were doing is still here." }
                    input { class: "visually-hidden", r#type: "email", autocomplete: "username", value: "{email}", readonly: true, tabindex: "-1", "aria-hidden": "true" }
                    TextField {
                        label: "Password of {email}",
                        kind: "password",
                        autocomplete: "current-password",
                        required: true,
                        focused: true,
                        value: password(),
                        oninput: move |text| password.set(text),
                    }
                    if let Some(problem) = problem() {
                        ProblemLine { problem }
                    }
                }
                DialogActions {
                    Button { onclick: |_| session::leave(), "Leave" }
                    Button { variant: Variant::Primary, submit: true, busy: busy(), "Sign in" }
                }
            }
        }
    }
}
