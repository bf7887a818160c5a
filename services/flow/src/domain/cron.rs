//! When a cron trigger fires: the next times, and those that passed.
//!
//! **Invariant:** no fire time lies after `now`, and of those that passed each is either run or said to be skipped.

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use contracts::{
    FieldProblem,
    id::{ExecutionId, TriggerId},
    trigger::{CronTrigger, Missed},
};
use croner::{
    Cron,
    parser::{CronParser, Seconds, Year},
};

/// How late a fire time may be run as if it were now.
const ON_TIME: TimeDelta = TimeDelta::seconds(60);
/// Missed fire times that are made up for at most.
const MADE_UP: usize = 100;
const MAX_EXPRESSION: usize = 200;

/// An expression in its time zone.
pub(crate) struct Schedule {
    cron: Cron,
    zone: Tz,
}

/// What is to be done about the fire times that passed.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Due {
    /// In their order.
    pub(crate) run: Vec<DateTime<Utc>>,
    /// The first and the last of those that are not made up for.
    pub(crate) skipped: Option<(DateTime<Utc>, DateTime<Utc>)>,
}

impl Schedule {
    pub(crate) fn parse(trigger: &CronTrigger) -> Result<Self, FieldProblem> {
        let problem = |field: &str, message: String| FieldProblem {
            path: format!("/spec/cron/{field}"),
            message,
        };
        if trigger.expression.len() > MAX_EXPRESSION {
            let message = "must have at most 200 characters".to_owned();
            return Err(problem("expression", message));
        }
        let parser = CronParser::builder()
            .seconds(Seconds::Optional)
            .year(Year::Disallowed)
            .build();
        let cron = parser
            .parse(&trigger.expression)
            .map_err(|error| problem("expression", format!("is not valid: {error}")))?;
        let zone = trigger.time_zone.parse().map_err(|_| {
            let message = "is no name of the IANA time zone database".to_owned();
            problem("time_zone", message)
        })?;
        let schedule = Self { cron, zone };
        if schedule.after(Utc::now()).is_none() {
            let message = "names no time that will ever come".to_owned();
            return Err(problem("expression", message));
        }
        Ok(schedule)
    }

    /// The first fire time after this.
    pub(crate) fn after(&self, at: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let local = at.with_timezone(&self.zone);
        let next = self.cron.find_next_occurrence(&local, false).ok()?;
        Some(next.to_utc())
    }

    /// The last fire time that is not after this.
    fn until(&self, at: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let local = at.with_timezone(&self.zone);
        let last = self.cron.find_previous_occurrence(&local, true).ok()?;
        Some(last.to_utc())
    }

    pub(crate) fn next(&self, at: DateTime<Utc>, count: usize) -> Vec<DateTime<Utc>> {
        std::iter::successors(self.after(at), |last| self.after(*last))
            .take(count)
            .collect()
    }

    /// The fire times after `done` that have come.
    pub(crate) fn due(&self, done: DateTime<Utc>, now: DateTime<Utc>, missed: Missed) -> Due {
        let late = (now - ON_TIME).max(done);
        let on_time = std::iter::successors(self.after(late), |last| self.after(*last));
        let wanted = match missed {
            Missed::Skip => 0,
            Missed::Once => 1,
            Missed::All => MADE_UP,
        };
        let back = |at: DateTime<Utc>| self.until(at).filter(|at| *at > done);
        // One more than is wanted: the last that is skipped.
        let mut made_up: Vec<_> =
            std::iter::successors(back(late), |at| back(*at - TimeDelta::seconds(1)))
                .take(wanted + 1)
                .collect();
        let last_skipped = (made_up.len() > wanted).then(|| made_up.pop()).flatten();
        let skipped = last_skipped.and_then(|last| Some((self.after(done)?, last)));
        made_up.reverse();
        made_up.extend(on_time.take_while(|at| *at <= now));
        Due {
            run: made_up,
            skipped,
        }
    }
}

/// The execution of a fire time: whoever starts it, and how often, it is this one.
pub(crate) fn execution_at(trigger: TriggerId, at: DateTime<Utc>) -> ExecutionId {
    let text = format!("{trigger} {}", at.timestamp());
    let hash = blake3::hash(text.as_bytes());
    let hash = hash.as_bytes().first_chunk();
    ExecutionId::of(at, *hash.expect("a hash has more than ten bytes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schedule(expression: &str, zone: &str) -> Schedule {
        Schedule::parse(&cron(expression, zone)).unwrap()
    }

    fn cron(expression: &str, zone: &str) -> CronTrigger {
        CronTrigger {
            expression: expression.into(),
            time_zone: zone.into(),
            missed: Missed::Once,
            input: serde_json::Value::Null,
        }
    }

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn ats(texts: &[&str]) -> Vec<DateTime<Utc>> {
        texts.iter().map(|text| at(text)).collect()
    }

    #[test]
    fn what_is_no_schedule_is_named() {
        for (expression, zone, field) in [
            ("", "UTC", "expression"),
            ("* * * *", "UTC", "expression"),
            ("61 * * * *", "UTC", "expression"),
            ("* * * * * * *", "UTC", "expression"),
            ("0 0 30 2 *", "UTC", "expression"),
            (&"1,".repeat(150), "UTC", "expression"),
            ("* * * * *", "Mars/Olympus", "time_zone"),
            ("* * * * *", "", "time_zone"),
        ] {
            let Err(problem) = Schedule::parse(&cron(expression, zone)) else {
                panic!("`{expression}` in `{zone}` was taken");
            };
            assert_eq!(problem.path, format!("/spec/cron/{field}"), "{expression}");
        }
    }

    #[test]
    fn times_are_those_of_the_zone() {
        let noon = schedule("0 12 * * 1-5", "America/New_York");
        assert_eq!(
            noon.next(at("2026-01-09T18:00:00Z"), 2),
            ats(&["2026-01-12T17:00:00Z", "2026-01-13T17:00:00Z"])
        );
        let seconds = schedule("*/20 * * * * *", "UTC");
        assert_eq!(
            seconds.next(at("2026-01-09T18:00:05Z"), 2),
            ats(&["2026-01-09T18:00:20Z", "2026-01-09T18:00:40Z"])
        );
    }

    /// In Rome, 02:00 to 03:00 of 2026-03-29 does not exist.
    #[test]
    fn a_fixed_time_that_the_clock_leaves_out_comes_right_after() {
        let night = schedule("30 2 * * *", "Europe/Rome");
        assert_eq!(
            night.next(at("2026-03-27T12:00:00Z"), 3),
            ats(&[
                "2026-03-28T01:30:00Z",
                "2026-03-29T01:00:00Z",
                "2026-03-30T00:30:00Z"
            ])
        );
        let often = schedule("*/30 * * * *", "Europe/Rome");
        assert_eq!(
            often.next(at("2026-03-29T00:29:00Z"), 3),
            ats(&[
                "2026-03-29T00:30:00Z",
                "2026-03-29T01:00:00Z",
                "2026-03-29T01:30:00Z"
            ])
        );
    }

    /// In Rome, 02:00 to 03:00 of 2026-10-25 comes twice.
    #[test]
    fn a_fixed_time_that_comes_twice_counts_once() {
        let night = schedule("30 2 * * *", "Europe/Rome");
        assert_eq!(
            night.next(at("2026-10-24T12:00:00Z"), 2),
            ats(&["2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"])
        );
        let often = schedule("*/30 * * * *", "Europe/Rome");
        assert_eq!(
            often.next(at("2026-10-25T00:00:00Z"), 4),
            ats(&[
                "2026-10-25T00:30:00Z",
                "2026-10-25T01:00:00Z",
                "2026-10-25T01:30:00Z",
                "2026-10-25T02:00:00Z"
            ])
        );
    }

    /// What was missed over a change of the clock is looked for backwards, and must be what comes forwards.
    #[test]
    fn looking_back_over_a_change_of_the_clock_finds_the_same_times() {
        for change in ["2026-03-29T01:00:00Z", "2026-10-25T01:00:00Z"] {
            for expression in ["30 2 * * *", "*/30 * * * *", "15 1-3 * * *"] {
                let schedule = schedule(expression, "Europe/Rome");
                let (from, to) = (
                    at(change) - TimeDelta::hours(12),
                    at(change) + TimeDelta::hours(12),
                );
                let forwards: Vec<_> =
                    std::iter::successors(schedule.after(from), |last| schedule.after(*last))
                        .take_while(|at| *at <= to)
                        .collect();
                let due = schedule.due(from, to + TimeDelta::hours(1), Missed::All);
                let due: Vec<_> = due.run.into_iter().filter(|at| *at <= to).collect();
                assert_eq!(due, forwards, "{expression} at {change}");
            }
        }
    }

    #[test]
    fn nothing_is_due_before_its_time() {
        let hourly = schedule("0 * * * *", "UTC");
        let done = at("2026-01-01T10:00:00Z");
        for now in [done, at("2026-01-01T10:59:59Z")] {
            assert_eq!(hourly.due(done, now, Missed::All), Due::default());
        }
        let due = hourly.due(done, at("2026-01-01T11:00:00Z"), Missed::Skip);
        assert_eq!(due.run, ats(&["2026-01-01T11:00:00Z"]));
        assert_eq!(due.skipped, None);
        // The clock went back.
        let due = hourly.due(done, at("2026-01-01T08:00:00Z"), Missed::All);
        assert_eq!(due, Due::default());
    }

    #[test]
    fn the_policy_says_what_is_made_up_for() {
        let hourly = schedule("0 * * * *", "UTC");
        let (done, now) = (at("2026-01-01T10:00:00Z"), at("2026-01-01T14:00:10Z"));
        let on_time = "2026-01-01T14:00:00Z";
        let (first, last) = ("2026-01-01T11:00:00Z", "2026-01-01T13:00:00Z");
        let skip = hourly.due(done, now, Missed::Skip);
        assert_eq!(skip.run, ats(&[on_time]));
        assert_eq!(skip.skipped, Some((at(first), at(last))));
        let once = hourly.due(done, now, Missed::Once);
        assert_eq!(once.run, ats(&[last, on_time]));
        assert_eq!(once.skipped, Some((at(first), at("2026-01-01T12:00:00Z"))));
        let all = hourly.due(done, now, Missed::All);
        assert_eq!(
            all.run,
            ats(&[first, "2026-01-01T12:00:00Z", last, on_time])
        );
        assert_eq!(all.skipped, None);
    }

    #[test]
    fn a_long_downtime_is_not_made_up_for_without_end() {
        let each_second = schedule("* * * * * *", "UTC");
        let (done, now) = (at("2025-01-01T00:00:00Z"), at("2026-01-01T00:00:00Z"));
        let due = each_second.due(done, now, Missed::All);
        assert_eq!(due.run.len(), 100 + 60);
        assert!(due.run.is_sorted());
        let (first, last) = due.skipped.unwrap();
        assert_eq!(first, at("2025-01-01T00:00:01Z"));
        assert_eq!(last, due.run[0] - TimeDelta::seconds(1));
    }

    #[test]
    fn an_execution_is_known_by_its_trigger_and_time() {
        let (trigger, time) = (TriggerId::generate(), at("2026-01-01T00:00:00Z"));
        let id = execution_at(trigger, time);
        assert_eq!(id, execution_at(trigger, time));
        assert_ne!(id, execution_at(trigger, time + TimeDelta::seconds(1)));
        assert_ne!(id, execution_at(TriggerId::generate(), time));
    }
}
