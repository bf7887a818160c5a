//! Going to another organization. A token is good for one organization, so it takes a new sign-in.

use contracts::{auth::Login, tenant::Organization};
use dioxus::prelude::*;

use crate::{
    api::session,
    routes::Route,
    ui::{
        button::{Button, Variant},
        dialog::{Dialog, DialogActions},
        field::TextField,
        problem::ProblemLine,
    },
};

/// Where somebody wants to go.
pub(super) static TARGET: GlobalSignal<Option<Organization>> = Signal::global(|| None);

#[component]
pub(super) fn SwitchDialog(organization: Organization) -> Element {
    let navigator = navigator();
    let mut password = use_signal(String::new);
    let mut problem = use_signal(|| None);
    let mut busy = use_signal(|| false);
    let Some(identity) = session::identity() else {
        return rsx! {};
    };
    let id = organization.id;
    let submit = move |event: FormEvent| {
        event.prevent_default();
        let email = identity.user.email.clone();
        async move {
            busy.set(true);
            let form = Login {
                email,
                password: password(),
                organization_id: Some(id),
            };
            match session::login(&form).await {
                Ok(()) => {
                    *TARGET.write() = None;
                    navigator.push(Route::Dashboard {});
                }
                Err(refusal) => {
                    problem.set(Some(refusal));
                    busy.set(false);
                }
            }
        }
    };
    rsx! {
        Dialog { title: "Switch to {organization.name}", onclose: |()| *TARGET.write() = None,
            form { onsubmit: submit,
                div { class: "stack",
                    p { "Organizations share nothing, so you sign in to each." }
                    TextField { label: "Your password", kind: "password", autocomplete: "current-password", required: true, focused: true, value: password(), oninput: move |text| password.set(text) }
                    if let Some(problem) = problem() {
                        ProblemLine { problem }
                    }
                }
                DialogActions {
                    Button { onclick: |_| *TARGET.write() = None, "Cancel" }
                    Button { variant: Variant::Primary, submit: true, busy: busy(), "Switch" }
                }
            }
        }
    }
}
