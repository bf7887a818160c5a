//! What the load client saw, in the order in which it saw it.
//!
//! **Invariant:** entries are only added, and each is in the file before it is in memory, so a run that is broken off
//! leaves what it knew.

use std::{
    fs::File,
    io::Write,
    path::Path,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use serde::Serialize;
use serde_json::Value;

use crate::{flows::Kind, report::Violation};

/// What the client knows of a request after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Outcome {
    Ok,
    /// Refused: nothing was done.
    Refused,
    /// No answer, or one that leaves open whether it was done.
    Unknown,
}

#[derive(Clone, Debug, Serialize)]
#[serde(tag = "entry", rename_all = "snake_case")]
pub(crate) enum Entry {
    /// A request, with the time from the history's beginning to its sending and to its answer.
    Request {
        op: &'static str,
        run: u64,
        invoked: Duration,
        answered: Duration,
        outcome: Outcome,
        status: Option<u16>,
        execution: Option<String>,
    },
    Fault {
        at: Duration,
        what: String,
    },
}

/// An execution whose start was acknowledged.
#[derive(Clone, Debug)]
pub(crate) struct Run {
    pub(crate) number: u64,
    pub(crate) kind: Kind,
    /// Which of the load's users.
    pub(crate) user: usize,
    pub(crate) execution: String,
    /// What a follower saw, live, with every reconnection, until the terminal event.
    pub(crate) followed: Option<Vec<Value>>,
}

pub(crate) struct History {
    begun: Instant,
    inner: Mutex<Inner>,
}

struct Inner {
    file: File,
    entries: Vec<Entry>,
    runs: Vec<Run>,
    violations: Vec<Violation>,
}

impl History {
    pub(crate) fn open(file: &Path) -> Result<Self> {
        let file = File::create(file).with_context(|| format!("`{}`", file.display()))?;
        Ok(Self {
            begun: Instant::now(),
            inner: Mutex::new(Inner {
                file,
                entries: Vec::new(),
                runs: Vec::new(),
                violations: Vec::new(),
            }),
        })
    }

    pub(crate) fn now(&self) -> Duration {
        self.begun.elapsed()
    }

    pub(crate) fn add(&self, entry: Entry) {
        let mut inner = self.inner();
        let mut line = serde_json::to_vec(&entry).expect("an entry is JSON");
        line.push(b'\n');
        inner.file.write_all(&line).expect("the history is written");
        inner.entries.push(entry);
    }

    pub(crate) fn fault(&self, what: impl Into<String>) {
        let (at, what) = (self.now(), what.into());
        eprintln!("  {:>7.2} s  {what}", at.as_secs_f64());
        self.add(Entry::Fault { at, what });
    }

    pub(crate) fn accepted(&self, run: Run) {
        self.inner().runs.push(run);
    }

    pub(crate) fn followed(&self, number: u64, frames: Vec<Value>) {
        let mut inner = self.inner();
        let run = inner.runs.iter_mut().find(|run| run.number == number);
        if let Some(run) = run {
            run.followed = Some(frames);
        }
    }

    /// What the client itself sees is wrong.
    pub(crate) fn wrong(&self, violation: Violation) {
        self.inner().violations.push(violation);
    }

    pub(crate) fn entries(&self) -> Vec<Entry> {
        self.inner().entries.clone()
    }

    pub(crate) fn runs(&self) -> Vec<Run> {
        self.inner().runs.clone()
    }

    pub(crate) fn violations(&self) -> Vec<Violation> {
        self.inner().violations.clone()
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        // Nothing is half-written when a holder panics.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
