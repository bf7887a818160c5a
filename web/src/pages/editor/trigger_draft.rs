//! What is typed of a trigger, and the trigger that it means.

use contracts::{
    FieldProblem, Problem,
    trigger::{
        CronTrigger, EventTrigger, Missed, TriggerKind, TriggerSpec, WebhookAnswer,
        WebhookSignature, WebhookTrigger,
    },
};
use serde_json::Value;

use crate::ui::problem::invalid;

/// What was typed so far.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Draft {
    pub(super) name: String,
    pub(super) kind: TriggerKind,
    /// Empty for the latest.
    pub(super) revision: String,
    /// A JSON Pointer into the input; empty where executions belong to no session.
    pub(super) session: String,
    /// Empty for the flow's own.
    pub(super) priority: String,
    pub(super) expression: String,
    pub(super) time_zone: String,
    pub(super) missed: String,
    /// Null for `{fire_time, trigger_id}`; a text that is no JSON is that text.
    pub(super) input: Value,
    pub(super) event: String,
    pub(super) signature: String,
    pub(super) answer: String,
    /// Names with commas between them.
    pub(super) headers: String,
    /// Seconds, empty for as long as the platform says.
    pub(super) wait: String,
}

impl Default for Draft {
    fn default() -> Self {
        Self {
            name: String::new(),
            kind: TriggerKind::Cron,
            revision: String::new(),
            session: String::new(),
            priority: String::new(),
            expression: "0 9 * * 1-5".to_owned(),
            time_zone: "UTC".to_owned(),
            missed: "once".to_owned(),
            input: Value::Null,
            event: String::new(),
            signature: "standard".to_owned(),
            answer: "accepted".to_owned(),
            headers: String::new(),
            wait: String::new(),
        }
    }
}

impl Draft {
    pub(super) fn of(kind: TriggerKind, spec: &TriggerSpec) -> Self {
        let mut draft = Self {
            name: spec.name.clone(),
            kind,
            revision: spec
                .revision
                .map(|revision| revision.to_string())
                .unwrap_or_default(),
            session: spec.session_pointer.clone().unwrap_or_default(),
            priority: spec
                .priority
                .map(|priority| priority.to_string())
                .unwrap_or_default(),
            ..Self::default()
        };
        if let Some(cron) = &spec.cron {
            draft.expression.clone_from(&cron.expression);
            draft.time_zone.clone_from(&cron.time_zone);
            draft.input = cron.input.clone();
            cron_word(cron.missed).clone_into(&mut draft.missed);
        }
        if let Some(webhook) = &spec.webhook {
            signature_word(webhook.signature).clone_into(&mut draft.signature);
            answer_word(webhook.answer).clone_into(&mut draft.answer);
            draft.headers = webhook.headers.join(", ");
            let seconds = webhook.wait_ms.map(|ms| f64::from(ms) / 1000.0);
            draft.wait = seconds.map(|wait| wait.to_string()).unwrap_or_default();
        }
        if let Some(event) = &spec.event {
            draft.event.clone_from(&event.name);
        }
        draft
    }

    /// The trigger.
    ///
    /// # Errors
    /// What is no number.
    pub(super) fn spec(&self) -> Result<TriggerSpec, Problem> {
        let mut spec = TriggerSpec {
            name: self.name.trim().to_owned(),
            revision: number(&self.revision, "/revision", "a number, or nothing")?,
            session_pointer: Some(self.session.trim())
                .filter(|pointer| !pointer.is_empty())
                .map(str::to_owned),
            priority: number(&self.priority, "/priority", "a number, or nothing")?,
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
                    input: self.input.clone(),
                });
            }
            TriggerKind::Webhook => spec.webhook = Some(self.webhook()?),
            TriggerKind::Event => {
                let name = self.event.trim().to_owned();
                spec.event = Some(EventTrigger { name });
            }
        }
        Ok(spec)
    }

    fn webhook(&self) -> Result<WebhookTrigger, Problem> {
        let wait: Option<f64> = number(&self.wait, "/webhook/wait_ms", "seconds, or nothing")?;
        let headers = self.headers.split([',', '\n']).map(str::trim);
        Ok(WebhookTrigger {
            signature: match self.signature.as_str() {
                "github" => WebhookSignature::Github,
                _ => WebhookSignature::Standard,
            },
            headers: headers
                .filter(|name| !name.is_empty())
                .map(str::to_owned)
                .collect(),
            answer: match self.answer.as_str() {
                "output" => WebhookAnswer::Output,
                _ => WebhookAnswer::Accepted,
            },
            // The server says what is too short or too long.
            #[allow(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a cast to an integer stops at its bounds"
            )]
            wait_ms: wait.map(|wait| (wait * 1000.0).round() as u32),
        })
    }
}

const fn cron_word(missed: Missed) -> &'static str {
    match missed {
        Missed::Skip => "skip",
        Missed::Once => "once",
        Missed::All => "all",
    }
}

const fn signature_word(signature: WebhookSignature) -> &'static str {
    match signature {
        WebhookSignature::Standard => "standard",
        WebhookSignature::Github => "github",
    }
}

const fn answer_word(answer: WebhookAnswer) -> &'static str {
    match answer {
        WebhookAnswer::Accepted => "accepted",
        WebhookAnswer::Output => "output",
    }
}

fn number<T: std::str::FromStr>(
    text: &str,
    path: &str,
    wanted: &str,
) -> Result<Option<T>, Problem> {
    match text.trim() {
        "" => Ok(None),
        text => text.parse().map(Some).map_err(|_| {
            let error = FieldProblem {
                path: path.to_owned(),
                message: wanted.to_owned(),
            };
            invalid("the trigger is not valid", vec![error])
        }),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

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
            let spec = draft.spec().unwrap();
            assert_eq!((spec.kind(), spec.name.as_str()), (Some(kind), "Nightly"));
        }
    }

    #[test]
    fn a_trigger_is_read_as_it_was_written() {
        for spec in [
            json!({"name": "Nightly", "revision": 3, "cron": {"expression": "0 3 * * *", "time_zone": "Europe/Rome", "missed": "all", "input": {"n": 1}}}),
            json!({"name": "Order", "webhook": {"signature": "github", "headers": ["x-id", "x-kind"], "answer": "output", "wait_ms": 2500}}),
            json!({"name": "Paid", "session_pointer": "/data/customer", "priority": -5, "event": {"name": "paid"}}),
        ] {
            let spec: TriggerSpec = serde_json::from_value(spec).unwrap();
            let draft = Draft::of(spec.kind().unwrap(), &spec);
            assert_eq!(draft.spec(), Ok(spec));
        }
    }

    #[test]
    fn what_is_no_number_is_told_at_its_field() {
        let draft = Draft {
            revision: "new".to_owned(),
            ..Draft::default()
        };
        assert_eq!(draft.spec().unwrap_err().errors[0].path, "/revision");
        let draft = Draft {
            kind: TriggerKind::Webhook,
            wait: "long".to_owned(),
            ..Draft::default()
        };
        assert_eq!(draft.spec().unwrap_err().errors[0].path, "/webhook/wait_ms");
    }
}
