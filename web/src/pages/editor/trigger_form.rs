//! A new trigger, or one that is changed: when it fires, by its kind.

use contracts::{
    Problem,
    trigger::{NewTrigger, Trigger, TriggerKind},
};
use dioxus::prelude::*;
use serde_json::json;

use super::trigger_draft::Draft;
use crate::{
    api,
    pages::json_text::JsonText,
    ui::{
        button::{Button, Variant},
        field::TextField,
        problem::{ProblemLine, field_error},
        select::SelectField,
        toast,
    },
};

fn options(words: &[(&str, &str)]) -> Vec<(String, String)> {
    let own = |(key, text): &(&str, &str)| ((*key).to_owned(), (*text).to_owned());
    words.iter().map(own).collect()
}

/// Makes the trigger, or changes the one there is; the secret of a new webhook.
async fn saved(
    path: String,
    trigger: Option<Trigger>,
    draft: Draft,
) -> Result<Option<String>, Problem> {
    let spec = json!(draft.spec()?);
    match trigger {
        None => {
            let new = api::post::<NewTrigger>(&path, &spec).await?;
            toast::done("The trigger is made and enabled.");
            Ok(new.secret)
        }
        Some(trigger) => {
            let path = format!("{path}/{}", trigger.id);
            api::put::<Trigger>(&path, &spec).await?;
            toast::done("The trigger is changed. It runs in your name now.");
            Ok(None)
        }
    }
}

/// `path` is that of the flow's triggers. `ondone` hears of the secret, where the new trigger has one.
#[component]
pub(super) fn TriggerForm(
    path: String,
    trigger: Option<Trigger>,
    ondone: EventHandler<Option<String>>,
    onclose: EventHandler<()>,
) -> Element {
    let (known, is_new) = (trigger.clone(), trigger.is_none());
    let mut draft = use_signal(|| {
        let draft = known.map(|trigger| Draft::of(trigger.kind, &trigger.spec));
        draft.unwrap_or_default()
    });
    let mut busy = use_signal(|| false);
    let mut problem = use_signal(|| None::<Problem>);
    let now = draft();
    let wrong = |path: &str| field_error(problem.read().as_ref(), path);
    rsx! {
        form {
            class: "stack",
            "aria-label": if is_new { "New trigger" } else { "Change the trigger" },
            onsubmit: move |event| {
                event.prevent_default();
                let (path, trigger) = (path.clone(), trigger.clone());
                busy.set(true);
                spawn(async move {
                    match saved(path, trigger, draft.peek().clone()).await {
                        Ok(secret) => ondone.call(secret),
                        Err(told) => problem.set(Some(told)),
                    }
                    busy.set(false);
                });
            },
            TextField { label: "Name", value: now.name.clone(), required: true, focused: true, maxlength: "200", error: wrong("/name"), oninput: move |text| draft.write().name = text }
            SelectField {
                label: "Fires",
                value: now.kind.as_str(),
                options: options(&[("cron", "at times of a clock"), ("webhook", "when a webhook comes in"), ("event", "on an event of the bus")]),
                disabled: !is_new,
                onchange: move |choice: String| draft.write().kind = TriggerKind::parse(&choice).unwrap_or(TriggerKind::Cron),
            }
            match now.kind {
                TriggerKind::Cron => rsx! { Cron { draft, problem } },
                TriggerKind::Webhook => rsx! { Webhook { draft, problem } },
                TriggerKind::Event => rsx! {
                    TextField { label: "Name of the event", hint: "Published on in.<organization>.event.<name>.", value: now.event, required: true, maxlength: "64", error: wrong("/event/name"), oninput: move |text| draft.write().event = text }
                },
            }
            TextField { label: "Revision", hint: "Empty executes the latest.", value: now.revision, inputmode: "numeric", error: wrong("/revision"), oninput: move |text| draft.write().revision = text }
            TextField { label: "Session", hint: "Where it stands in the input, for example /body/customer. It counts where the flow's limit is by session.", value: now.session, error: wrong("/session_pointer"), oninput: move |text| draft.write().session = text }
            TextField { label: "Priority", hint: "-100 to 100, among the executions that wait; empty for the flow's own.", value: now.priority, error: wrong("/priority"), oninput: move |text| draft.write().priority = text }
            if let Some(problem) = problem() {
                ProblemLine { problem }
            }
            div { class: "row",
                Button { variant: Variant::Primary, submit: true, busy: busy(), if is_new { "Add" } else { "Save" } }
                Button { onclick: move |_| onclose.call(()), "Cancel" }
            }
        }
    }
}

#[component]
fn Cron(draft: Signal<Draft>, problem: Signal<Option<Problem>>) -> Element {
    let now = draft();
    let wrong = |path: &str| field_error(problem.read().as_ref(), path);
    rsx! {
        TextField { label: "When", hint: "Minute, hour, day of month, month, day of week; with a sixth field before them, the second.", value: now.expression, required: true, error: wrong("/cron/expression"), oninput: move |text| draft.write().expression = text }
        TextField { label: "Time zone", hint: "For example Europe/Rome.", value: now.time_zone, required: true, error: wrong("/cron/time_zone"), oninput: move |text| draft.write().time_zone = text }
        SelectField {
            label: "Times that were missed",
            value: now.missed,
            options: options(&[("once", "make up for the last"), ("all", "make up for all, 100 at most"), ("skip", "leave out")]),
            onchange: move |choice| draft.write().missed = choice,
        }
        JsonText { label: "Input", hint: "JSON; null gives the time and the trigger.", value: now.input, error: wrong("/cron/input"), onchange: move |input| draft.write().input = input }
    }
}

#[component]
fn Webhook(draft: Signal<Draft>, problem: Signal<Option<Problem>>) -> Element {
    let now = draft();
    let wrong = |path: &str| field_error(problem.read().as_ref(), path);
    rsx! {
        SelectField {
            label: "Signed as",
            value: now.signature,
            options: options(&[("standard", "Standard Webhooks"), ("github", "GitHub")]),
            onchange: move |choice| draft.write().signature = choice,
        }
        SelectField {
            label: "The sender is answered",
            value: now.answer.clone(),
            options: options(&[("accepted", "at once"), ("output", "with the output")]),
            onchange: move |choice| draft.write().answer = choice,
        }
        if now.answer == "output" {
            TextField { label: "The sender waits (seconds)", hint: "0.1 to 25; empty is 10.", value: now.wait, inputmode: "decimal", error: wrong("/webhook/wait_ms"), oninput: move |text| draft.write().wait = text }
        }
        TextField { label: "Headers that the input shows", hint: "Names with commas between them; never credentials.", value: now.headers, error: wrong("/webhook/headers"), oninput: move |text| draft.write().headers = text }
    }
}
