//! The numbers of a report: by group, in all, and by day.

use std::collections::HashMap;

use chrono::NaiveDate;
use contracts::{
    execution::Usage,
    llm::{UsageBy, UsageLine},
};

use super::period::Span;
use crate::{
    api::names::Names,
    pages::spending::{self, model_name},
};

/// What the chart shows of each day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Measure {
    #[default]
    Cost,
    Tokens,
    Calls,
}

impl Measure {
    pub(super) const ALL: [Self; 3] = [Self::Cost, Self::Tokens, Self::Calls];

    /// In the address, and on the page.
    pub(super) const fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Cost => ("cost", "Cost"),
            Self::Tokens => ("tokens", "Tokens"),
            Self::Calls => ("calls", "Calls"),
        }
    }

    pub(super) fn named(word: &str) -> Self {
        let known = Self::ALL
            .into_iter()
            .find(|measure| measure.words().0 == word);
        known.unwrap_or_default()
    }

    fn of(self, line: &UsageLine) -> f64 {
        match self {
            Self::Cost => spending::dollars(line),
            Self::Tokens => spending::tokens(line) as f64,
            Self::Calls => line.calls as f64,
        }
    }
}

/// A group's place in the address: the model, or the id of the flow or the user; `none` where no flow asked.
pub(super) fn key(line: &UsageLine, by: UsageBy) -> String {
    let id = match by {
        UsageBy::Model => Some(model_name(line)),
        UsageBy::Flow => line.flow_id.map(|id| id.to_string()),
        UsageBy::User => line.user_id.map(|id| id.to_string()),
    };
    id.unwrap_or_else(|| NONE.to_owned())
}

const NONE: &str = "none";

pub(super) fn name(line: &UsageLine, by: UsageBy, names: &Names) -> String {
    let key = key(line, by);
    match by {
        UsageBy::Model => key,
        UsageBy::Flow if key == NONE => "Without a flow".into(),
        UsageBy::User if key == NONE => "Nobody known".into(),
        UsageBy::Flow | UsageBy::User => names.of(key),
    }
}

/// The sum of all, or of none.
pub(super) fn total<'a>(lines: impl IntoIterator<Item = &'a UsageLine>) -> UsageLine {
    let none = UsageLine {
        day: None,
        provider: None,
        model: None,
        flow_id: None,
        user_id: None,
        calls: 0,
        failures: 0,
        usage: Usage::ZERO,
        unpriced: 0,
    };
    lines.into_iter().fold(none, |sum, line| UsageLine {
        calls: sum.calls + line.calls,
        failures: sum.failures + line.failures,
        usage: sum.usage.plus(line.usage),
        unpriced: sum.unpriced + line.unpriced,
        ..sum
    })
}

/// One day of the chart.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Day {
    pub(super) date: NaiveDate,
    pub(super) sum: UsageLine,
    pub(super) value: f64,
    /// What of it the chosen group took.
    pub(super) part: f64,
    /// Whether there is more to it than is known.
    pub(super) unknown: bool,
}

/// Each day of the span, also those on which nobody asked.
pub(super) fn days(
    lines: &[UsageLine],
    span: Span,
    measure: Measure,
    chosen: Option<(&str, UsageBy)>,
) -> Vec<Day> {
    let mut by_day = HashMap::<NaiveDate, Vec<&UsageLine>>::new();
    for line in lines {
        if let Some(day) = line.day {
            by_day.entry(day).or_default().push(line);
        }
    }
    let of_day = |date| {
        let lines = by_day.get(&date).map_or(&[][..], Vec::as_slice);
        let is_chosen =
            |line: &&&UsageLine| chosen.is_some_and(|(group, by)| key(line, by) == group);
        let sum = total(lines.iter().copied());
        Day {
            date,
            value: measure.of(&sum),
            part: lines
                .iter()
                .filter(is_chosen)
                .map(|line| measure.of(line))
                .sum(),
            unknown: measure == Measure::Cost && sum.unpriced > 0,
            sum,
        }
    };
    span.days().map(of_day).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pages::spending::testing::line;

    fn on(day: &str, cost: &str, tokens: u64, model: &str) -> UsageLine {
        UsageLine {
            day: day.parse().ok(),
            model: Some(model.into()),
            ..line(cost, tokens)
        }
    }

    #[test]
    fn every_day_has_its_bar_and_a_group_its_part() {
        let mut unpriced = on("2026-11-03", "0", 7, "small");
        unpriced.unpriced = 1;
        let lines = [
            on("2026-11-01", "1", 10, "large"),
            on("2026-11-01", "0.5", 5, "small"),
            unpriced,
        ];
        let day = |text: &str| text.parse().expect("a day");
        let span = Span {
            first: day("2026-11-01"),
            last: day("2026-11-03"),
        };
        let chosen = Some(("vendor/small", UsageBy::Model));
        let bars = days(&lines, span, Measure::Cost, chosen);
        let told: Vec<_> = bars
            .iter()
            .map(|it| (it.value, it.part, it.unknown))
            .collect();
        assert_eq!(
            told,
            [(1.5, 0.5, false), (0.0, 0.0, false), (0.0, 0.0, true)]
        );
        let bars = days(&lines, span, Measure::Tokens, None);
        let told: Vec<_> = bars
            .iter()
            .map(|it| (it.value, it.part, it.unknown))
            .collect();
        assert_eq!(
            told,
            [(15.0, 0.0, false), (0.0, 0.0, false), (7.0, 0.0, false)]
        );
        assert_eq!(total(&lines).calls, 3);
    }

    #[test]
    fn who_is_not_known_has_a_name() {
        let names = Names::default();
        let named = |by| name(&line("1", 1), by, &names);
        assert_eq!(named(UsageBy::Model), "vendor/large");
        assert_eq!(named(UsageBy::Flow), "Without a flow");
        assert_eq!(named(UsageBy::User), "Nobody known");
        assert_eq!(Measure::named("tokens"), Measure::Tokens);
        assert_eq!(Measure::named(""), Measure::Cost);
    }
}
