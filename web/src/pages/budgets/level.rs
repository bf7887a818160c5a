//! How near a budget is to its end.

use contracts::llm::{Budget, BudgetSpec, BudgetUsage};

use crate::ui::{Tone, icon::Glyph};

/// The marks on the meter below its end, in hundredths of the limit; those at which alerts are sent.
pub(super) const MARKS: [f64; 2] = [50.0, 80.0];

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Level {
    Fine,
    Half,
    High,
    /// What is spent and what is held back leave nothing.
    Held,
    /// All of it is spent.
    Exhausted,
}

impl Level {
    /// Of the one that is nearest to the end.
    pub(super) fn of(budget: &Budget) -> Self {
        let levels = budget
            .usage
            .iter()
            .map(|usage| Self::at(&budget.spec, usage));
        // Nobody spent anything: only a limit of nothing is at its end.
        let none = match budget.spec.limit.is_zero() {
            true => Self::Exhausted,
            false => Self::Fine,
        };
        levels.max().unwrap_or(none)
    }

    pub(super) fn at(spec: &BudgetSpec, usage: &BudgetUsage) -> Self {
        let percent = Parts::of(spec, usage).spent;
        if usage.spent >= spec.limit {
            return Self::Exhausted;
        }
        if usage.spent + usage.reserved >= spec.limit {
            return Self::Held;
        }
        match percent {
            ..50.0 => Self::Fine,
            ..80.0 => Self::Half,
            _ => Self::High,
        }
    }

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Fine => "fine",
            Self::Half => "half",
            Self::High => "high",
            Self::Held => "held",
            Self::Exhausted => "exhausted",
        }
    }

    pub(super) const fn look(self) -> Option<(Tone, Glyph, &'static str)> {
        match self {
            Self::Fine => None,
            Self::Half => Some((Tone::Neutral, Glyph::Info, "Half is spent")),
            Self::High => Some((Tone::Warn, Glyph::Warning, "Over 80 % is spent")),
            Self::Held => Some((Tone::Warn, Glyph::Waiting, "The rest is held back")),
            Self::Exhausted => Some((Tone::Err, Glyph::Error, "Exhausted")),
        }
    }
}

/// Hundredths of the limit, of which no more than all are drawn.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Parts {
    /// May be over 100: an answer may cost more than was held back for it.
    pub(super) spent: f64,
    pub(super) reserved: f64,
}

impl Parts {
    pub(super) fn of(spec: &BudgetSpec, usage: &BudgetUsage) -> Self {
        let limit = f64::try_from(spec.limit).unwrap_or_default();
        let spent = f64::try_from(usage.spent).unwrap_or_default();
        let reserved = f64::try_from(usage.reserved).unwrap_or_default();
        if limit <= 0.0 {
            return Self {
                spent: 100.0,
                reserved: 0.0,
            };
        }
        Self {
            spent: 100.0 * spent / limit,
            reserved: 100.0 * reserved / limit,
        }
    }

    /// The widths that fit into the meter.
    pub(super) fn widths(self) -> (f64, f64) {
        let spent = self.spent.clamp(0.0, 100.0);
        (spent, self.reserved.clamp(0.0, 100.0 - spent))
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use contracts::id::BudgetId;

    use super::*;

    fn budget(limit: &str, used: &[(&str, &str)]) -> Budget {
        let amount = |text: &str| text.parse().expect("an amount");
        let mut spec = BudgetSpec::example();
        spec.limit = limit.parse().expect("an amount");
        Budget {
            id: BudgetId::EXAMPLE,
            spec,
            version: 1,
            period_start: None,
            usage: used
                .iter()
                .map(|(spent, reserved)| BudgetUsage {
                    subject: None,
                    spent: amount(spent),
                    reserved: amount(reserved),
                })
                .collect(),
            created_at: DateTime::UNIX_EPOCH,
            updated_at: DateTime::UNIX_EPOCH,
        }
    }

    #[test]
    fn the_marks_are_those_of_the_alerts() {
        let level = |spent, reserved| Level::of(&budget("10", &[(spent, reserved)]));
        assert_eq!(level("4.9999", "0"), Level::Fine);
        assert_eq!(level("5", "0"), Level::Half);
        assert_eq!(level("8", "1.9"), Level::High);
        assert_eq!(level("1", "9"), Level::Held);
        assert_eq!(level("10.01", "0"), Level::Exhausted);
    }

    #[test]
    fn the_nearest_to_the_end_counts() {
        let two = budget("1", &[("0.1", "0"), ("0.9", "0")]);
        assert_eq!(Level::of(&two), Level::High);
        assert_eq!(Level::of(&budget("1", &[])), Level::Fine);
        assert_eq!(Level::of(&budget("0", &[])), Level::Exhausted);
        assert_eq!(Level::of(&budget("0", &[("0", "0")])), Level::Exhausted);
    }

    #[test]
    fn a_meter_is_never_overfull() {
        let widths = |spent, reserved| {
            let budget = budget("10", &[(spent, reserved)]);
            Parts::of(&budget.spec, &budget.usage[0]).widths()
        };
        assert_eq!(widths("2.5", "5"), (25.0, 50.0));
        assert_eq!(widths("12", "5"), (100.0, 0.0));
        assert_eq!(widths("8", "5"), (80.0, 20.0));
    }
}
