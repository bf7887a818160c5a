//! `json_query`: the part of a value that a JSON pointer (RFC 6901) names.

use serde_json::{Value, json};

use crate::failure::Failure;

pub(super) fn schema() -> Value {
    json!({
        "type": "object",
        "properties": {
            "value": {"description": "Any JSON."},
            "pointer": {
                "type": "string",
                "description": "A JSON pointer, such as `/items/0/name`; the whole value when empty.",
                "maxLength": 1000
            }
        },
        "required": ["value", "pointer"],
        "additionalProperties": false
    })
}

/// # Errors
/// `no_value` where the pointer leads nowhere.
pub(super) fn run(arguments: &Value) -> Result<Value, Failure> {
    let pointer = arguments["pointer"].as_str().unwrap_or_default();
    let found = arguments["value"].pointer(pointer);
    found.cloned().ok_or_else(|| {
        let text = format!("`{pointer}` leads nowhere in the value");
        Failure::lasting("no_value", text)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pointers_are_followed() {
        let run =
            |pointer: &str| run(&json!({"value": {"a/b": [1, {"c": null}]}, "pointer": pointer}));
        assert_eq!(run("/a~1b/1"), Ok(json!({"c": null})));
        assert_eq!(run("/a~1b/1/c"), Ok(json!(null)));
        assert_eq!(run(""), Ok(json!({"a/b": [1, {"c": null}]})));
        for nowhere in ["a", "/x", "/a~1b/2", "/a~1b/01"] {
            assert_eq!(run(nowhere).unwrap_err().reason, "no_value", "{nowhere}");
        }
    }
}
