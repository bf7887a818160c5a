//! Triggers: what begins executions of a flow without anybody asking: a clock, a webhook, an event on the bus.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    Access, Permission,
    execution::ExecutionState,
    id::{ExecutionId, FireId, FlowId, TriggerId, UserId},
    message::request,
    page::{Page, Paging},
};

/// Bytes of the body of a webhook.
pub const MAX_WEBHOOK_BODY: usize = 256 * 1024;
/// Bytes of all headers of a webhook, and of its query.
pub const MAX_WEBHOOK_HEADERS: usize = 16 * 1024;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(
    feature = "openapi",
    derive(poem_openapi::Enum),
    oai(rename_all = "snake_case")
)]
pub enum TriggerKind {
    Cron,
    Webhook,
    Event,
}

impl TriggerKind {
    pub const ALL: [Self; 3] = [Self::Cron, Self::Webhook, Self::Event];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Cron => "cron",
            Self::Webhook => "webhook",
            Self::Event => "event",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

/// The fire times that passed while nobody was there to run them: those that are more than a minute late.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(
    feature = "openapi",
    derive(poem_openapi::Enum),
    oai(rename_all = "snake_case")
)]
pub enum Missed {
    /// None of them is made up for.
    Skip,
    /// The last of them is.
    #[default]
    Once,
    /// All of them are, the last 100 at most.
    All,
}

/// When the clock begins an execution.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(
    feature = "openapi",
    derive(poem_openapi::Object),
    oai(deny_unknown_fields)
)]
pub struct CronTrigger {
    /// Minute, hour, day of month, month, day of week; with a sixth field before them, the second.
    pub expression: String,
    /// A name of the IANA time zone database; `UTC` when absent. A fixed time that a change of the clock leaves out comes
    /// right after it, one that comes twice counts once.
    #[serde(default = "utc")]
    #[cfg_attr(feature = "openapi", oai(default = "utc"))]
    pub time_zone: String,
    #[serde(default)]
    #[cfg_attr(feature = "openapi", oai(default))]
    pub missed: Missed,
    /// The input of the executions; `{fire_time, trigger_id}` when absent.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    #[cfg_attr(feature = "openapi", oai(default))]
    pub input: Value,
}

fn utc() -> String {
    "UTC".to_owned()
}

/// How the sender of a webhook proves who it is: by HMAC-SHA256 with the trigger's secret.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(
    feature = "openapi",
    derive(poem_openapi::Enum),
    oai(rename_all = "snake_case")
)]
pub enum WebhookSignature {
    /// Standard Webhooks: `webhook-id`, `webhook-timestamp` (5 minutes off at most) and `webhook-signature`.
    #[default]
    Standard,
    /// GitHub: `x-hub-signature-256` over the body, and `x-github-delivery` as the name of the delivery. It signs no time.
    Github,
}

/// What the sender of a webhook is answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(
    feature = "openapi",
    derive(poem_openapi::Enum),
    oai(rename_all = "snake_case")
)]
pub enum WebhookAnswer {
    /// 202 at once.
    #[default]
    Accepted,
    /// The output of the execution, or 202 when it takes longer than `wait_ms`.
    Output,
}

/// An HTTP request from outside begins an execution, whose input is `{body, headers, query, method}`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(
    feature = "openapi",
    derive(poem_openapi::Object),
    oai(deny_unknown_fields)
)]
pub struct WebhookTrigger {
    #[serde(default)]
    #[cfg_attr(feature = "openapi", oai(default))]
    pub signature: WebhookSignature,
    /// Headers that the input shows beside `content-type` and `user-agent`; never credentials.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", oai(default))]
    pub headers: Vec<String>,
    #[serde(default)]
    #[cfg_attr(feature = "openapi", oai(default))]
    pub answer: WebhookAnswer,
    /// Time the sender waits for an output: 100 to 25,000, 10,000 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", oai(skip_serializing_if_is_none))]
    pub wait_ms: Option<u32>,
}

/// An event on `in.<organization>.event.<name>` begins an execution, whose input is `{event, id, data, at}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(
    feature = "openapi",
    derive(poem_openapi::Object),
    oai(deny_unknown_fields)
)]
pub struct EventTrigger {
    /// 1 to 64 letters, digits, `_` or `-`.
    pub name: String,
}

/// What the author of a trigger decides. Exactly one of `cron`, `webhook` and `event` is set, and stays.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(
    feature = "openapi",
    derive(poem_openapi::Object),
    oai(deny_unknown_fields)
)]
pub struct TriggerSpec {
    /// 1 to 200 characters.
    pub name: String,
    /// The revision to execute; the latest when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", oai(skip_serializing_if_is_none))]
    pub revision: Option<u32>,
    /// Where the session stands in the input of an execution, as a JSON Pointer (RFC 6901), for example `/body/customer`: a
    /// text of 1 to 200 characters, or a number. Where nothing stands there the execution belongs to none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", oai(skip_serializing_if_is_none))]
    pub session_pointer: Option<String>,
    /// Of its executions among those that wait for a place, -100 to 100; the flow's own when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", oai(skip_serializing_if_is_none))]
    pub priority: Option<i16>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", oai(skip_serializing_if_is_none))]
    pub cron: Option<CronTrigger>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", oai(skip_serializing_if_is_none))]
    pub webhook: Option<WebhookTrigger>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", oai(skip_serializing_if_is_none))]
    pub event: Option<EventTrigger>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(poem_openapi::Object))]
pub struct Trigger {
    pub id: TriggerId,
    pub flow_id: FlowId,
    pub kind: TriggerKind,
    pub spec: TriggerSpec,
    pub enabled: bool,
    /// Why the platform disabled it; null where a person did.
    pub disabled_reason: Option<String>,
    /// In whose name it executes: who made it, changed it or enabled it last.
    pub runs_as: UserId,
    /// The next five fire times of an enabled `cron`.
    pub next_fires: Vec<DateTime<Utc>>,
    /// Where the sender of a `webhook` posts to.
    pub hook_path: Option<String>,
    /// Until when the secret before the last rotation counts as well.
    pub previous_secret_until: Option<DateTime<Utc>>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// A new trigger, with the secret of a webhook: it is shown this once.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(poem_openapi::Object))]
pub struct NewTrigger {
    pub trigger: Trigger,
    pub secret: Option<String>,
}

/// The new secret of a webhook: it is shown this once.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(poem_openapi::Object))]
pub struct NewSecret {
    pub secret: String,
    /// Until when the secret before it counts as well.
    pub previous_secret_until: DateTime<Utc>,
}

/// What became of one time that a trigger fired.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(
    feature = "openapi",
    derive(poem_openapi::Enum),
    oai(rename_all = "snake_case")
)]
pub enum FireOutcome {
    /// The engine has not taken it yet; it is asked again.
    Pending,
    Started,
    /// On purpose, by the policy for missed fire times.
    Skipped,
    /// It cannot be executed.
    Refused,
}

impl FireOutcome {
    pub const ALL: [Self; 4] = [Self::Pending, Self::Started, Self::Skipped, Self::Refused];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Started => "started",
            Self::Skipped => "skipped",
            Self::Refused => "refused",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.as_str() == text)
    }
}

/// One time that a trigger fired.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(poem_openapi::Object))]
pub struct Fire {
    pub id: FireId,
    /// When it was noticed.
    pub at: DateTime<Utc>,
    /// What it is known by: the fire time of a `cron`, the id of a delivery or of an event. Each counts once.
    pub key: String,
    pub outcome: FireOutcome,
    /// A stable word, where it was skipped or refused: `missed`, `not_published`, `input_invalid`, `session_invalid`, `owner_left`, …
    pub reason: Option<String>,
    pub detail: Option<String>,
    /// Where it was started.
    pub execution_id: Option<ExecutionId>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CreateTrigger {
    pub flow_id: FlowId,
    pub spec: TriggerSpec,
}
request!(CreateTrigger => NewTrigger, "flow.create_trigger", Access::Permission(Permission::FlowWrite), objects: &["flow_id"],
    example: CreateTrigger { flow_id: FlowId::EXAMPLE, spec: TriggerSpec::example() });

/// The first made first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListTriggers {
    pub flow_id: FlowId,
    #[serde(default)]
    pub paging: Paging,
}
request!(ListTriggers => Page<Trigger>, "flow.list_triggers", Access::Permission(Permission::FlowRead), objects: &["flow_id"],
    example: ListTriggers { flow_id: FlowId::EXAMPLE, paging: Paging::default() });

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GetTrigger {
    pub flow_id: FlowId,
    pub trigger_id: TriggerId,
}
request!(GetTrigger => Trigger, "flow.get_trigger", Access::Permission(Permission::FlowRead), objects: &["flow_id", "trigger_id"],
    example: GetTrigger { flow_id: FlowId::EXAMPLE, trigger_id: TriggerId::EXAMPLE });

/// Replaces what its author decides, except the kind. From then on it executes in the name of the caller.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UpdateTrigger {
    pub flow_id: FlowId,
    pub trigger_id: TriggerId,
    pub spec: TriggerSpec,
}
request!(UpdateTrigger => Trigger, "flow.update_trigger", Access::Permission(Permission::FlowWrite), objects: &["flow_id", "trigger_id"],
    example: UpdateTrigger { flow_id: FlowId::EXAMPLE, trigger_id: TriggerId::EXAMPLE, spec: TriggerSpec::example() });

/// From now on; in the name of the caller.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EnableTrigger {
    pub flow_id: FlowId,
    pub trigger_id: TriggerId,
}
request!(EnableTrigger => Trigger, "flow.enable_trigger", Access::Permission(Permission::FlowWrite), objects: &["flow_id", "trigger_id"],
    example: EnableTrigger { flow_id: FlowId::EXAMPLE, trigger_id: TriggerId::EXAMPLE });

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DisableTrigger {
    pub flow_id: FlowId,
    pub trigger_id: TriggerId,
}
request!(DisableTrigger => Trigger, "flow.disable_trigger", Access::Permission(Permission::FlowWrite), objects: &["flow_id", "trigger_id"],
    example: DisableTrigger { flow_id: FlowId::EXAMPLE, trigger_id: TriggerId::EXAMPLE });

/// Its history goes with it; its executions stay.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeleteTrigger {
    pub flow_id: FlowId,
    pub trigger_id: TriggerId,
}
request!(DeleteTrigger => (), "flow.delete_trigger", Access::Permission(Permission::FlowWrite), objects: &["flow_id", "trigger_id"],
    example: DeleteTrigger { flow_id: FlowId::EXAMPLE, trigger_id: TriggerId::EXAMPLE });

/// The newest first, of the last 30 days.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListFires {
    pub flow_id: FlowId,
    pub trigger_id: TriggerId,
    #[serde(default)]
    pub paging: Paging,
}
request!(ListFires => Page<Fire>, "flow.list_fires", Access::Permission(Permission::FlowRead), objects: &["flow_id", "trigger_id"],
    example: ListFires { flow_id: FlowId::EXAMPLE, trigger_id: TriggerId::EXAMPLE, paging: Paging::default() });

/// Gives a webhook a new secret; the one before it counts as well for a while.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RotateSecret {
    pub flow_id: FlowId,
    pub trigger_id: TriggerId,
    /// 0 to 10,080 (a week), 1,440 (a day) when absent.
    #[serde(default)]
    pub overlap_minutes: Option<u32>,
}
request!(RotateSecret => NewSecret, "flow.rotate_trigger_secret", Access::Permission(Permission::FlowWrite), objects: &["flow_id", "trigger_id"],
    example: RotateSecret { flow_id: FlowId::EXAMPLE, trigger_id: TriggerId::EXAMPLE, overlap_minutes: Some(60) });

/// A webhook that came in. It proves itself by its signature: whoever sends it has no token.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReceiveWebhook {
    pub trigger_id: TriggerId,
    pub method: String,
    pub query: BTreeMap<String, String>,
    /// Their names in lower case.
    pub headers: BTreeMap<String, String>,
    /// The bytes of the body, base64.
    pub body: String,
}
request!(ReceiveWebhook => WebhookReceived, "flow.receive_webhook", Access::Public, example: ReceiveWebhook {
    trigger_id: TriggerId::EXAMPLE, method: "POST".into(), query: BTreeMap::new(), headers: BTreeMap::new(), body: "e30=".into() });

/// What became of a webhook.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(poem_openapi::Object))]
pub struct WebhookReceived {
    pub execution_id: ExecutionId,
    pub state: ExecutionState,
    /// Where the trigger answers with it, and the execution succeeded in time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", oai(skip_serializing_if_is_none))]
    pub output: Option<Value>,
}

impl TriggerSpec {
    /// The one kind that is set; none where it is none or more than one.
    pub fn kind(&self) -> Option<TriggerKind> {
        match (&self.cron, &self.webhook, &self.event) {
            (Some(_), None, None) => Some(TriggerKind::Cron),
            (None, Some(_), None) => Some(TriggerKind::Webhook),
            (None, None, Some(_)) => Some(TriggerKind::Event),
            _ => None,
        }
    }

    /// For documentation and tests.
    pub fn example() -> Self {
        Self {
            name: "Every working day".into(),
            revision: None,
            session_pointer: None,
            priority: None,
            cron: Some(CronTrigger {
                expression: "0 9 * * 1-5".into(),
                time_zone: "Europe/Rome".into(),
                missed: Missed::Once,
                input: serde_json::json!({"name": "Ada"}),
            }),
            webhook: None,
            event: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_trigger_is_of_one_kind() {
        let kind = |spec: Value| serde_json::from_value::<TriggerSpec>(spec).unwrap().kind();
        let cron = json!({"expression": "* * * * *"});
        assert_eq!(
            kind(json!({"name": "x", "cron": cron})),
            Some(TriggerKind::Cron)
        );
        assert_eq!(
            kind(json!({"name": "x", "webhook": {}})),
            Some(TriggerKind::Webhook)
        );
        let event = json!({"name": "order"});
        assert_eq!(
            kind(json!({"name": "x", "event": event})),
            Some(TriggerKind::Event)
        );
        assert_eq!(kind(json!({"name": "x"})), None);
        assert_eq!(
            kind(json!({"name": "x", "webhook": {}, "cron": cron})),
            None
        );
    }
}
