//! HTTP steps: one request to the outside.
//!
//! **Invariant:** a request follows from the current version of the node type alone; what is of an older one is lowered first.

mod sending;

use std::time::Duration;

use chrono::Utc;
use contracts::{execution::StepError, flow::Node, work::WorkItem};
use egress::{Egress, Request, Response};
use serde_json::{Map, Value, json};

use super::pulse::Pulse;
use crate::domain::limits::MAX_VALUE;
use sending::{body_of, with_query};

/// The node type whose steps these are.
const HTTP: &str = "http";

/// Sends the request of a step. What arrives of the answer shows that it goes on.
///
/// # Errors
/// `http_status` for a status of 400 and above; what [`egress::Error`] says otherwise.
pub(crate) async fn perform(
    egress: &Egress,
    item: &WorkItem,
    pulse: &Pulse,
) -> Result<Value, StepError> {
    let request = request_of(item)?;
    let response = egress.request_heard(request, || pulse.beat()).await;
    let response = response.map_err(|error| {
        let failed = StepError::new(error.code(), error.to_string());
        if error.is_temporary() {
            failed.retryable()
        } else {
            failed
        }
    })?;
    if response.status >= 400 {
        let text = format!("the server answered with status {}", response.status);
        let pause = response.header("retry-after");
        let pause_ms = pause.and_then(|text| egress::retry_after_ms(text, Utc::now()));
        let failed = StepError::new("http_status", text).after(pause_ms);
        let temporary = matches!(response.status, 408 | 429) || response.status >= 500;
        return Err(if temporary {
            failed.retryable()
        } else {
            failed
        });
    }
    Ok(output_of(&response))
}

fn request_of(item: &WorkItem) -> Result<Request, StepError> {
    let version = item.type_version.unwrap_or(Node::FIRST_VERSION);
    let config = graph::lowered(HTTP, version, item.config.clone());
    let config = config.map_err(|unknown| StepError::new(unknown.code(), unknown.to_string()))?;
    let text = |key: &str| config.get(key).and_then(Value::as_str);
    let missing = |key: &str| StepError::new("config", format!("`{key}` is no text"));
    let method = text("method").ok_or_else(|| missing("method"))?;
    let url = text("url").ok_or_else(|| missing("url"))?;
    let query = config.get("query").and_then(Value::as_object);
    let mut request = Request::new(method, with_query(url, query));
    request.timeout = Duration::from_millis(item.timeout_ms);
    request.max_response_bytes = MAX_VALUE;
    let configured = config.get("headers").and_then(Value::as_object);
    for (name, value) in configured.into_iter().flatten() {
        let value = match value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        request.headers.push((name.clone(), value));
    }
    set_default(&mut request, "Idempotency-Key", &item.key);
    let body = body_of(config.get("body"))?;
    if let Some(content_type) = body.content_type {
        set_default(&mut request, "Content-Type", content_type);
    }
    request.body = body.bytes;
    Ok(request)
}

/// Sets a header that the flow does not set.
fn set_default(request: &mut Request, name: &str, value: &str) {
    let is_set = |(known, _): &(String, String)| known.eq_ignore_ascii_case(name);
    if !request.headers.iter().any(is_set) {
        request.headers.push((name.to_owned(), value.to_owned()));
    }
}

/// `{status, headers, body}`; the body is JSON where the server says so and it is, else text.
fn output_of(response: &Response) -> Value {
    let mut headers: Map<String, Value> = Map::new();
    for (name, value) in &response.headers {
        match headers.get_mut(name) {
            // RFC 9110, section 5.3: values of one name are a list.
            Some(Value::String(known)) => {
                known.push_str(", ");
                known.push_str(value);
            }
            _ => drop(headers.insert(name.clone(), json!(value))),
        }
    }
    let parsed: Option<Value> = response
        .header("content-type")
        .filter(|kind| is_json(kind))
        .and_then(|_| serde_json::from_slice(&response.body).ok());
    let text = || Value::String(String::from_utf8_lossy(&response.body).into_owned());
    json!({"status": response.status, "headers": headers, "body": parsed.unwrap_or_else(text)})
}

fn is_json(content_type: &str) -> bool {
    let essence = content_type.split(';').next().unwrap_or_default();
    let essence = essence.trim().to_ascii_lowercase();
    essence == "application/json" || essence.ends_with("+json")
}

#[cfg(test)]
mod tests {
    use contracts::{
        Principal, Role,
        id::{ExecutionId, FlowId, TenantId, UserId},
    };
    use proptest::prelude::*;

    use super::*;

    fn item(config: Value) -> WorkItem {
        WorkItem {
            tenant: TenantId::EXAMPLE,
            execution_id: ExecutionId::EXAMPLE,
            flow_id: Some(FlowId::EXAMPLE),
            node: "h".into(),
            attempt: 1,
            key: "the-key".into(),
            principal: Principal {
                user_id: UserId::EXAMPLE,
                tenant: TenantId::EXAMPLE,
                role: Role::Editor,
                session_id: None,
                execution_id: None,
            },
            config: serde_json::from_value(config).unwrap(),
            type_version: None,
            argument: Value::Null,
            timeout_ms: 1000,
            idle_timeout_ms: None,
            at_most_once: false,
        }
    }

    fn headers(config: Value) -> Vec<(String, String)> {
        request_of(&item(config)).unwrap().headers
    }

    #[test]
    fn the_key_and_the_content_type_are_sent_unless_set() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(
            headers(json!({"method": "GET", "url": "https://example.com"})),
            [pair("Idempotency-Key", "the-key")]
        );
        let mine = json!({"method": "POST", "url": "u", "headers": {"idempotency-key": "mine", "x-n": 1}, "body": {"a": 1}});
        assert_eq!(
            headers(mine),
            [
                pair("idempotency-key", "mine"),
                pair("x-n", "1"),
                pair("Content-Type", "application/json")
            ]
        );
        let request = request_of(&item(json!({"method": "POST", "url": "u", "body": "raw"})));
        assert_eq!(request.unwrap().body, "raw");
    }

    #[test]
    fn the_second_version_has_a_query_and_forms_of_bodies() {
        let config = json!({"method": "POST", "url": "https://example.com/?a=1", "query": {"b": "2 3"},
            "headers": {"content-type": "text/csv"}, "body": {"form": {"x": "y z"}}});
        let mut item = item(config);
        item.type_version = Some(2);
        let request = request_of(&item).unwrap();
        assert_eq!(request.url, "https://example.com/?a=1&b=2%203");
        assert_eq!(request.body, "x=y+z");
        assert_eq!(
            request.headers.len(),
            2,
            "the flow's own type is the only one"
        );
        item.type_version = Some(3);
        assert_eq!(
            request_of(&item).err().unwrap().code,
            "unknown_node_type_version"
        );
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i32>().prop_map(Value::from),
            ".{0,12}".prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 16, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map("json|text|value|form|[a-z]{1,3}", inner, 0..4)
                    .prop_map(|fields| Value::Object(fields.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn the_first_version_and_its_upgrade_send_the_same(body in prop::option::of(any_json()), typed in any::<bool>()) {
            let mut config = json!({"method": "PUT", "url": "https://example.com/?a=b c#d"});
            if let Some(body) = body {
                config["body"] = body;
            }
            if typed {
                config["headers"] = json!({"CONTENT-TYPE": "x/y", "a": "b"});
            }
            let node = json!({"nodes": [{"id": "h", "type": "http", "config": config}]});
            let upgraded = graph::upgrade(&serde_json::from_value(node).unwrap(), None).definition;
            let (first, mut second) = (item(config), item(json!(upgraded.nodes[0].config)));
            second.type_version = upgraded.nodes[0].type_version;
            prop_assert_eq!(second.type_version, Some(2));
            let sent = |item: &WorkItem| {
                let request = request_of(item).unwrap();
                (request.method, request.url, request.headers, request.body)
            };
            prop_assert_eq!(sent(&first), sent(&second));
        }
    }

    #[test]
    fn bodies_are_json_where_they_say_so_and_are() {
        let body = |kind: &str, text: &str| {
            let response = Response {
                status: 200,
                headers: vec![
                    ("content-type".into(), kind.into()),
                    ("x".into(), "1".into()),
                    ("x".into(), "2".into()),
                ],
                body: text.to_owned().into(),
            };
            let output = output_of(&response);
            assert_eq!(output["headers"]["x"], "1, 2");
            output["body"].clone()
        };
        assert_eq!(body("application/json; charset=utf-8", "[1]"), json!([1]));
        assert_eq!(body("application/problem+JSON", "{}"), json!({}));
        assert_eq!(body("application/json", "[1"), json!("[1"));
        assert_eq!(body("text/plain", "[1]"), json!("[1]"));
    }
}
