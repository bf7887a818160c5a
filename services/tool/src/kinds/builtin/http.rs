//! `http`: one GET or POST to a public address that the caller names. It knows no secrets.

use egress::Request;
use serde_json::{Value, json};

use crate::{
    State,
    failure::Failure,
    kinds::{Call, http::answer},
};

pub(super) fn schema() -> Value {
    json!({
        "type": "object",
        "properties": {
            "method": {"enum": ["GET", "POST"], "default": "GET"},
            "url": {"type": "string", "minLength": 1, "maxLength": 8192},
            "headers": {
                "type": "object",
                "maxProperties": 64,
                "additionalProperties": {"type": "string", "maxLength": 8192}
            },
            "body": {"description": "Sent as JSON; a string as plain text."}
        },
        "required": ["url"],
        "additionalProperties": false
    })
}

/// # Errors
/// As [`answer`].
pub(super) async fn run(state: &State, call: &Call<'_>) -> Result<Value, Failure> {
    let text = |key: &str| call.arguments.get(key).and_then(Value::as_str);
    let url = text("url").unwrap_or_default();
    let mut request = Request::new(text("method").unwrap_or("GET"), url);
    let headers = call.arguments.get("headers").and_then(Value::as_object);
    for (name, value) in headers.into_iter().flatten() {
        let value = value.as_str().unwrap_or_default().to_owned();
        request.headers.push((name.clone(), value));
    }
    answer(state, call, request, call.arguments.get("body")).await
}
