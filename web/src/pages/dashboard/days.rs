//! Executions counted by the user's days.

use chrono::{Days, NaiveDate};
use contracts::execution::{ExecutionState, ExecutionSummary, Usage};

pub(super) const DAYS: usize = 14;
const DAY_MS: f64 = 86_400_000.0;

#[derive(Clone, Debug, PartialEq)]
pub(super) struct DayCounts {
    /// The oldest first, today last.
    pub(super) days: [Day; DAYS],
    pub(super) failed_last_day: usize,
    pub(super) usage: Usage,
    today: NaiveDate,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Day {
    pub(super) succeeded: usize,
    pub(super) failed: usize,
    /// Cancelled, or not at its end yet.
    pub(super) other: usize,
}

impl Day {
    pub(super) fn total(self) -> usize {
        self.succeeded + self.failed + self.other
    }
}

impl DayCounts {
    /// `offset_minutes` is what the clock lacks to UTC.
    pub(super) fn of(executions: &[ExecutionSummary], now_ms: f64, offset_minutes: i64) -> Self {
        let day_of = |ms: f64| ((ms - offset_minutes as f64 * 60_000.0) / DAY_MS).floor();
        let today = day_of(now_ms);
        let mut counts = Self {
            days: [Day::default(); DAYS],
            failed_last_day: 0,
            usage: Usage::ZERO,
            today: date(today),
        };
        for execution in executions {
            let begun_ms = execution.created_at.timestamp_millis() as f64;
            let age = (today - day_of(begun_ms)).max(0.0) as usize;
            let Some(index) = (DAYS - 1).checked_sub(age) else {
                continue;
            };
            let failed = execution.state == ExecutionState::Failed;
            counts.failed_last_day += usize::from(failed && now_ms - begun_ms < DAY_MS);
            counts.usage = counts.usage.plus(execution.usage);
            let day = &mut counts.days[index];
            match execution.state {
                ExecutionState::Succeeded => day.succeeded += 1,
                ExecutionState::Failed => day.failed += 1,
                ExecutionState::Queued
                | ExecutionState::Running
                | ExecutionState::Waiting
                | ExecutionState::Paused
                | ExecutionState::Cancelled => day.other += 1,
            }
        }
        counts
    }

    /// The date of the day at that place.
    pub(super) fn date(&self, index: usize) -> NaiveDate {
        self.today - Days::new((DAYS - 1 - index) as u64)
    }

    pub(super) fn highest(&self) -> usize {
        self.days
            .iter()
            .map(|day| day.total())
            .max()
            .unwrap_or_default()
    }

    pub(super) fn total(&self) -> usize {
        self.days.iter().map(|day| day.total()).sum()
    }
}

/// The date that lies so many days after that of the epoch.
fn date(days: f64) -> NaiveDate {
    NaiveDate::default() + Days::new(days.max(0.0) as u64)
}

#[cfg(test)]
pub(super) mod testing {
    use chrono::DateTime;
    use contracts::{
        execution::Origin,
        id::{ExecutionId, UserId},
    };

    use super::*;

    pub(crate) const NOW_MS: i64 = 1_800_000_000_000;

    pub(crate) fn execution(hours_ago: i64, state: ExecutionState) -> ExecutionSummary {
        ExecutionSummary {
            id: ExecutionId::EXAMPLE,
            origin: Origin::default(),
            parent_id: None,
            source: None,
            state,
            error: None,
            usage: Usage {
                prompt_tokens: 1,
                completion_tokens: 2,
                cost: None,
            },
            asks: 0,
            started_by: UserId::EXAMPLE,
            created_at: DateTime::from_timestamp_millis(NOW_MS - hours_ago * 3_600_000)
                .expect("a time"),
            finished_at: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{
        testing::{NOW_MS, execution},
        *,
    };

    #[test]
    fn executions_fall_into_their_days() {
        use ExecutionState::{Cancelled, Failed, Succeeded};
        let executions = [
            execution(0, Succeeded),
            execution(23, Failed),
            execution(48, Cancelled),
            execution(24 * 20, Failed),
        ];
        let counts = DayCounts::of(&executions, NOW_MS as f64, 0);
        assert_eq!(counts.total(), 3, "the one of twenty days ago is left out");
        assert_eq!(counts.failed_last_day, 1);
        assert_eq!(counts.days[DAYS - 1].succeeded, 1);
        assert_eq!(counts.usage.prompt_tokens, 3);
        assert_eq!(counts.date(DAYS - 1).to_string(), "2027-01-15");
        assert_eq!(counts.date(0).to_string(), "2027-01-02");
        assert_eq!(
            counts.usage.cost, None,
            "one unknown price makes the sum unknown"
        );
    }
}
