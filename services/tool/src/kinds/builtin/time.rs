//! `time`: what time it is, in UTC or at an offset from it.

use chrono::{DateTime, FixedOffset, Offset, SecondsFormat, Utc};
use serde_json::{Value, json};

use crate::failure::Failure;

pub(super) fn schema() -> Value {
    json!({
        "type": "object",
        "properties": {
            "offset": {
                "type": "string",
                "description": "`UTC`, or the offset from it, such as `+02:00`.",
                "maxLength": 16
            }
        },
        "additionalProperties": false
    })
}

/// # Errors
/// `offset` for a text that is none.
pub(super) fn run(arguments: &Value, now: DateTime<Utc>) -> Result<Value, Failure> {
    let offset = match arguments.get("offset").and_then(Value::as_str) {
        None | Some("UTC" | "Z") => Utc.fix(),
        Some(text) => text.parse::<FixedOffset>().map_err(|_| {
            let text: String = text.chars().take(16).collect();
            let message = format!("`{text}` is not an offset from UTC, such as `+02:00`");
            Failure::lasting("offset", message)
        })?,
    };
    let time = now.with_timezone(&offset);
    Ok(json!({
        "time": time.to_rfc3339_opts(SecondsFormat::Millis, true),
        "unix_ms": now.timestamp_millis(),
        "weekday": time.format("%A").to_string(),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_is_told_at_an_offset() {
        let now = DateTime::from_timestamp_millis(1_700_000_000_123).unwrap();
        let time = |arguments: Value| run(&arguments, now).map(|told| told["time"].clone());
        let check = |arguments, expect: &str| assert_eq!(time(arguments), Ok(json!(expect)));
        check(json!({}), "2023-11-14T22:13:20.123Z");
        check(json!({"offset": "UTC"}), "2023-11-14T22:13:20.123Z");
        check(json!({"offset": "+02:00"}), "2023-11-15T00:13:20.123+02:00");
        check(json!({"offset": "-03:30"}), "2023-11-14T18:43:20.123-03:30");
        for wrong in ["", "+99:00", "Mars", "2"] {
            assert!(time(json!({"offset": wrong})).is_err(), "{wrong}");
        }
    }
}
