//! The organization: its name, its members, and how long it keeps executions.

mod members;
mod retention;

use contracts::{Permission, Problem, tenant::Organization};
use dioxus::prelude::*;

use self::{members::Members, retention::Keeping};
use crate::{
    api::{self, session},
    ui::{button::Button, field::TextField, page::Page, problem::ProblemLine, toast},
};

#[component]
pub(crate) fn Settings() -> Element {
    let Some(identity) = session::identity() else {
        return rsx! {};
    };
    rsx! {
        Page { title: "Organization settings", loaded: true,
            section { class: "stack-s",
                h2 { "General" }
                Name { organization: identity.organization.clone() }
            }
            section { class: "stack-s",
                h2 { "Members" }
                Members { identity }
            }
            section { class: "stack-s",
                h2 { "Executions are kept" }
                Keeping {}
            }
        }
    }
}

#[component]
fn Name(organization: Organization) -> Element {
    let saved = organization.name.clone();
    let mut name = use_signal(|| saved.clone());
    let mut problem = use_signal(|| None::<Problem>);
    let mut busy = use_signal(|| false);
    if !session::may(Permission::OrganizationWrite) {
        return rsx! { p { "{saved}" } };
    }
    let changed = name() != saved;
    let submit = move |event: FormEvent| async move {
        event.prevent_default();
        busy.set(true);
        let path = format!("/organizations/{}", organization.id);
        match api::put::<Organization>(&path, &serde_json::json!({"name": name()})).await {
            Ok(organization) => {
                session::rename(organization);
                problem.set(None);
                toast::done("Saved.");
            }
            Err(refusal) => problem.set(Some(refusal)),
        }
        busy.set(false);
    };
    rsx! {
        form { class: "inline-form", onsubmit: submit,
            TextField { label: "Name", required: true, maxlength: 200, value: name(), oninput: move |text| name.set(text) }
            Button { submit: true, busy: busy(), disabled: !changed, "Save" }
        }
        if let Some(problem) = problem() {
            ProblemLine { problem }
        }
    }
}
