//! When somebody who failed is asked again.
//!
//! **Invariant:** once the time of an open breaker is over, one question probes; all others wait for its outcome.

use std::time::{Duration, Instant};

/// Failures in a row that open it.
const FAILURES: u32 = 5;
/// How long it stays open first; doubled each time that the probe fails.
const FIRST_OPEN: Duration = Duration::from_secs(5);
const LONGEST_OPEN: Duration = Duration::from_secs(60);
/// How long others wait for a probe before they look again.
const PROBE: Duration = Duration::from_secs(1);

/// What stands between a question and one model, asked with one key. After a success it is as new.
#[derive(Clone, Debug, Default)]
pub(crate) struct Breaker {
    failures: u32,
    /// How often it opened since the last success.
    trips: u32,
    open_until: Option<Instant>,
    /// It asked for a pause, or refused the key.
    rest_until: Option<Instant>,
    probing: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Gate {
    Open,
    /// It may pass, and tells whether others may.
    Probe,
    /// Not before then.
    Shut(Instant),
}

impl Breaker {
    /// Whether a question may pass now.
    pub(crate) fn gate(&mut self, now: Instant) -> Gate {
        if let Some(until) = self.rest_until.filter(|until| now < *until) {
            return Gate::Shut(until);
        }
        match self.open_until {
            None => Gate::Open,
            Some(until) if now < until => Gate::Shut(until),
            Some(_) if self.probing => Gate::Shut(now + PROBE),
            Some(_) => {
                self.probing = true;
                Gate::Probe
            }
        }
    }

    pub(crate) fn failed(&mut self, now: Instant, is_probe: bool) {
        // A question that was under way when it opened tells nothing new.
        if self.open_until.is_some() && !is_probe {
            return;
        }
        self.failures = self.failures.saturating_add(1);
        if self.open_until.is_some() || self.failures >= FAILURES {
            let open = FIRST_OPEN * 2_u32.saturating_pow(self.trips.min(10));
            self.open_until = Some(now + open.min(LONGEST_OPEN));
            self.trips = self.trips.saturating_add(1);
        }
        self.probing &= !is_probe;
    }

    /// It lives, but is not to be asked for a while.
    pub(crate) fn rests(&mut self, now: Instant, pause: Duration, is_probe: bool) {
        self.probing &= !is_probe;
        self.rest_until = Some(now + pause);
    }

    /// A probe came to no end that tells anything.
    pub(crate) fn left(&mut self) {
        self.probing = false;
    }

    /// Whether there is nothing to remember.
    pub(crate) fn is_idle(&self, now: Instant) -> bool {
        let over = |until: Option<Instant>| until.is_none_or(|until| until < now);
        self.failures == 0 && self.open_until.is_none() && over(self.rest_until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn it_opens_after_failures_in_a_row_and_probes_once() {
        let (mut breaker, now) = (Breaker::default(), Instant::now());
        for _ in 0..4 {
            breaker.failed(now, false);
        }
        breaker = Breaker::default();
        for _ in 0..4 {
            breaker.failed(now, false);
            assert_eq!(breaker.gate(now), Gate::Open);
        }
        breaker.failed(now, false);
        let until = now + 5 * SECOND;
        assert_eq!(breaker.gate(now), Gate::Shut(until));
        // Half open: one passes, the next waits.
        assert_eq!(breaker.gate(until), Gate::Probe);
        assert_eq!(breaker.gate(until), Gate::Shut(until + SECOND));
        // One that was under way before it opened is no probe.
        breaker.failed(until, false);
        breaker.rests(until, Duration::ZERO, false);
        assert_eq!(breaker.gate(until), Gate::Shut(until + SECOND));
        breaker.failed(until, true);
        assert_eq!(breaker.gate(until), Gate::Shut(until + 10 * SECOND));
        let later = until + 10 * SECOND;
        assert_eq!(breaker.gate(later), Gate::Probe);
        assert!(!breaker.is_idle(later));
    }

    #[test]
    fn a_probe_that_is_left_makes_room_for_another() {
        let (mut breaker, now) = (Breaker::default(), Instant::now());
        for _ in 0..5 {
            breaker.failed(now, false);
        }
        let later = now + 6 * SECOND;
        assert_eq!(breaker.gate(later), Gate::Probe);
        breaker.left();
        assert_eq!(breaker.gate(later), Gate::Probe);
    }

    #[test]
    fn it_is_never_open_for_more_than_a_minute() {
        let (mut breaker, mut now) = (Breaker::default(), Instant::now());
        for turn in 0..40 {
            breaker.failed(now, turn >= 5);
            if let Gate::Shut(until) = breaker.gate(now) {
                assert!(until <= now + 60 * SECOND);
                now = until;
                assert_eq!(breaker.gate(now), Gate::Probe);
            }
        }
    }

    #[test]
    fn a_rest_ends_by_itself() {
        let (mut breaker, now) = (Breaker::default(), Instant::now());
        breaker.rests(now, SECOND, false);
        assert_eq!(breaker.gate(now), Gate::Shut(now + SECOND));
        assert_eq!(breaker.gate(now + SECOND), Gate::Open);
        assert!(breaker.is_idle(now + 2 * SECOND));
    }
}
