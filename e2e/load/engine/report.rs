//! What was measured, as a file and as tables.

use execution::measure::Measured;
use serde::Serialize;

use crate::{
    flows::Case,
    order::{Spread, Told},
    raw::Raw,
};

#[derive(Debug, Serialize)]
pub(crate) struct Report {
    pub(crate) cores: usize,
    pub(crate) raw: Raw,
    /// The same once more, after the cases.
    pub(crate) raw_after: Raw,
    pub(crate) cases: Vec<Round>,
    /// From the moment an event is recorded until its WebSocket frame is there, by watchers.
    pub(crate) event_to_frame: Vec<(usize, Spread)>,
    /// How late timers are that are due one by one, and twenty thousand that are due at once.
    pub(crate) timers_near: Told,
    pub(crate) timers_at_once: Told,
    pub(crate) fairness: Fairness,
    pub(crate) overload: Overload,
    pub(crate) memory: Vec<Memory>,
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
    pub(crate) beside_a_flood: Spread,
    pub(crate) flood_accepted_per_s: f64,
}

#[derive(Debug, Serialize)]
pub(crate) struct Overload {
    pub(crate) peak_per_s: f64,
    pub(crate) offered_per_s: f64,
    pub(crate) goodput_per_s: f64,
    pub(crate) accepted: Spread,
    pub(crate) refused: Spread,
}

#[derive(Debug, Serialize)]
pub(crate) struct Memory {
    pub(crate) state: &'static str,
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
        println!(
            "\nraw publish-ack per second, 512 B, each written to the disk, {} cores:",
            self.cores
        );
        for (when, raw) in [("before", &self.raw), ("after", &self.raw_after)] {
            println!(
                "  {when:<7} one by one {:>7.0}   100 under way {:>7.0}   on each stream {:>7.0}",
                raw.publish_1by1_per_s,
                raw.publish_pipelined_per_s,
                raw.publish_pipelined_streams_per_s
            );
        }
        println!(
            "\n{:<29}{:>5}{:>9}{:>9}{:>9}{:>9}{:>10}{:>10}",
            "case", "c", "exec/s", "steps/s", "p50 ms", "p99 ms", "publ./ex.", "commit ms"
        );
        for round in &self.cases {
            println!(
                "{:<29}{:>5}{:>9.0}{:>9.0}{:>9.2}{:>9.2}{:>10.3}{:>10.2}",
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
        println!("\nevent to WebSocket frame, the commit included:");
        for (watchers, spread) in &self.event_to_frame {
            println!(
                "  {watchers:>5} watchers: p50 {:.1} ms, p99 {:.1} ms",
                spread.p50_ms, spread.p99_ms
            );
        }
        for (name, told) in [
            ("one by one", &self.timers_near),
            ("all at once", &self.timers_at_once),
        ] {
            let late = told.done;
            println!(
                "{} timers, {name}: p50 {:.1} ms late, p99 {:.1}, the last {:.0}; {} early",
                late.count, late.p50_ms, late.p99_ms, late.max_ms, told.early
            );
        }
        let Fairness {
            per_second,
            alone,
            beside_a_flood,
            flood_accepted_per_s,
        } = &self.fairness;
        println!(
            "{per_second} starts/s: p99 {:.1} ms alone, {:.1} ms beside a flood of which {flood_accepted_per_s:.0}/s were done",
            alone.p99_ms, beside_a_flood.p99_ms
        );
        let over = &self.overload;
        println!(
            "peak {:.0}/s, offered {:.0}/s: {:.0}/s done, p99 {:.0} ms; {} refused, p99 {:.1} ms",
            over.peak_per_s,
            over.offered_per_s,
            over.goodput_per_s,
            over.accepted.p99_ms,
            over.refused.count,
            over.refused.p99_ms
        );
        self.print_memory();
    }

    fn print_memory(&self) {
        for memory in &self.memory {
            println!(
                "{} {} executions: {:.0} bytes each",
                memory.executions, memory.state, memory.bytes_per_execution
            );
        }
    }
}
