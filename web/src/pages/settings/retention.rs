//! For how many days executions are kept that have ended.

use contracts::{ErrorCode, Permission, Problem, execution::Retention};
use dioxus::prelude::*;

use crate::{
    api::{
        self,
        query::{View, use_get},
        session,
    },
    format::plural,
    ui::{
        button::Button,
        field::TextField,
        problem::{ProblemLine, ProblemView, field_error},
        skeleton::Skeleton,
        toast,
    },
};

const PATH: &str = "/retention";

#[component]
pub(super) fn Keeping() -> Element {
    let kept = use_get::<Retention>(PATH.into());
    match kept.view() {
        View::Loading => rsx! { Skeleton { rows: 1 } },
        View::Failed(problem) => {
            rsx! { ProblemView { problem, onretry: move |()| kept.refetch() } }
        }
        View::Ready(now) if session::may(Permission::OrganizationWrite) => {
            rsx! { Form { now: *now, onsaved: move |now| kept.set(now) } }
        }
        View::Ready(now) => rsx! { p { {told(*now)} } },
    }
}

fn told(kept: Retention) -> String {
    match kept.days {
        Some(days) => format!("{} from their end.", plural(days as usize, "day", "days")),
        None => "For ever.".to_owned(),
    }
}

/// Days as they are typed: nothing means for ever.
fn read(text: &str) -> Result<Retention, Problem> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(Retention { days: None });
    }
    let days = text.parse().map_err(|_| {
        Problem::new(
            ErrorCode::InvalidInput,
            "a number of days from 1 to 3650, or nothing",
        )
    })?;
    Ok(Retention { days: Some(days) })
}

#[component]
fn Form(now: Retention, onsaved: EventHandler<Retention>) -> Element {
    let mut days = use_signal(|| now.days.map(|days| days.to_string()).unwrap_or_default());
    let mut problem = use_signal(|| None::<Problem>);
    let mut busy = use_signal(|| false);
    let submit = move |event: FormEvent| async move {
        event.prevent_default();
        busy.set(true);
        let saved = match read(&days()) {
            Ok(wish) => api::put::<Retention>(PATH, &wish).await,
            Err(refusal) => Err(refusal),
        };
        match saved {
            Ok(kept) => {
                problem.set(None);
                toast::done("Saved.");
                onsaved.call(kept);
            }
            Err(refusal) => problem.set(Some(refusal)),
        }
        busy.set(false);
    };
    let wrong = field_error(problem.read().as_ref(), "/days");
    rsx! {
        form { class: "inline-form", onsubmit: submit,
            TextField { label: "Days from their end", kind: "number", min: "1", max: "3650", hint: "Empty keeps them for ever.", value: days(), error: wrong, oninput: move |text| days.set(text) }
            Button { submit: true, busy: busy(), "Save" }
        }
        if let Some(problem) = problem() {
            ProblemLine { problem }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_for_ever() {
        assert_eq!(read(" ").map(told), Ok("For ever.".to_owned()));
        assert_eq!(read("1").map(told), Ok("1 day from their end.".to_owned()));
        assert!(read("soon").is_err() && read("-1").is_err());
    }
}
