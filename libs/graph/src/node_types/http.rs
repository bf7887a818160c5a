//! Calls an HTTP endpoint outside.

use serde_json::json;

use super::{Kind, object};

pub(super) fn kind() -> Kind {
    let schema = object(
        &["method", "url"],
        &json!({
            "method": {"type": "string", "enum": ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"], "description": "The HTTP method."},
            "url": {"type": "string", "minLength": 1, "maxLength": 8192, "pattern": "^https?://", "description": "An `http` or `https` URL of a public address."},
            "headers": {
                "type": "object", "maxProperties": 100,
                "propertyNames": {"pattern": "^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,256}$"},
                "additionalProperties": {"type": "string", "maxLength": 8192, "pattern": "^[^\\r\\n\\u0000]*$"},
                "description": "Header fields by name."
            },
            "body": {"description": "A string is sent as it is, anything else as JSON."}
        }),
    );
    let description = "Calls a URL. The output is `{status, headers, body}`; a status of 400 or above is an error.";
    super::kind("http", "HTTP request", description, schema)
}
