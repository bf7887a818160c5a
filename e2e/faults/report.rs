//! What a run leaves: a file for programs, and a table for people.

use std::{
    fmt::{self, Write as _},
    path::Path,
    time::Duration,
};

use anyhow::Result;
use serde::Serialize;

use crate::{
    check::Counted,
    scenario::{Profile, Scenario},
};

/// Something that may not happen, and did.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Violation {
    /// As `docs/faults.md` numbers them.
    pub(crate) invariant: &'static str,
    pub(crate) run: Option<u64>,
    pub(crate) execution: Option<String>,
    pub(crate) text: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let run = self
            .run
            .map_or_else(String::new, |run| format!(" run {run}"));
        let execution = self.execution.as_deref().unwrap_or_default();
        write!(f, "{}{run} {execution}: {}", self.invariant, self.text)
    }
}

impl Violation {
    pub(crate) fn new(invariant: &'static str, text: impl Into<String>) -> Self {
        Self {
            invariant,
            run: None,
            execution: None,
            text: text.into(),
        }
    }

    pub(crate) fn of_run(self, run: u64) -> Self {
        Self {
            run: Some(run),
            ..self
        }
    }

    pub(crate) fn of_execution(self, execution: &str) -> Self {
        Self {
            execution: Some(execution.to_owned()),
            ..self
        }
    }
}

/// One scenario.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Outcome {
    pub(crate) scenario: &'static str,
    pub(crate) seconds: f64,
    pub(crate) faults: usize,
    pub(crate) starts_ok: usize,
    /// Requests without an answer, or with one that left open what was done.
    pub(crate) unknown: usize,
    pub(crate) internal_errors: usize,
    /// I8: from each fault until every partition has accepted a start that was sent after it.
    pub(crate) recovery_p50_ms: u64,
    pub(crate) recovery_max_ms: u64,
    /// The goal for the slowest.
    pub(crate) recovery_goal_ms: u64,
    /// From healing everything to the end of the last execution.
    pub(crate) settled_ms: u64,
    pub(crate) counted: Counted,
    /// What the scenario itself has to say.
    pub(crate) notes: Vec<String>,
    pub(crate) violations: Vec<Violation>,
}

impl Outcome {
    /// Of a scenario of which nothing is known yet.
    pub(crate) fn of(scenario: Scenario) -> Self {
        Self {
            scenario: scenario.name(),
            recovery_goal_ms: millis(scenario.recovery_goal()),
            ..Self::default()
        }
    }
}

#[derive(Debug, Serialize)]
pub(crate) struct Report {
    pub(crate) seed: u64,
    pub(crate) profile: String,
    pub(crate) seconds: f64,
    /// I7: resident KiB and descriptors, at the beginning and at the end.
    pub(crate) resources: Vec<Resources>,
    pub(crate) outcomes: Vec<Outcome>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Resources {
    pub(crate) process: &'static str,
    pub(crate) kib: (u64, u64),
    pub(crate) descriptors: (usize, usize),
}

impl Report {
    pub(crate) fn new(profile: Profile, seed: u64) -> Self {
        Self {
            seed,
            profile: profile.name().to_owned(),
            seconds: 0.0,
            resources: Vec::new(),
            outcomes: Vec::new(),
        }
    }

    pub(crate) fn violations(&self) -> usize {
        self.outcomes
            .iter()
            .map(|outcome| outcome.violations.len())
            .sum()
    }

    pub(crate) fn write(&self, folder: &Path) -> Result<()> {
        std::fs::write(folder.join("report.json"), serde_json::to_vec_pretty(self)?)?;
        std::fs::write(folder.join("report.txt"), self.text())?;
        Ok(())
    }

    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        self.write_to(&mut text)
            .expect("writing to a string cannot fail");
        text
    }

    fn write_to(&self, text: &mut String) -> std::fmt::Result {
        writeln!(
            text,
            "faults {} with seed {}, {:.0} s",
            self.profile, self.seed, self.seconds
        )?;
        let columns = "scenario      faults  runs  events  followed  unknown  repeated  recovery p50/max  goal, ms  settled  violations";
        writeln!(text, "{columns}")?;
        for outcome in &self.outcomes {
            let counted = &outcome.counted;
            writeln!(
                text,
                "{:<13} {:>6} {:>5} {:>7} {:>9} {:>8} {:>9} {:>9} / {:>5} {:>9} {:>8} {:>11}",
                outcome.scenario,
                outcome.faults,
                counted.runs,
                counted.events,
                counted.followed,
                outcome.unknown,
                counted.repeated_effects,
                outcome.recovery_p50_ms,
                outcome.recovery_max_ms,
                outcome.recovery_goal_ms,
                outcome.settled_ms,
                outcome.violations.len(),
            )?;
        }
        for outcome in &self.outcomes {
            for note in &outcome.notes {
                writeln!(text, "{}: {note}", outcome.scenario)?;
            }
        }
        for used in &self.resources {
            let (kib, descriptors) = (used.kib, used.descriptors);
            writeln!(
                text,
                "{:<12} {:>6} → {:>6} MiB, {:>4} → {:>4} descriptors",
                used.process,
                kib.0 / 1024,
                kib.1 / 1024,
                descriptors.0,
                descriptors.1
            )?;
        }
        for outcome in &self.outcomes {
            for violation in &outcome.violations {
                writeln!(text, "VIOLATION {} {violation}", outcome.scenario)?;
            }
        }
        Ok(())
    }
}

pub(crate) fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
