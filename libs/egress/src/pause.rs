//! How long a server asks to be left alone.

use std::time::Duration;

use chrono::{DateTime, Utc};

/// What a server may ask for; a longer pause is no pause.
const MAX: Duration = Duration::from_secs(24 * 60 * 60);

/// The pause in a `Retry-After` header, in milliseconds: seconds, or an HTTP date (RFC 9110, section 10.2.3). At most a day.
pub fn retry_after_ms(text: &str, now: DateTime<Utc>) -> Option<u64> {
    milliseconds(text, 1000.0).or_else(|| until(text, now))
}

/// A number of units, whole or not, in milliseconds. At most a day.
pub fn milliseconds(text: &str, unit_ms: f64) -> Option<u64> {
    let number: f64 = text.trim().parse().ok()?;
    // The cast saturates.
    (number.is_finite() && number >= 0.0).then(|| bounded((number * unit_ms).ceil() as u64))
}

fn until(date: &str, now: DateTime<Utc>) -> Option<u64> {
    let at = DateTime::parse_from_rfc2822(date.trim()).ok()?;
    let pause = at.with_timezone(&Utc) - now;
    Some(bounded(
        u64::try_from(pause.num_milliseconds()).unwrap_or(0),
    ))
}

fn bounded(pause_ms: u64) -> u64 {
    pause_ms.min(u64::try_from(MAX.as_millis()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_and_dates_are_read_and_bounded() {
        let now = "2026-01-02T03:04:05Z".parse().unwrap();
        let check = |text, expect| assert_eq!(retry_after_ms(text, now), expect, "{text}");
        check("1", Some(1000));
        check(" 0.25 ", Some(250));
        check("Fri, 02 Jan 2026 03:04:07 GMT", Some(2000));
        check("Fri, 02 Jan 2026 03:04:01 GMT", Some(0));
        check("Fri, 02 Jan 2099 03:04:01 GMT", Some(86_400_000));
        check("1e300", Some(86_400_000));
        for nonsense in ["", "soon", "-1", "NaN"] {
            check(nonsense, None);
        }
    }
}
