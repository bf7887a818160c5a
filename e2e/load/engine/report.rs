//! What was measured, as a file and as tables.

use execution::measure::Measured;
use serde::{Deserialize, Serialize};

use crate::{
    flows::Case,
    order::{Spread, Told},
    raw::Raw,
};

/// What was not asked for is absent.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Report {
    pub(crate) cores: usize,
    pub(crate) raw: Option<Raw>,
    /// The same once more, after the cases.
    pub(crate) raw_after: Option<Raw>,
    pub(crate) cases: Vec<Round>,
    pub(crate) event_to_frame: Vec<Watched>,
    /// How late timers are, by how they are due.
    pub(crate) timers: Vec<(&'static str, Told)>,
    pub(crate) fairness: Option<Fairness>,
    pub(crate) overload: Option<Overload>,
    pub(crate) memory: Vec<Memory>,
}

/// From the moment an event is recorded until its WebSocket frame is there.
#[derive(Debug, Serialize)]
pub(crate) struct Watched {
    pub(crate) watchers: usize,
    /// Each is followed by as many.
    pub(crate) executions: usize,
    pub(crate) late: Spread,
}

/// One case at one concurrency.
#[derive(Debug, Serialize)]
pub(crate) struct Round {
    pub(crate) case: &'static str,
    pub(crate) concurrency: usize,
    pub(crate) executions: usize,
    pub(crate) executions_per_s: f64,
    pub(crate) steps_per_s: f64,
    pub(crate) p50_ms: f64,
    pub(crate) p99_ms: f64,
    /// Messages that JetStream stored, of every kind; each is written to the disk before it is acknowledged.
    pub(crate) publishes_per_execution: f64,
    pub(crate) fsync: &'static str,
    pub(crate) executions_per_commit: f64,
    pub(crate) bytes_per_commit: f64,
    pub(crate) commit_wait_ms: f64,
    /// Of the owners' work per execution: reading requests and applying the core.
    pub(crate) apply_us: f64,
    /// Writing records as JSON.
    pub(crate) encode_us: f64,
    /// Answers, live frames, header rows.
    pub(crate) perform_us: f64,
}

#[derive(Debug, Serialize)]
pub(crate) struct Fairness {
    /// Starts per second of the one whose times are looked at; the other has a hundred times as many.
    pub(crate) per_second: u32,
    pub(crate) alone: Spread,
    /// Beside as many requests that the NATS server answers itself: what the load takes of the same cores.
    pub(crate) beside_knocks: Spread,
    pub(crate) beside_a_flood: Spread,
    pub(crate) flood_accepted_per_s: f64,
}

#[derive(Debug, Serialize)]
pub(crate) struct Overload {
    pub(crate) peak_per_s: f64,
    /// The peak beside as many requests that the NATS server answers itself, and the times of these answers.
    pub(crate) peak_beside_knocks_per_s: f64,
    pub(crate) knocks: Spread,
    pub(crate) offered_per_s: f64,
    pub(crate) goodput_per_s: f64,
    pub(crate) accepted: Spread,
    pub(crate) refused: Spread,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Memory {
    pub(crate) state: String,
    pub(crate) executions: usize,
    pub(crate) bytes_per_execution: f64,
    pub(crate) started_per_s: f64,
}

impl Round {
    pub(crate) fn new(
        case: Case,
        concurrency: usize,
        told: &Told,
        stored: u64,
        counted: &Measured,
    ) -> Self {
        let count = told.done.count as f64;
        let commits = counted.commits.max(1) as f64;
        let each = |time: std::time::Duration| time.as_secs_f64() * 1e6 / count;
        Self {
            case: case.name(),
            concurrency,
            executions: told.done.count,
            executions_per_s: count / told.seconds,
            steps_per_s: count * case.steps() as f64 / told.seconds,
            p50_ms: told.done.p50_ms,
            p99_ms: told.done.p99_ms,
            publishes_per_execution: stored as f64 / count,
            fsync: "each publish",
            executions_per_commit: count / commits,
            bytes_per_commit: counted.bytes as f64 / commits,
            commit_wait_ms: counted.committing.as_secs_f64() * 1e3 / commits,
            apply_us: each(counted.taking.saturating_sub(counted.encoding)),
            encode_us: each(counted.encoding),
            perform_us: each(counted.performing),
        }
    }
}

impl Report {
    pub(crate) fn print(&self) {
        for (when, raw) in [("before", &self.raw), ("after", &self.raw_after)] {
            let Some(raw) = raw else { continue };
            println!(
                "raw publish-ack per second, 512 B, each written to the disk, {} cores, {when}: one by one {:.0}, 100 under way {:.0}, on each stream {:.0}",
                self.cores,
                raw.publish_1by1_per_s,
                raw.publish_pipelined_per_s,
                raw.publish_pipelined_streams_per_s
            );
        }
        self.print_cases();
        for Watched {
            watchers,
            executions,
            late,
        } in &self.event_to_frame
        {
            println!(
                "event to WebSocket frame, the commit included, {watchers:>5} watchers of {executions:>3}: p50 {:.1} ms, p99 {:.1} ms",
                late.p50_ms, late.p99_ms
            );
        }
        for (name, told) in &self.timers {
            let late = told.done;
            println!(
                "{} timers, {name}: p50 {:.1} ms late, p99 {:.1}, the last {:.0}; {} early",
                late.count, late.p50_ms, late.p99_ms, late.max_ms, told.early
            );
        }
        if let Some(fairness) = &self.fairness {
            println!(
                "{} starts/s: p99 {:.1} ms alone, {:.1} ms beside as many requests to nobody, {:.1} ms beside a flood of which {:.0}/s were done",
                fairness.per_second,
                fairness.alone.p99_ms,
                fairness.beside_knocks.p99_ms,
                fairness.beside_a_flood.p99_ms,
                fairness.flood_accepted_per_s
            );
        }
        if let Some(over) = &self.overload {
            println!(
                "peak {:.0}/s, {:.0}/s beside as many requests to nobody (answered by the server, p99 {:.1} ms), offered {:.0}/s: {:.0}/s done, p99 {:.0} ms; {} refused, p99 {:.1} ms",
                over.peak_per_s,
                over.peak_beside_knocks_per_s,
                over.knocks.p99_ms,
                over.offered_per_s,
                over.goodput_per_s,
                over.accepted.p99_ms,
                over.refused.count,
                over.refused.p99_ms
            );
        }
        for memory in &self.memory {
            println!(
                "{} {} executions: {:.0} bytes each",
                memory.executions, memory.state, memory.bytes_per_execution
            );
        }
    }

    fn print_cases(&self) {
        if self.cases.is_empty() {
            return;
        }
        println!(
            "\n{:<33}{:>5}{:>9}{:>9}{:>9}{:>9}{:>10}{:>10}",
            "case", "c", "exec/s", "steps/s", "p50 ms", "p99 ms", "publ./ex.", "commit ms"
        );
        for round in &self.cases {
            println!(
                "{:<33}{:>5}{:>9.0}{:>9.0}{:>9.2}{:>9.2}{:>10.3}{:>10.2}",
                round.case,
                round.concurrency,
                round.executions_per_s,
                round.steps_per_s,
                round.p50_ms,
                round.p99_ms,
                round.publishes_per_execution,
                round.commit_wait_ms
            );
        }
        println!();
    }
}
