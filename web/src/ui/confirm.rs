//! Asks before something is lost.

use contracts::Problem;
use dioxus::prelude::*;

use super::{
    button::{Button, Variant},
    dialog::{Dialog, DialogActions},
    problem::ProblemLine,
};

/// `act` names the deed, for example `Delete flow`. The owner takes the dialog away after `onconfirm`.
#[component]
pub(crate) fn Confirm(
    title: String,
    act: String,
    #[props(default)] busy: bool,
    #[props(default)] problem: Option<Problem>,
    onconfirm: EventHandler<()>,
    onclose: EventHandler<()>,
    children: Element,
) -> Element {
    rsx! {
        Dialog { title, onclose,
            div { class: "stack",
                {children}
                if let Some(problem) = problem {
                    ProblemLine { problem }
                }
            }
            DialogActions {
                Button { onclick: move |_| onclose.call(()), "Cancel" }
                Button { variant: Variant::Danger, busy, onclick: move |_| onconfirm.call(()), "{act}" }
            }
        }
    }
}
