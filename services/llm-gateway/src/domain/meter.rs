//! How much was asked in the last minute, by the second.
//!
//! **Invariant:** in no 60 seconds more passes than the limit says, but for tokens of an answer that was longer than
//! expected: those count, so that less passes after it.

use std::time::{Duration, Instant};

use contracts::{FieldProblem, llm::RateLimits};

use super::settings::problem;

const SECONDS: usize = 60;
const MAX_REQUESTS: u32 = 1_000_000;
const MAX_TOKENS: u32 = 1_000_000_000;
const MAX_PARALLEL: u32 = 100_000;
/// When to come back where nobody knows how long the others take.
const SOON: Duration = Duration::from_secs(1);

/// What passed in each of the last 60 seconds.
#[derive(Clone, Debug)]
struct Window {
    /// The second of the newest, counted from the meter's begin.
    newest: u64,
    seconds: [u64; SECONDS],
}

/// What one limited thing let pass.
#[derive(Clone, Debug)]
pub(crate) struct Meter {
    begin: Instant,
    requests: Window,
    tokens: Window,
    running: u32,
}

impl Window {
    const fn new() -> Self {
        Self {
            newest: 0,
            seconds: [0; SECONDS],
        }
    }

    fn turn_to(&mut self, second: u64) {
        let passed = second.saturating_sub(self.newest).min(SECONDS as u64);
        for step in 1..=passed {
            self.seconds[place(self.newest + step)] = 0;
        }
        if passed > 0 {
            // After a long silence all places are empty, whichever they are.
            self.newest = second;
        }
    }

    fn sum(&self) -> u64 {
        self.seconds.iter().sum()
    }

    /// Seconds until so much has left the window.
    fn until_left(&self, much: u64) -> u64 {
        let mut left = 0;
        for age in 1..=SECONDS as u64 {
            left += self.seconds[place(self.newest + age)];
            if left >= much {
                return age;
            }
        }
        SECONDS as u64
    }
}

fn place(second: u64) -> usize {
    usize::try_from(second % SECONDS as u64).unwrap_or(0)
}

impl Meter {
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            begin: now,
            requests: Window::new(),
            tokens: Window::new(),
            running: 0,
        }
    }

    /// Lets a question of so many tokens pass, or says when to come back.
    pub(crate) fn admit(
        &mut self,
        limits: &RateLimits,
        tokens: u64,
        now: Instant,
    ) -> Result<(), Duration> {
        self.turn_to(now);
        if limits.parallel.is_some_and(|most| self.running >= most) {
            return Err(SOON);
        }
        let mut wait = 0;
        let checks = [
            (&self.requests, limits.requests_per_minute, 1),
            (&self.tokens, limits.tokens_per_minute, tokens),
        ];
        for (window, most, wanted) in checks {
            let Some(most) = most.map(u64::from) else {
                continue;
            };
            // A question that is larger than the limit passes when nothing else did.
            let wanted = wanted.min(most);
            let over = (window.sum() + wanted).saturating_sub(most);
            if over > 0 {
                wait = wait.max(window.until_left(over));
            }
        }
        if wait > 0 {
            return Err(Duration::from_secs(wait));
        }
        self.requests.seconds[place(self.requests.newest)] += 1;
        self.tokens.seconds[place(self.tokens.newest)] += tokens;
        self.running += 1;
        Ok(())
    }

    /// A question is over. It was thought to have so many tokens, and had so many.
    pub(crate) fn leave(&mut self, thought: u64, had: u64, now: Instant) {
        self.turn_to(now);
        self.running = self.running.saturating_sub(1);
        let newest = &mut self.tokens.seconds[place(self.tokens.newest)];
        *newest += had.saturating_sub(thought);
        // What was expected and did not come leaves the window where it is, the newest first.
        let mut back = thought.saturating_sub(had);
        for age in 0..SECONDS as u64 {
            let second = self.tokens.newest + SECONDS as u64 - age;
            let there = &mut self.tokens.seconds[place(second)];
            let taken = back.min(*there);
            *there -= taken;
            back -= taken;
        }
    }

    pub(crate) fn is_idle(&mut self, now: Instant) -> bool {
        self.turn_to(now);
        self.running == 0 && self.requests.sum() == 0 && self.tokens.sum() == 0
    }

    fn turn_to(&mut self, now: Instant) {
        let second = now.saturating_duration_since(self.begin).as_secs();
        self.requests.turn_to(second);
        self.tokens.turn_to(second);
    }
}

/// The part of the limits that one of so many replicas lets pass.
pub(crate) fn share(limits: &RateLimits, replicas: u32) -> RateLimits {
    let part = |most: Option<u32>| most.map(|most| most.div_ceil(replicas.max(1)));
    RateLimits {
        requests_per_minute: part(limits.requests_per_minute),
        tokens_per_minute: part(limits.tokens_per_minute),
        parallel: part(limits.parallel),
    }
}

/// What is wrong with limits that stand at `path`.
pub(crate) fn check(limits: &RateLimits, path: &str, problems: &mut Vec<FieldProblem>) {
    let bounds = [
        (
            "requests_per_minute",
            limits.requests_per_minute,
            MAX_REQUESTS,
        ),
        ("tokens_per_minute", limits.tokens_per_minute, MAX_TOKENS),
        ("parallel", limits.parallel, MAX_PARALLEL),
    ];
    for (field, value, most) in bounds {
        if value.is_some_and(|value| !(1..=most).contains(&value)) {
            problems.push(problem(&format!("{path}/{field}"), &format!("1 to {most}")));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn limits(requests: u32, tokens: u32, parallel: u32) -> RateLimits {
        let limit = |most| (most > 0).then_some(most);
        RateLimits {
            requests_per_minute: limit(requests),
            tokens_per_minute: limit(tokens),
            parallel: limit(parallel),
        }
    }

    #[test]
    fn a_minute_lets_pass_what_it_may_and_says_when_there_is_room() {
        let begin = Instant::now();
        let mut meter = Meter::new(begin);
        let limits = limits(3, 0, 0);
        let at = |second: u32| begin + SECOND * second;
        assert_eq!(meter.admit(&limits, 1, at(0)), Ok(()));
        assert_eq!(meter.admit(&limits, 1, at(20)), Ok(()));
        assert_eq!(meter.admit(&limits, 1, at(20)), Ok(()));
        assert_eq!(meter.admit(&limits, 1, at(30)), Err(SECOND * 30));
        assert_eq!(meter.admit(&limits, 1, at(59)), Err(SECOND));
        assert_eq!(meter.admit(&limits, 1, at(60)), Ok(()));
        assert_eq!(meter.admit(&limits, 1, at(60)), Err(SECOND * 20));
        for _ in 0..3 {
            assert_eq!(meter.admit(&limits, 1, at(1000)), Ok(()));
        }
        assert!(meter.admit(&limits, 1, at(1000)).is_err());
    }

    #[test]
    fn tokens_are_put_right_after_the_answer() {
        let begin = Instant::now();
        let mut meter = Meter::new(begin);
        let limits = limits(0, 100, 0);
        assert_eq!(meter.admit(&limits, 90, begin), Ok(()));
        assert!(meter.admit(&limits, 20, begin).is_err());
        meter.leave(90, 10, begin + SECOND);
        assert_eq!(meter.admit(&limits, 20, begin + SECOND), Ok(()));
        meter.leave(20, 90, begin + SECOND);
        assert!(meter.admit(&limits, 1, begin + SECOND).is_err());
        // Larger than the limit: alone it passes.
        let later = begin + SECOND * 120;
        assert_eq!(meter.admit(&limits, 1000, later), Ok(()));
        assert!(meter.admit(&limits, 1, later).is_err());
    }

    #[test]
    fn so_many_at_the_same_time() {
        let now = Instant::now();
        let mut meter = Meter::new(now);
        let limits = limits(0, 0, 2);
        assert_eq!(meter.admit(&limits, 1, now), Ok(()));
        assert_eq!(meter.admit(&limits, 1, now), Ok(()));
        assert_eq!(meter.admit(&limits, 1, now), Err(SOON));
        meter.leave(1, 1, now);
        assert_eq!(meter.admit(&limits, 1, now), Ok(()));
        assert!(!meter.is_idle(now + SECOND * 90));
    }

    #[test]
    fn replicas_share_and_odd_limits_are_refused() {
        assert_eq!(share(&limits(10, 1, 0), 4), limits(3, 1, 0));
        let mut problems = Vec::new();
        let odd = RateLimits {
            requests_per_minute: Some(0),
            tokens_per_minute: Some(MAX_TOKENS + 1),
            parallel: Some(5),
        };
        check(&odd, "/limits", &mut problems);
        let paths: Vec<_> = problems.iter().map(|it| it.path.as_str()).collect();
        assert_eq!(
            paths,
            ["/limits/requests_per_minute", "/limits/tokens_per_minute"]
        );
    }
}
