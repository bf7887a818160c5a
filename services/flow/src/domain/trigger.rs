//! The rules of triggers: what one may be made of, and what the executions it begins get as their input.

use std::collections::BTreeMap;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use contracts::{
    FieldProblem,
    id::TriggerId,
    subject::Token,
    trigger::{CronTrigger, ReceiveWebhook, TriggerKind, TriggerSpec, WebhookTrigger},
};
use serde_json::{Value, json};

use crate::{
    domain::{
        check_name,
        concurrency::{check_priority, check_session},
        cron::Schedule,
    },
    error::Error,
};

/// Triggers of one flow.
pub(crate) const MAX_TRIGGERS: u64 = 50;
const MAX_INPUT_BYTES: usize = 64 * 1024;
const MAX_HEADERS: usize = 20;
const MAX_POINTER: usize = 200;
const WAIT_MS: std::ops::RangeInclusive<u32> = 100..=25_000;
const DEFAULT_WAIT_MS: u32 = 10_000;
const MAX_OVERLAP_MINUTES: u32 = 7 * 24 * 60;
const DEFAULT_OVERLAP_MINUTES: u32 = 24 * 60;

/// What is shown of any webhook.
const SHOWN: [&str; 2] = ["content-type", "user-agent"];
/// What is shown of none, whatever the author writes.
const HIDDEN: [&str; 8] = [
    "authorization",
    "proxy-authorization",
    "cookie",
    "set-cookie",
    "webhook-signature",
    "x-hub-signature",
    "x-hub-signature-256",
    "x-api-key",
];

/// # Errors
/// What is wrong, and where.
pub(crate) fn check(spec: &TriggerSpec) -> Result<TriggerKind, Error> {
    check_name(&spec.name)?;
    let kind = spec.kind().ok_or_else(|| {
        let message = "must have exactly one of `cron`, `webhook` and `event`".to_owned();
        Error::InvalidTrigger(vec![field("", message)])
    })?;
    let mut problems = Vec::new();
    if let Some(cron) = &spec.cron {
        problems.extend(Schedule::parse(cron).err());
        if cron.input.to_string().len() > MAX_INPUT_BYTES {
            let message = "must have at most 64 KiB as JSON".to_owned();
            problems.push(field("/cron/input", message));
        }
    }
    if let Some(webhook) = &spec.webhook {
        problems.extend(check_webhook(webhook));
    }
    if let Some(event) = &spec.event
        && Token::new(&event.name).is_none()
    {
        let message = "must have 1 to 64 letters, digits, `_` or `-`".to_owned();
        problems.push(field("/event/name", message));
    }
    if spec.revision == Some(0) {
        problems.push(field("/revision", "counts from 1".to_owned()));
    }
    if spec
        .session_pointer
        .as_deref()
        .is_some_and(|it| !is_pointer(it))
    {
        let message =
            "must be a JSON Pointer of up to 200 characters, for example `/body/customer`";
        problems.push(field("/session_pointer", message.to_owned()));
    }
    if check_priority(spec.priority).is_err() {
        problems.push(field("/priority", "must be -100 to 100".to_owned()));
    }
    match problems[..] {
        [] => Ok(kind),
        _ => Err(Error::InvalidTrigger(problems)),
    }
}

/// As RFC 6901 writes what is not the whole.
fn is_pointer(text: &str) -> bool {
    let escapes = |text: &str| {
        text.split('~')
            .skip(1)
            .all(|rest| rest.starts_with(['0', '1']))
    };
    text.starts_with('/') && text.chars().count() <= MAX_POINTER && escapes(text)
}

/// The session that an input names.
///
/// # Errors
/// [`Error::InvalidSession`].
pub(crate) fn session(spec: &TriggerSpec, input: &Value) -> Result<Option<String>, Error> {
    let Some(pointer) = &spec.session_pointer else {
        return Ok(None);
    };
    let invalid = || Error::InvalidSession(pointer.clone());
    let session = match input.pointer(pointer) {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(number)) => number.to_string(),
        Some(Value::Bool(_) | Value::Array(_) | Value::Object(_)) => return Err(invalid()),
    };
    check_session(Some(&session)).map_err(|_| invalid())?;
    Ok(Some(session))
}

fn check_webhook(webhook: &WebhookTrigger) -> Vec<FieldProblem> {
    let mut problems = Vec::new();
    if webhook.headers.len() > MAX_HEADERS {
        let message = "must name at most 20 headers".to_owned();
        problems.push(field("/webhook/headers", message));
    }
    for (index, name) in webhook.headers.iter().take(MAX_HEADERS).enumerate() {
        let is_name = Token::new(name).is_some();
        let message = match HIDDEN.contains(&name.to_ascii_lowercase().as_str()) {
            true => "holds a credential, which no input shows",
            false if !is_name => "is no name of a header",
            false => continue,
        };
        let path = format!("/webhook/headers/{index}");
        problems.push(field(&path, message.to_owned()));
    }
    if webhook.wait_ms.is_some_and(|wait| !WAIT_MS.contains(&wait)) {
        let message = "must be 100 to 25,000".to_owned();
        problems.push(field("/webhook/wait_ms", message));
    }
    problems
}

fn field(path: &str, message: String) -> FieldProblem {
    FieldProblem {
        path: format!("/spec{path}"),
        message,
    }
}

/// How long the secret before a rotation counts as well.
pub(crate) fn overlap(minutes: Option<u32>) -> Result<TimeDelta, Error> {
    let minutes = minutes.unwrap_or(DEFAULT_OVERLAP_MINUTES);
    if minutes > MAX_OVERLAP_MINUTES {
        return Err(Error::InvalidField {
            field: "overlap_minutes",
            rule: "must be 0 to 10,080",
        });
    }
    Ok(TimeDelta::minutes(i64::from(minutes)))
}

pub(crate) fn wait(webhook: &WebhookTrigger) -> std::time::Duration {
    let wait = webhook.wait_ms.unwrap_or(DEFAULT_WAIT_MS);
    std::time::Duration::from_millis(u64::from(wait))
}

pub(crate) fn cron_input(cron: &CronTrigger, trigger: TriggerId, at: DateTime<Utc>) -> Value {
    match &cron.input {
        Value::Null => json!({"fire_time": stamp(at), "trigger_id": trigger}),
        input => input.clone(),
    }
}

/// # Errors
/// [`Error::InvalidBody`] when the body is not what it says it is.
pub(crate) fn webhook_input(
    webhook: &WebhookTrigger,
    request: &ReceiveWebhook,
    body: Vec<u8>,
) -> Result<Value, Error> {
    let wanted = |name: &str| {
        let named = || {
            let mut named = webhook.headers.iter();
            named.any(|it| it.eq_ignore_ascii_case(name))
        };
        !HIDDEN.contains(&name) && (SHOWN.contains(&name) || named())
    };
    let headers: BTreeMap<_, _> = request
        .headers
        .iter()
        .filter(|(name, _)| wanted(name))
        .collect();
    let content_type = request.headers.get("content-type").map_or("", |it| it);
    let essence = content_type.split(';').next().unwrap_or("").trim();
    let is_json = essence.eq_ignore_ascii_case("application/json")
        || essence.to_ascii_lowercase().ends_with("+json");
    let text = String::from_utf8(body).map_err(|_| Error::InvalidBody("is no UTF-8 text"))?;
    let body = match is_json {
        true => serde_json::from_str(&text).map_err(|_| Error::InvalidBody("is no JSON"))?,
        false => Value::String(text),
    };
    Ok(json!({
        "body": body,
        "headers": headers,
        "query": request.query,
        "method": request.method,
    }))
}

/// None where the body is neither JSON nor text.
pub(crate) fn event_input(name: &Token, id: &str, body: &[u8], at: DateTime<Utc>) -> Option<Value> {
    let data = match serde_json::from_slice(body) {
        Ok(data) => data,
        Err(_) => Value::String(String::from_utf8(body.to_vec()).ok()?),
    };
    Some(json!({"event": name, "id": id, "data": data, "at": stamp(at)}))
}

/// A fire time as its key and as inputs show it.
pub(crate) fn stamp(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(value: Value) -> TriggerSpec {
        serde_json::from_value(value).unwrap()
    }

    fn paths(value: Value) -> Vec<String> {
        match check(&spec(value)) {
            Ok(_) => Vec::new(),
            Err(Error::InvalidTrigger(problems)) => {
                problems.into_iter().map(|problem| problem.path).collect()
            }
            Err(other) => vec![other.to_string()],
        }
    }

    #[test]
    fn what_is_wrong_is_named_with_its_place() {
        let cron = json!({"expression": "0 9 * * *", "time_zone": "Europe/Rome"});
        assert!(paths(json!({"name": "x", "cron": cron})).is_empty());
        assert_eq!(paths(json!({"name": "x"})), ["/spec"]);
        let both = json!({"name": "x", "cron": cron, "webhook": {}});
        assert_eq!(paths(both), ["/spec"]);
        let large = json!({"expression": "* * * * *", "input": "x".repeat(70_000)});
        assert_eq!(
            paths(json!({"name": "x", "cron": large})),
            ["/spec/cron/input"]
        );
        let webhook = json!({"headers": ["x-ok", "Authorization", "a b"], "wait_ms": 30_000});
        assert_eq!(
            paths(json!({"name": "x", "webhook": webhook, "revision": 0})),
            [
                "/spec/webhook/headers/1",
                "/spec/webhook/headers/2",
                "/spec/webhook/wait_ms",
                "/spec/revision"
            ]
        );
        let event = json!({"name": "a.b"});
        assert_eq!(
            paths(json!({"name": "x", "event": event})),
            ["/spec/event/name"]
        );
    }

    #[test]
    fn a_session_is_a_text_or_a_number_of_the_input() {
        let event = json!({"name": "paid"});
        for (pointer, priority, expected) in [
            ("/data/customer", 100, &[][..]),
            ("/a~1b/~0", -100, &[]),
            ("data", 0, &["/spec/session_pointer"]),
            ("", 0, &["/spec/session_pointer"]),
            ("/a~2", 101, &["/spec/session_pointer", "/spec/priority"]),
            (&"/a".repeat(101), 0, &["/spec/session_pointer"]),
        ] {
            let value = json!({"name": "x", "event": event, "session_pointer": pointer, "priority": priority});
            assert_eq!(paths(value), expected, "{pointer}");
        }
        let spec = spec(json!({"name": "x", "event": event, "session_pointer": "/data/customer"}));
        let named = |customer: Value| session(&spec, &json!({"data": {"customer": customer}}));
        assert_eq!(named(json!("ada")).unwrap().as_deref(), Some("ada"));
        assert_eq!(named(json!(7)).unwrap().as_deref(), Some("7"));
        assert_eq!(named(Value::Null).unwrap(), None);
        assert_eq!(session(&spec, &json!("plain")).unwrap(), None);
        for wrong in [
            json!(""),
            json!("a\nb"),
            json!("x".repeat(201)),
            json!(true),
            json!([1]),
        ] {
            assert!(matches!(named(wrong), Err(Error::InvalidSession(_))));
        }
    }

    fn request(headers: &[(&str, &str)]) -> ReceiveWebhook {
        let headers = headers.iter();
        ReceiveWebhook {
            headers: headers
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
            query: BTreeMap::from([("a".into(), "b".into())]),
            ..<ReceiveWebhook as contracts::Request>::example()
        }
    }

    #[test]
    fn an_input_shows_what_the_author_asked_for_and_no_credential() {
        let webhook = WebhookTrigger {
            headers: vec!["X-Event".into(), "cookie".into()],
            ..WebhookTrigger::default()
        };
        let request = request(&[
            ("content-type", "application/json; charset=utf-8"),
            ("x-event", "paid"),
            ("x-other", "1"),
            ("cookie", "session=1"),
        ]);
        let input = webhook_input(&webhook, &request, br#"{"n":1}"#.to_vec()).unwrap();
        let headers = json!({"content-type": "application/json; charset=utf-8", "x-event": "paid"});
        assert_eq!(
            input,
            json!({"body": {"n": 1}, "headers": headers, "query": {"a": "b"}, "method": "POST"})
        );
    }

    #[test]
    fn a_body_is_json_where_it_says_so() {
        let read = |kind: &str, body: &[u8]| {
            let request = request(&[("content-type", kind)]);
            webhook_input(&WebhookTrigger::default(), &request, body.to_vec())
                .map(|input| input["body"].clone())
                .ok()
        };
        assert_eq!(read("application/json", b"[1]"), Some(json!([1])));
        assert_eq!(
            read("application/cloudevents+json", b"[1]"),
            Some(json!([1]))
        );
        assert_eq!(read("text/plain", b"[1]"), Some(json!("[1]")));
        assert_eq!(read("application/json", b"[1"), None);
        assert_eq!(read("text/plain", b"\xff"), None);
    }

    #[test]
    fn an_event_is_json_or_text() {
        let name = Token::new("paid").unwrap();
        let read = |body: &[u8]| {
            let input = event_input(&name, "m-1", body, DateTime::UNIX_EPOCH)?;
            assert_eq!(input["event"], json!("paid"));
            Some(input["data"].clone())
        };
        assert_eq!(read(br#"{"n":1}"#), Some(json!({"n": 1})));
        assert_eq!(read(b"hello"), Some(json!("hello")));
        assert_eq!(read(b"\xff\xfe"), None);
    }

    #[test]
    fn a_cron_says_when_it_fired_unless_the_author_says_something() {
        let mut cron = spec(json!({"name": "x", "cron": {"expression": "* * * * *"}}))
            .cron
            .unwrap();
        let input = cron_input(&cron, TriggerId::EXAMPLE, DateTime::UNIX_EPOCH);
        assert_eq!(input["fire_time"], json!("1970-01-01T00:00:00Z"));
        cron.input = json!({"n": 1});
        let input = cron_input(&cron, TriggerId::EXAMPLE, DateTime::UNIX_EPOCH);
        assert_eq!(input, json!({"n": 1}));
    }

    #[test]
    fn an_overlap_has_bounds() {
        assert_eq!(overlap(None).unwrap(), TimeDelta::days(1));
        assert_eq!(overlap(Some(0)).unwrap(), TimeDelta::zero());
        assert!(overlap(Some(10_081)).is_err());
    }
}
