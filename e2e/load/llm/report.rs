//! What was measured, as a file and as tables.

use std::time::Duration;

use serde::Serialize;

use crate::{ask::Taken, vendor::EVENTS};

#[derive(Debug, Serialize)]
pub(crate) struct Report {
    pub(crate) cores: usize,
    /// False for a debug build, whose figures say nothing.
    pub(crate) optimised: bool,
    pub(crate) rounds: usize,
    /// Of each cell and round.
    pub(crate) questions: usize,
    pub(crate) cells: Vec<Cell>,
    pub(crate) left: Left,
    pub(crate) open_streams: usize,
    /// Of the whole platform in one process.
    pub(crate) memory: Memory,
    /// Of the service alone.
    pub(crate) memory_of_the_service: Memory,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    Plain,
    /// Plain, of a vendor that takes 20 to 50 ms: little waits for the cores.
    Slow,
    Streamed,
}

impl Kind {
    pub(crate) const ALL: [Self; 3] = [Self::Plain, Self::Slow, Self::Streamed];

    const fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Slow => "slow",
            Self::Streamed => "streamed",
        }
    }
}

/// One kind of question on one way at one concurrency: of each figure the best round, as whatever else a machine does only
/// makes it worse.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Cell {
    pub(crate) kind: Kind,
    pub(crate) concurrency: usize,
    pub(crate) way: &'static str,
    pub(crate) per_s: f64,
    pub(crate) p50_ms: f64,
    pub(crate) p99_ms: f64,
    /// Until the first bytes of the answer.
    pub(crate) first_p50_ms: f64,
    pub(crate) first_p99_ms: f64,
    /// CPU time of the platform for one question, in microseconds.
    pub(crate) cpu_us: f64,
}

#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Memory {
    pub(crate) idle_mb: f64,
    pub(crate) after_load_mb: f64,
    pub(crate) with_open_streams_mb: f64,
}

/// From the moment at which a caller leaves until the vendor is left.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Left {
    pub(crate) p50_ms: f64,
    pub(crate) p99_ms: f64,
}

impl Left {
    pub(crate) fn of(times: Vec<Duration>) -> Self {
        let times = sorted(times.into_iter());
        Self {
            p50_ms: at(&times, 0.5),
            p99_ms: at(&times, 0.99),
        }
    }
}

impl Cell {
    pub(crate) fn new(
        (kind, concurrency, way): (Kind, usize, &'static str),
        taken: &[Taken],
        all: Duration,
        cpu_s: f64,
    ) -> Self {
        let count = taken.len() as f64;
        let whole = sorted(taken.iter().map(|it| it.whole));
        let first = sorted(taken.iter().map(|it| it.first));
        Self {
            kind,
            concurrency,
            way,
            per_s: count / all.as_secs_f64(),
            p50_ms: at(&whole, 0.5),
            p99_ms: at(&whole, 0.99),
            first_p50_ms: at(&first, 0.5),
            first_p99_ms: at(&first, 0.99),
            cpu_us: cpu_s * 1e6 / count,
        }
    }

    pub(crate) fn is_same(&self, other: &Self) -> bool {
        (self.kind, self.concurrency, self.way) == (other.kind, other.concurrency, other.way)
    }

    /// Keeps of each figure the better one.
    pub(crate) fn better(&mut self, other: &Self) {
        self.per_s = self.per_s.max(other.per_s);
        self.p50_ms = self.p50_ms.min(other.p50_ms);
        self.p99_ms = self.p99_ms.min(other.p99_ms);
        self.first_p50_ms = self.first_p50_ms.min(other.first_p50_ms);
        self.first_p99_ms = self.first_p99_ms.min(other.first_p99_ms);
        self.cpu_us = self.cpu_us.min(other.cpu_us);
    }
}

fn sorted(times: impl Iterator<Item = Duration>) -> Vec<f64> {
    let mut times: Vec<_> = times.map(|time| time.as_secs_f64() * 1e3).collect();
    times.sort_by(f64::total_cmp);
    times
}

fn at(times: &[f64], share: f64) -> f64 {
    let place = times.len().saturating_sub(1) as f64 * share;
    times.get(place as usize).copied().unwrap_or_default()
}

impl Report {
    pub(crate) fn print(&self) {
        if !self.optimised {
            println!("\na debug build: these figures say nothing of the gateway");
        }
        println!(
            "\n{:<9}{:>4}  {:<9}{:>9}{:>9}{:>9}{:>9}{:>9}{:>9}{:>10}{:>10}",
            "kind",
            "c",
            "way",
            "per s",
            "p50 ms",
            "p99 ms",
            "first50",
            "first99",
            "cpu us",
            "p50 more",
            "/ direct"
        );
        for cell in &self.cells {
            let direct = self.cell(cell.kind, cell.concurrency, "direct");
            println!(
                "{:<9}{:>4}  {:<9}{:>9.0}{:>9.3}{:>9.3}{:>9.3}{:>9.3}{:>9.0}{:>10.3}{:>10.2}",
                cell.kind.name(),
                cell.concurrency,
                cell.way,
                cell.per_s,
                cell.p50_ms,
                cell.p99_ms,
                cell.first_p50_ms,
                cell.first_p99_ms,
                cell.cpu_us,
                direct.map_or(0.0, |direct| cell.p50_ms - direct.p50_ms),
                direct.map_or(0.0, |direct| cell.per_s / direct.per_s),
            );
        }
        println!();
        for (whose, memory) in [
            ("the whole platform", self.memory),
            ("the service alone", self.memory_of_the_service),
        ] {
            println!(
                "memory of {whose}, MB: {:.0} idle, {:.0} after the load, {:.0} with {} open streams",
                memory.idle_mb,
                memory.after_load_mb,
                memory.with_open_streams_mb,
                self.open_streams
            );
        }
        self.print_targets();
    }

    fn cell(&self, kind: Kind, concurrency: usize, way: &str) -> Option<&Cell> {
        self.cells
            .iter()
            .find(|it| (it.kind, it.concurrency, it.way) == (kind, concurrency, way))
    }

    /// Beside what they should be.
    fn print_targets(&self) {
        println!("\n{:<40}{:>10}{:>12}", "", "target", "found");
        for (name, target, found) in self.targets() {
            let found = found.map_or_else(|| "-".to_owned(), |found| format!("{found:.3}"));
            println!("{name:<40}{target:>10}{found:>12}");
        }
    }

    fn targets(&self) -> [(&'static str, &'static str, Option<f64>); 13] {
        let pair = |kind, concurrency| {
            let direct = self.cell(kind, concurrency, "direct");
            direct.zip(self.cell(kind, concurrency, "gateway"))
        };
        let added = |kind, concurrency, figure: fn(&Cell) -> f64| {
            pair(kind, concurrency).map(|(direct, gateway)| figure(gateway) - figure(direct))
        };
        let cpu = pair(Kind::Plain, 64).map(|(_, gateway)| gateway.cpu_us);
        let streamed = pair(Kind::Streamed, 64).map(|(_, gateway)| gateway.cpu_us);
        let share = pair(Kind::Plain, 64).map(|(direct, gateway)| gateway.per_s / direct.per_s);
        let events = cpu.zip(streamed);
        let event = events.map(|(plain, streamed)| (streamed - plain) / EVENTS as f64);
        let http = self.cell(Kind::Plain, 1, "gateway");
        let nats = self.cell(Kind::Plain, 1, "nats").zip(http);
        let nats = nats.map(|(nats, http)| nats.p50_ms - http.p50_ms);
        let whole = added(Kind::Plain, 1, |cell| cell.p50_ms);
        let slowest = added(Kind::Slow, 16, |cell| cell.p99_ms);
        let first = added(Kind::Streamed, 1, |cell| cell.first_p50_ms);
        let late = added(Kind::Streamed, 1, |cell| cell.first_p99_ms);
        let end = added(Kind::Streamed, 1, |cell| cell.p50_ms);
        [
            ("CPU of a plain question, c=64, us", "<= 120", cpu),
            (
                "questions/s and core, c=64",
                ">= 6000",
                cpu.map(|cpu| 1e6 / cpu),
            ),
            ("rate / direct, c=64", ">= 0.15", share),
            ("added p50, c=1, ms", "<= 0.15", whole),
            ("added p99, c=16, vendor 20-50 ms, ms", "<= 0.8", slowest),
            ("added first token p50, c=1, ms", "<= 0.2", first),
            ("added first token p99, c=1, ms", "<= 1", late),
            ("added time to a stream's end, c=1, ms", "<= 1", end),
            (
                "caller gone until vendor left, p99, ms",
                "<= 100",
                Some(self.left.p99_ms),
            ),
            ("CPU of a streamed event, c=64, us", "<= 4", event),
            ("NATS beyond HTTP, p50, c=1, ms", "<= 0.3", nats),
            (
                "memory of the service, idle, MB",
                "<= 30",
                Some(self.memory_of_the_service.idle_mb),
            ),
            (
                "with 1,000 open streams, MB",
                "<= 80",
                Some(self.memory_of_the_service.with_open_streams_mb),
            ),
        ]
    }
}
