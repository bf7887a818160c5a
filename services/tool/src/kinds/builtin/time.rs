//! `time`: what time it is in a time zone, in UTC when none is named.

use chrono::{DateTime, FixedOffset, SecondsFormat, TimeZone, Utc};
use chrono_tz::Tz;
use serde_json::{Value, json};

use crate::failure::Failure;

pub(super) fn schema() -> Value {
    json!({
        "type": "object",
        "properties": {
            "timezone": {
                "type": "string",
                "description": "A name such as `Europe/Berlin`, or an offset from UTC such as `+02:00`.",
                "maxLength": 64
            }
        },
        "additionalProperties": false
    })
}

/// # Errors
/// `timezone` for a text that names none.
pub(super) fn run(arguments: &Value, now: DateTime<Utc>) -> Result<Value, Failure> {
    let Some(zone) = arguments.get("timezone").and_then(Value::as_str) else {
        return Ok(told(&now, &Utc));
    };
    if let Ok(zone) = zone.parse::<Tz>() {
        return Ok(told(&now, &zone));
    }
    if let Ok(offset) = zone.parse::<FixedOffset>() {
        return Ok(told(&now, &offset));
    }
    let message = format!("`{zone}` is neither a time zone nor an offset from UTC");
    Err(Failure::lasting("timezone", message))
}

fn told<Z: TimeZone>(now: &DateTime<Utc>, zone: &Z) -> Value {
    let local = now.with_timezone(zone).fixed_offset();
    json!({
        "time": local.to_rfc3339_opts(SecondsFormat::Millis, true),
        "unix_ms": now.timestamp_millis(),
        "weekday": local.format("%A").to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_is_told_in_a_zone() {
        let now = DateTime::from_timestamp_millis(1_700_000_000_123).unwrap();
        let time = |zone: &str| run(&json!({"timezone": zone}), now);
        let check = |zone, expect: &str| assert_eq!(time(zone).unwrap()["time"], expect);
        check("UTC", "2023-11-14T22:13:20.123Z");
        check("Europe/Berlin", "2023-11-14T23:13:20.123+01:00");
        check("Asia/Kolkata", "2023-11-15T03:43:20.123+05:30");
        check("+02:00", "2023-11-15T00:13:20.123+02:00");
        check("-03:30", "2023-11-14T18:43:20.123-03:30");
        let utc = run(&json!({}), now).unwrap();
        assert_eq!(
            (&utc["unix_ms"], &utc["weekday"]),
            (&json!(1_700_000_000_123_i64), &json!("Tuesday"))
        );
        for wrong in ["", "+99:00", "Mars/Base", "2"] {
            assert_eq!(time(wrong).unwrap_err().reason, "timezone", "{wrong}");
        }
    }
}
