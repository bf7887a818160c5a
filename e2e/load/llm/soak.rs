//! The same rate for a long time: nothing may fail, and memory may not grow.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use e2e::Served;
use serde::Serialize;
use tokio::{task::JoinSet, time::Instant};

use crate::{Bench, SERVICE, ask::Asker, report::Kind, resident};

/// Time between two looks at the memory.
const LOOK: Duration = Duration::from_secs(10);
/// Tokens end after ten minutes.
const FRESH: Duration = Duration::from_secs(5 * 60);
/// The first part, in which caches and pools fill.
const WARM: f64 = 0.1;
/// How far memory may be from its middle.
const FLAT: f64 = 0.05;

#[derive(Debug, Serialize)]
pub(crate) struct Soak {
    minutes: u64,
    per_s: u32,
    questions: u64,
    errors: u64,
    p50_ms: f64,
    p99_ms: f64,
    /// Of the service that is asked, in a process of its own; it has to be flat.
    service: Memory,
    /// Of the rest of the platform, which checks who asks, counts the money and keeps the records.
    platform: Memory,
}

/// Megabytes, after the first tenth of the time.
#[derive(Debug, Serialize)]
struct Memory {
    least: f64,
    most: f64,
    last: f64,
}

/// What the questions have come to.
#[derive(Default)]
struct Sums {
    questions: AtomicU64,
    errors: AtomicU64,
}

impl Bench {
    /// Half of the questions are streamed; half go by a route under a budget.
    pub(crate) async fn soak(&self, minutes: u64, per_s: u32) -> Result<Soak> {
        let whole = Duration::from_secs(minutes * 60);
        let service = self.platform.serve(SERVICE).await;
        let (begun, sums) = (Instant::now(), Arc::new(Sums::default()));
        let (mut askers, mut fresh) = (self.shared(&service).await?, Instant::now());
        let mut ticks = tokio::time::interval(Duration::from_secs(1) / per_s);
        let (mut asked, mut memory, mut look) = (JoinSet::new(), Vec::new(), begun);
        let (mut times, mut n) = (Vec::new(), 0);
        while begun.elapsed() < whole {
            ticks.tick().await;
            if fresh.elapsed() > FRESH {
                (askers, fresh) = (self.shared(&service).await?, Instant::now());
            }
            let (asker, sums) = (askers[n / 2 % 2].clone(), sums.clone());
            let kind = [Kind::Plain, Kind::Streamed][n % 2];
            asked.spawn(async move { sums.ask(&asker, kind).await });
            n += 1;
            while let Some(taken) = asked.try_join_next() {
                times.extend(taken?);
            }
            if look.elapsed() >= LOOK {
                look = Instant::now();
                let is_warm = begun.elapsed() > whole.mul_f64(WARM);
                let processes = [service.process_id(), self.platform.process_id()];
                memory.extend(is_warm.then_some(processes.map(resident)));
            }
        }
        while let Some(taken) = asked.join_next().await {
            times.extend(taken?);
        }
        times.sort_by(f64::total_cmp);
        let at = |share: f64| times.get((times.len() as f64 * share) as usize).copied();
        let (service, platform) = memory.into_iter().map(<(_, _)>::from).unzip();
        Ok(Soak {
            minutes,
            per_s,
            questions: sums.questions.load(Relaxed),
            errors: sums.errors.load(Relaxed),
            p50_ms: at(0.5).unwrap_or_default(),
            p99_ms: at(0.99).unwrap_or_default(),
            service: Memory::of(service)?,
            platform: Memory::of(platform)?,
        })
    }

    async fn shared(&self, service: &Served) -> Result<[Arc<Asker>; 2]> {
        Ok(self.askers(&service.url()).await?.map(Arc::new))
    }
}

impl Memory {
    fn of(looks: Vec<Result<f64>>) -> Result<Self> {
        let looks: Vec<f64> = looks.into_iter().collect::<Result<_>>()?;
        Ok(Self {
            least: looks.iter().copied().fold(f64::INFINITY, f64::min),
            most: looks.iter().copied().fold(0.0, f64::max),
            last: *looks.last().context("too short to look at the memory")?,
        })
    }

    /// How far it is from its middle, as a share.
    fn off(&self) -> f64 {
        let middle = f64::midpoint(self.least, self.most);
        (self.most - middle) / middle
    }
}

impl Sums {
    /// Milliseconds; none where it failed.
    async fn ask(&self, asker: &Asker, kind: Kind) -> Option<f64> {
        self.questions.fetch_add(1, Relaxed);
        match asker.ask(kind).await {
            Ok(taken) => Some(taken.whole.as_secs_f64() * 1e3),
            Err(error) => {
                self.errors.fetch_add(1, Relaxed);
                eprintln!("  {error:#}");
                None
            }
        }
    }
}

impl Soak {
    /// # Errors
    /// When a question failed or memory was not flat.
    pub(crate) fn judge(&self) -> Result<()> {
        println!(
            "{} questions in {} minutes, {} errors, p50 {:.2} ms, p99 {:.2} ms",
            self.questions, self.minutes, self.errors, self.p50_ms, self.p99_ms,
        );
        for (whose, memory) in [("service", &self.service), ("platform", &self.platform)] {
            println!(
                "memory of the {whose}: {:.1} to {:.1} MB (± {:.1} %), {:.1} at the end",
                memory.least,
                memory.most,
                memory.off() * 100.0,
                memory.last
            );
        }
        ensure!(self.errors == 0, "{} questions failed", self.errors);
        ensure!(self.service.off() <= FLAT, "memory is not flat");
        Ok(())
    }
}
