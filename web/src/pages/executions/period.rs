//! The time that a list of executions looks at, in the address: the last hours or days, or from a day to a day.

use chrono::{DateTime, Days, NaiveDate, TimeDelta, Utc};

use crate::params::Params;

/// What can be chosen at once: the word in the address, the text, the hours.
pub(super) const LAST: [(&str, &str, i64); 4] = [
    ("1h", "Last hour", 1),
    ("24h", "Last 24 hours", 24),
    ("7d", "Last 7 days", 7 * 24),
    ("30d", "Last 30 days", 30 * 24),
];
/// Stands in the address before days are chosen.
pub(super) const DAYS: &str = "days";

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
    let day = |name: &str| params.get(name)?.parse::<NaiveDate>().ok();
    let begin = |day: NaiveDate| {
        day.and_hms_opt(0, 0, 0)
            .map(|midnight| midnight.and_utc() + TimeDelta::minutes(offset_minutes))
    };
    let until = day("to").and_then(|day| day.checked_add_days(Days::new(1)));
    (day("from").and_then(begin), until.and_then(begin))
}

/// The word of the chosen time.
pub(super) fn chosen(params: &Params) -> &str {
    match params.get("last") {
        Some(word) => word,
        None if params.get("from").is_some() || params.get("to").is_some() => DAYS,
        None => "",
    }
}

/// The address with another time.
pub(super) fn choose(params: &Params, word: &str) -> Params {
    let without = params.with("from", "").with("to", "");
    without.with("last", word)
}

/// The address of one of the days.
pub(super) fn with_day(params: &Params, name: &str, day: &str) -> Params {
    params.with("last", DAYS).with(name, day)
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

    #[test]
    fn an_address_has_one_time() {
        let days = with_day(&Params::one("last", "7d"), "from", "2026-11-20");
        assert_eq!(days.get("from"), Some("2026-11-20"));
        assert_eq!(chosen(&days), DAYS);
        assert_eq!(choose(&days, "1h"), Params::one("last", "1h"));
        assert_eq!(chosen(&Params::default()), "");
    }
}
