//! A new trigger: when it fires, by its kind.

use contracts::{
    Problem,
    trigger::{
        CronTrigger, EventTrigger, Missed, NewTrigger, TriggerKind, TriggerSpec, WebhookAnswer,
        WebhookSignature, WebhookTrigger,
    },
};
use dioxus::prelude::*;
use serde_json::{Value, json};

use crate::{
    api,
    ui::{
        button::{Button, Variant},
        field::TextField,
        problem::ProblemLine,
        select::SelectField,
        toast,
    },
};

/// What was typed so far.
#[derive(Clone, Debug, PartialEq)]
struct Draft {
    name: String,
    kind: TriggerKind,
    expression: String,
    time_zone: String,
    missed: String,
    event: String,
    signature: String,
    answer: String,
}

impl Default for Draft {
    fn default() -> Self {
        Self {
            name: String::new(),
            kind: TriggerKind::Cron,
            expression: "0 9 * * 1-5".to_owned(),
            time_zone: "UTC".to_owned(),
            missed: "once".to_owned(),
            event: String::new(),
            signature: "standard".to_owned(),
            answer: "accepted".to_owned(),
        }
    }
}

impl Draft {
    fn spec(&self) -> TriggerSpec {
        let mut spec = TriggerSpec {
            name: self.name.trim().to_owned(),
            ..TriggerSpec::default()
        };
        match self.kind {
            TriggerKind::Cron => {
                spec.cron = Some(CronTrigger {
                    expression: self.expression.trim().to_owned(),
                    time_zone: self.time_zone.trim().to_owned(),
                    missed: match self.missed.as_str() {
                        "skip" => Missed::Skip,
                        "all" => Missed::All,
                        _ => Missed::Once,
                    },
                    input: Value::Null,
                });
            }
            TriggerKind::Webhook => {
                spec.webhook = Some(WebhookTrigger {
                    signature: match self.signature.as_str() {
                        "github" => WebhookSignature::Github,
                        _ => WebhookSignature::Standard,
                    },
                    answer: match self.answer.as_str() {
                        "output" => WebhookAnswer::Output,
                        _ => WebhookAnswer::Accepted,
                    },
                    ..WebhookTrigger::default()
                });
            }
            TriggerKind::Event => {
                let name = self.event.trim().to_owned();
                spec.event = Some(EventTrigger { name });
            }
        }
        spec
    }
}

/// `ondone` hears of the secret, where the new trigger has one.
#[component]
pub(super) fn TriggerForm(
    path: String,
    ondone: EventHandler<Option<String>>,
    onclose: EventHandler<()>,
) -> Element {
    let mut draft = use_signal(Draft::default);
    let mut busy = use_signal(|| false);
    let mut problem = use_signal(|| None::<Problem>);
    let now = draft();
    let options = |words: &[(&str, &str)]| -> Vec<(String, String)> {
        let own = |(key, text): &(&str, &str)| ((*key).to_owned(), (*text).to_owned());
        words.iter().map(own).collect()
    };
    rsx! {
        form {
            class: "stack",
            "aria-label": "New trigger",
            onsubmit: move |event| {
                event.prevent_default();
                let path = path.clone();
                busy.set(true);
                spawn(async move {
                    match api::post::<NewTrigger>(&path, &json!(draft.peek().spec())).await {
                        Ok(new) => {
                            toast::done("The trigger is made and enabled.");
                            ondone.call(new.secret);
                        }
                        Err(told) => problem.set(Some(told)),
                    }
                    busy.set(false);
                });
            },
            TextField { label: "Name", value: now.name, required: true, focused: true, maxlength: "200", oninput: move |text| draft.write().name = text }
            SelectField {
                label: "Fires",
                value: now.kind.as_str(),
                options: options(&[("cron", "at times of a clock"), ("webhook", "when a webhook comes in"), ("event", "on an event of the bus")]),
                onchange: move |choice: String| draft.write().kind = TriggerKind::parse(&choice).unwrap_or(TriggerKind::Cron),
            }
            match now.kind {
                TriggerKind::Cron => rsx! {
                    TextField { label: "When", hint: "Minute, hour, day of month, month, day of week; with a sixth field before them, the second.", value: now.expression, required: true, oninput: move |text| draft.write().expression = text }
                    TextField { label: "Time zone", hint: "For example Europe/Rome.", value: now.time_zone, required: true, oninput: move |text| draft.write().time_zone = text }
                    SelectField {
                        label: "Times that were missed",
                        value: now.missed,
                        options: options(&[("once", "make up for the last"), ("all", "make up for all, 100 at most"), ("skip", "leave out")]),
                        onchange: move |choice| draft.write().missed = choice,
                    }
                },
                TriggerKind::Webhook => rsx! {
                    SelectField {
                        label: "Signed as",
                        value: now.signature,
                        options: options(&[("standard", "Standard Webhooks"), ("github", "GitHub")]),
                        onchange: move |choice| draft.write().signature = choice,
                    }
                    SelectField {
                        label: "The sender is answered",
                        value: now.answer,
                        options: options(&[("accepted", "at once"), ("output", "with the output")]),
                        onchange: move |choice| draft.write().answer = choice,
                    }
                },
                TriggerKind::Event => rsx! {
                    TextField { label: "Name of the event", hint: "Published on in.<organization>.event.<name>.", value: now.event, required: true, maxlength: "64", oninput: move |text| draft.write().event = text }
                },
            }
            if let Some(problem) = problem() {
                ProblemLine { problem }
            }
            div { class: "row",
                Button { variant: Variant::Primary, submit: true, busy: busy(), "Add" }
                Button { onclick: move |_| onclose.call(()), "Cancel" }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_typed_is_a_trigger_of_one_kind() {
        for kind in TriggerKind::ALL {
            let draft = Draft {
                kind,
                name: " Nightly ".to_owned(),
                event: "order".to_owned(),
                ..Draft::default()
            };
            let spec = draft.spec();
            assert_eq!((spec.kind(), spec.name.as_str()), (Some(kind), "Nightly"));
        }
    }
}
