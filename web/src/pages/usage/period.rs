//! The days that a report looks at, in the address. Days are UTC, as the gateway counts them.

use chrono::{Days, NaiveDate};
use contracts::llm::UsageBy;

use crate::{pages::period::days, params::Params};

/// What can be chosen at once: the word in the address, the text, the days.
pub(super) const LAST: [(&str, &str, u64); 4] = [
    ("7d", "Last 7 days", 7),
    ("30d", "Last 30 days", 30),
    ("90d", "Last 90 days", 90),
    ("365d", "Last 365 days", 365),
];
/// Where the address names none.
pub(super) const USUAL: &str = "30d";
const USUAL_DAYS: u64 = 30;
/// As many as the gateway reports on.
const LONGEST: usize = 400;

/// From a day to a day, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) first: NaiveDate,
    pub(super) last: NaiveDate,
}

impl Span {
    /// Days that were chosen, else as many as were chosen up to today. What cannot be is put right: an end before its
    /// beginning, a day to come, more days than there is a report on.
    pub(super) fn of(params: &Params, today: NaiveDate) -> Self {
        let back = |last: NaiveDate, days: u64| {
            let first = last.checked_sub_days(Days::new(days.saturating_sub(1)));
            Self {
                first: first.unwrap_or(last),
                last,
            }
        };
        if let (from, to) = days(params)
            && (from.is_some() || to.is_some())
        {
            let last = to.unwrap_or(today).min(today);
            let first = from.unwrap_or_else(|| back(last, USUAL_DAYS).first);
            return Self {
                first: first.clamp(back(last, LONGEST as u64).first, last),
                last,
            };
        }
        let word = params.get("last").unwrap_or(USUAL);
        let known = LAST.iter().find(|(name, _, _)| *name == word);
        back(today, known.map_or(USUAL_DAYS, |(_, _, days)| *days))
    }

    pub(super) fn days(self) -> impl Iterator<Item = NaiveDate> {
        self.first
            .iter_days()
            .take_while(move |day| *day <= self.last)
    }

    /// The report's address: the sums, or each day's.
    pub(super) fn path(self, by: UsageBy, daily: bool) -> String {
        let next = self.last.succ_opt().unwrap_or(self.last);
        let params = Params::one("since", &format!("{}T00:00:00Z", self.first))
            .with("until", &format!("{next}T00:00:00Z"))
            .with("by", by_word(by))
            .with("daily", if daily { "true" } else { "" });
        format!("/llm/usage{}", params.query())
    }
}

pub(super) const BY: [UsageBy; 3] = [UsageBy::Model, UsageBy::Flow, UsageBy::User];

/// As the API writes it.
pub(super) const fn by_word(by: UsageBy) -> &'static str {
    match by {
        UsageBy::Model => "model",
        UsageBy::Flow => "flow",
        UsageBy::User => "user",
    }
}

pub(super) fn chosen_by(params: &Params) -> UsageBy {
    let word = params.get("by").unwrap_or_default();
    let known = BY.into_iter().find(|by| by_word(*by) == word);
    known.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(query: &str) -> (String, String) {
        let today = "2026-11-22".parse().expect("a day");
        let Span { first, last } = Span::of(&Params::from(query), today);
        (first.to_string(), last.to_string())
    }

    #[test]
    fn days_end_today_unless_they_were_chosen() {
        let pair = |first: &str, last: &str| (first.to_owned(), last.to_owned());
        assert_eq!(span(""), pair("2026-10-24", "2026-11-22"));
        assert_eq!(span("last=7d"), pair("2026-11-16", "2026-11-22"));
        assert_eq!(span("last=week"), pair("2026-10-24", "2026-11-22"));
        let chosen = "last=days&from=2026-11-01&to=2026-11-03";
        assert_eq!(span(chosen), pair("2026-11-01", "2026-11-03"));
    }

    #[test]
    fn what_cannot_be_is_put_right() {
        let backwards = "last=days&from=2026-11-09&to=2026-11-03";
        assert_eq!(span(backwards).0, "2026-11-03");
        let long = "last=days&from=1999-01-01&to=2099-11-03";
        assert_eq!(span(long).1, "2026-11-22");
        let days = Span::of(&Params::from(long), "2026-11-22".parse().expect("a day")).days();
        assert_eq!(days.count(), LONGEST);
    }

    #[test]
    fn a_report_begins_and_ends_at_midnight() {
        let day = "2026-11-22".parse().expect("a day");
        let span = Span {
            first: day,
            last: day,
        };
        assert_eq!(
            span.path(UsageBy::Flow, true),
            "/llm/usage?since=2026-11-22T00%3A00%3A00Z&until=2026-11-23T00%3A00%3A00Z&by=flow&daily=true"
        );
    }
}
