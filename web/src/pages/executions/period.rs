//! The time that a list of executions looks at: the last hours or days, or from a day to a day.

use chrono::{DateTime, Days, NaiveDate, TimeDelta, Utc};

use crate::{pages::period::days, params::Params};

/// What can be chosen at once: the word in the address, the text, the hours.
pub(super) const LAST: [(&str, &str, i64); 4] = [
    ("1h", "Last hour", 1),
    ("24h", "Last 24 hours", 24),
    ("7d", "Last 7 days", 7 * 24),
    ("30d", "Last 30 days", 30 * 24),
];
/// `since` and `until` as the API takes them. Days are the user's: `offset_minutes` is what the clock lacks to UTC.
pub(super) fn bounds(
    params: &Params,
    now: DateTime<Utc>,
    offset_minutes: i64,
) -> (Option<DateTime<Utc>>, Option<DateTime<Utc>>) {
    let word = params.get("last").unwrap_or_default();
    if let Some((_, _, hours)) = LAST.iter().find(|(name, _, _)| *name == word) {
        return (Some(now - TimeDelta::hours(*hours)), None);
    }
    let (from, to) = days(params);
    let begin = |day: NaiveDate| {
        day.and_hms_opt(0, 0, 0)
            .map(|midnight| midnight.and_utc() + TimeDelta::minutes(offset_minutes))
    };
    let until = to.and_then(|day| day.checked_add_days(Days::new(1)));
    (from.and_then(begin), until.and_then(begin))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_begin_where_the_user_is() {
        let now = "2026-11-21T12:00:00Z".parse().expect("a time");
        let at = |text: &str| Some(text.parse::<DateTime<Utc>>().expect("a time"));
        let days = Params::one("from", "2026-11-20").with("to", "2026-11-20");
        let expected = (at("2026-11-20T00:00:00Z"), at("2026-11-21T00:00:00Z"));
        assert_eq!(bounds(&days, now, 0), expected);
        let (since, _) = bounds(&days, now, -60);
        assert_eq!(since, at("2026-11-19T23:00:00Z"));
        let last = Params::one("last", "24h");
        assert_eq!(bounds(&last, now, 0), (at("2026-11-20T12:00:00Z"), None));
        for odd in ["from=yesterday", "last=week", ""] {
            assert_eq!(bounds(&Params::from(odd), now, 0), (None, None), "{odd}");
        }
    }
}
