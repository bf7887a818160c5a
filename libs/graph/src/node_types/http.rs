//! Calls an HTTP endpoint outside.

use contracts::flow::NodeConfig;
use serde_json::{Value, json};

use super::{Kind, Step, object};

const BODY: &str = "body";
const DESCRIPTION: &str =
    "Calls a URL. The output is `{status, headers, body}`; a status of 400 or above is an error.";

/// The body is any value, whose form says how it is sent.
pub(super) fn first() -> Kind {
    let body = json!({"description": "A string is sent as it is, anything else as JSON."});
    let step = Step {
        changes: &[
            "Query parameters have a place of their own, `query`, and are percent-encoded into the URL.",
            "The body says how it is sent: `json`, `text`, `form`, `base64`, or `value` as before, so what this node sends stays the same.",
        ],
        config: body_as_value,
        ports: &[],
        output: None,
    };
    Kind {
        next: Some(step),
        ..super::kind("http", "HTTP request", DESCRIPTION, schema(&[(BODY, body)]))
    }
}

pub(super) fn kind() -> Kind {
    let pairs = |most: u32, description: &str| {
        json!({
            "type": "object", "maxProperties": most,
            "additionalProperties": {"type": "string", "maxLength": 1_048_576},
            "description": description
        })
    };
    let query = pairs(
        100,
        "Parameters by name: percent-encoded and added to the URL.",
    );
    let body = json!({
        "type": "object", "minProperties": 1, "maxProperties": 1, "additionalProperties": false,
        "properties": {
            "json": {"description": "Any value, sent as JSON: `application/json`."},
            "text": {"type": "string", "maxLength": 1_048_576, "description": "Sent as it is: `text/plain`, UTF-8."},
            "form": pairs(1000, "Fields by name, sent as a form: `application/x-www-form-urlencoded`."),
            "base64": {
                "type": "string", "maxLength": 1_048_576, "pattern": "^[A-Za-z0-9+/]*={0,2}$",
                "description": "Bytes in Base64, with padding: `application/octet-stream`."
            },
            "value": {"description": "A string is sent as it is, anything else as JSON, null not at all."}
        },
        "description": "What is sent: one of `json`, `text`, `form`, `base64` and `value`. It sets `Content-Type` where `headers` does not."
    });
    let schema = schema(&[("query", query), (BODY, body)]);
    let mut kind = super::kind("http", "HTTP request", DESCRIPTION, schema);
    kind.about.version = 2;
    kind
}

fn schema(more: &[(&str, Value)]) -> Value {
    let mut properties = json!({
        "method": {"type": "string", "enum": ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"], "description": "The HTTP method."},
        "url": {"type": "string", "minLength": 1, "maxLength": 8192, "pattern": "^https?://", "description": "An `http` or `https` URL of a public address."},
        "headers": {
            "type": "object", "maxProperties": 100,
            "propertyNames": {"pattern": "^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,256}$"},
            "additionalProperties": {"type": "string", "maxLength": 8192, "pattern": "^[^\\r\\n\\u0000]*$"},
            "description": "Header fields by name."
        }
    });
    for (name, property) in more {
        properties[name] = property.clone();
    }
    object(&["method", "url"], &properties)
}

fn body_as_value(mut config: NodeConfig) -> NodeConfig {
    if let Some(body) = config.remove(BODY) {
        config.insert(BODY.to_owned(), json!({ "value": body }));
    }
    config
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(kind: &Kind, config: Value) -> Vec<String> {
        let config = serde_json::from_value(config).unwrap();
        let misfits = kind.draft_problems(&config).into_iter();
        misfits.map(|(path, _)| path).collect()
    }

    #[test]
    fn a_body_is_sent_in_exactly_one_way() {
        let check = |body: Value, expect: &[&str]| {
            let config = json!({"method": "POST", "url": "https://example.com", "body": body});
            assert_eq!(problems(&kind(), config), expect, "{body}");
        };
        check(json!({"json": null}), &[]);
        check(json!({"text": "{{ input }}"}), &[]);
        check(json!({"form": {"a b": "c", "d": "{{ input.n }}"}}), &[]);
        check(json!({"form": "{{ input }}"}), &[]);
        check(json!({"base64": "aGk="}), &[]);
        check(json!({"base64": "{{ input.file }}"}), &[]);
        check(json!("{{ input.body }}"), &[]);
        check(json!({}), &["/body"]);
        check(json!({"json": 1, "text": "x"}), &["/body"]);
        check(json!({"xml": "<a/>"}), &["/body"]);
        check(json!({"base64": "no!"}), &["/body/base64"]);
        check(json!({"form": {"a": 1}}), &["/body/form/a"]);
        check(json!("as in version 1"), &["/body"]);
    }

    #[test]
    fn what_the_first_version_takes_the_second_takes_once_upgraded() {
        for body in [
            json!("raw"),
            json!({"n": [1]}),
            json!(null),
            json!("{{ input }}"),
        ] {
            let config = json!({"method": "POST", "url": "https://example.com", "headers": {"a": "b"}, "body": body});
            assert_eq!(problems(&first(), config.clone()), [""; 0]);
            let upgraded = body_as_value(serde_json::from_value(config).unwrap());
            assert_eq!(upgraded["body"], json!({ "value": body }));
            assert_eq!(problems(&kind(), json!(upgraded)), [""; 0]);
        }
        let bare: NodeConfig = [("method".to_owned(), json!("GET"))].into();
        assert_eq!(body_as_value(bare.clone()), bare);
    }
}
