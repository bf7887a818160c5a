//! Waits for a time, or until a moment.

use serde_json::json;

use super::{Kind, object};

/// The longest wait: a year.
const MAX_SECONDS: u32 = 365 * 24 * 60 * 60;

pub(super) fn kind() -> Kind {
    let mut schema = object(
        &[],
        &json!({
            "seconds": {"type": "number", "minimum": 0, "maximum": MAX_SECONDS, "description": "How long it waits: at most a year."},
            "until": {"type": "string", "minLength": 1, "maxLength": 64, "description": "The moment that it waits for (RFC 3339), for example `2027-01-31T09:00:00+01:00`: at most a year ahead. One that is over is no wait."}
        }),
    );
    schema["minProperties"] = json!(1);
    schema["maxProperties"] = json!(1);
    let description = "Goes on after `seconds`, or at the moment `until`: exactly one of the two. The output is `{until}`. It holds no worker while it waits.";
    super::kind("wait", "Wait", description, schema)
}
