//! How fast the engine is, beside the raw publish rate of the same server in the same run.
//!
//! Everything is real: a `nats-server` that syncs each acknowledged message to the disk, PostgreSQL, MongoDB, header rows,
//! archive, live frames. Every message that JetStream stored is counted, leases included. Whoever starts executions and
//! follows them is a process of its own.

use std::{num::NonZeroU32, process::Stdio, time::Duration};

use anyhow::{Context, Result, ensure};
use async_nats::jetstream;
use bus::Bucket;
use clap::Parser;
use contracts::{
    Principal, Problem,
    auth::{RedeemTicket, RedeemedTicket},
    id::ExecutionId,
    subject::partition_of,
};
use execution::measure::measured;
use futures::StreamExt;
use kernel::Ctx;
use serde::de::DeserializeOwned;
use tokio::process::Command;

use crate::{
    flows::Case,
    host::{Host, PARTITIONS},
    order::{Order, Told, Work},
    raw::Raw,
    report::{Fairness, Memory, Overload, Report, Round, Watched},
};

mod client;
mod flows;
#[path = "../host.rs"]
mod host;
mod order;
mod raw;
mod report;

const DEADLINE: Duration = Duration::from_secs(60);
/// The word that makes this program the load generator.
const CLIENT: &str = "client";
/// The word that makes it measure the memory of executions in one state.
const MEMORY: &str = "memory";
/// Waves of executions whose memory is measured, beside a first one.
const WAVES: usize = 20;
/// Executions that a partition has open at most, where it is to be overloaded.
const FEW_OPEN: usize = 250;

#[derive(Parser)]
struct Options {
    /// A hundredth of everything: to see that it works
    #[arg(long)]
    quick: bool,
    /// Only these parts; everything when absent
    #[arg(long, value_delimiter = ',')]
    only: Vec<Part>,
    /// Only these cases, as `inline,heavy,fan,map,within`; all when absent
    #[arg(long, value_delimiter = ',')]
    cases: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Part {
    /// Executions per second by case and concurrency, beside raw publishes
    Cases,
    /// From an event to its WebSocket frame
    Watchers,
    /// How late timers are
    Timers,
    /// One organization beside another that floods
    Fairness,
    /// Ten times the load that can be done
    Overload,
    /// Bytes per execution
    Memory,
}

#[tokio::main]
async fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [word, order] = arguments.as_slice()
        && word == CLIENT
    {
        let told = client::run(serde_json::from_str(order)?).await?;
        println!("{}", serde_json::to_string(&told)?);
        return Ok(());
    }
    egress::install_tls();
    if let [word, state, executions] = arguments.as_slice()
        && word == MEMORY
    {
        let case = Case::ALL.into_iter().find(|case| case.name() == state);
        let case = case.context("there is no such case")?;
        let found = memory(case, executions.parse()?).await?;
        println!("{}", serde_json::to_string(&found)?);
        return Ok(());
    }
    let options = Options::parse();
    let report = measure(&options).await?;
    report.print();
    let path = std::path::Path::new("target/bench/engine.json");
    std::fs::create_dir_all("target/bench")?;
    std::fs::write(path, serde_json::to_vec_pretty(&report)?)?;
    println!("\nwritten to {}", path.display());
    Ok(())
}

async fn measure(options: &Options) -> Result<Report> {
    // Counts are divided by it.
    let scale = if options.quick { 100 } else { 1 };
    let wanted = |part| options.only.is_empty() || options.only.contains(&part);
    let mut report = Report {
        cores: std::thread::available_parallelism()?.get(),
        ..Report::default()
    };
    let bench = Bench::start(unlimited()).await?;
    if wanted(Part::Cases) {
        report.raw = Some(Raw::measure(&bench.jetstream, PARTITIONS.into()).await?);
        report.cases = bench.cases(scale, &options.cases).await?;
        report.raw_after = Some(Raw::measure(&bench.jetstream, PARTITIONS.into()).await?);
    }
    if wanted(Part::Watchers) {
        report.event_to_frame = bench.watched(1_000 / scale.min(10)).await?;
    }
    if wanted(Part::Timers) {
        report.timers = bench.timers(scale).await?;
    }
    bench.end().await;
    // Before the floods: the archive has much to do after them.
    if wanted(Part::Memory) {
        for (case, executions) in [(Case::Parked, 20_000), (Case::Active, 10_000)] {
            report
                .memory
                .push(memory_of(case, executions / scale).await?);
        }
    }
    if wanted(Part::Fairness) {
        let bench = Bench::start(execution::EngineConfig::default()).await?;
        report.fairness = Some(bench.fairness(scale).await?);
        bench.end().await;
    }
    if wanted(Part::Overload) {
        report.overload = Some(overload(scale).await?);
    }
    Ok(report)
}

/// All the load is of one organization.
fn unlimited() -> execution::EngineConfig {
    execution::EngineConfig {
        engine_starts_per_second: 0,
        ..execution::EngineConfig::default()
    }
}

/// Ten times what an engine with little room does.
async fn overload(scale: usize) -> Result<Overload> {
    let config = execution::EngineConfig {
        engine_max_open: FEW_OPEN,
        ..unlimited()
    };
    let bench = Bench::start(config).await?;
    let peak = bench
        .round(Case::Heavy, 100, 3_000 / scale)
        .await?
        .executions_per_s;
    let (per_second, seconds) = ((peak * 10.0) as u32, 10);
    let knocks = Work::Knock {
        per_second,
        seconds,
    };
    // They end before the requests to nobody do, if the engine still does half of what it does alone.
    let beside = (peak * f64::from(seconds) / 2.0) as usize;
    let (beside, knocks) = tokio::join!(
        bench.round(Case::Heavy, 100, beside.max(10)),
        bench.order(Case::Heavy, knocks)
    );
    let told = bench
        .order(
            Case::Heavy,
            Work::Open {
                per_second,
                seconds,
            },
        )
        .await?;
    bench.end().await;
    Ok(Overload {
        peak_per_s: peak,
        peak_beside_knocks_per_s: beside?.executions_per_s,
        knocks: knocks?.refused,
        offered_per_s: (told.done.count + told.refused.count) as f64 / f64::from(seconds),
        goodput_per_s: told.done.count as f64 / told.seconds,
        accepted: told.done,
        refused: told.refused,
    })
}

/// What a process of its own finds: what another engine gave back before would not be asked for again.
async fn memory_of(case: Case, executions: usize) -> Result<Memory> {
    told_by(&[MEMORY, case.name(), &executions.to_string()]).await
}

/// What this program says as another process.
async fn told_by<T: DeserializeOwned>(arguments: &[&str]) -> Result<T> {
    let mut child = Command::new(std::env::current_exe()?);
    child
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .kill_on_drop(true);
    // What it says on standard error is for whoever looks on.
    let told = child.spawn()?.wait_with_output().await?;
    ensure!(told.status.success(), "`{}`: {}", arguments[0], told.status);
    serde_json::from_slice(&told.stdout).context("what another process says")
}

/// What the process of a new engine grows by, from wave to wave: what the first one needs to begin and to leave memory is
/// there for the others.
async fn memory(case: Case, executions: usize) -> Result<Memory> {
    let leaves = case == Case::Parked;
    let config = execution::EngineConfig {
        engine_park_after_ms: if leaves { 100 } else { u32::MAX },
        ..unlimited()
    };
    let bench = Bench::start(config).await?;
    let wave = (executions / WAVES).max(1);
    let (mut before, mut seconds) = (0, 0.0);
    for n in 0..=WAVES {
        let (concurrency, executions) = (200, wave);
        let work = Work::Begin {
            concurrency,
            executions,
        };
        let parked = measured().parked;
        let told = bench.order(case, work).await?;
        if leaves {
            let all = parked + wave as u64;
            testkit::eventually(DEADLINE, async || (measured().parked >= all).then_some(())).await;
        }
        match n {
            0 => before = resident()?,
            _ => seconds += told.seconds,
        }
    }
    let executions = WAVES * wave;
    let grown = resident()?.saturating_sub(before);
    bench.end().await;
    Ok(Memory {
        state: case.name().to_owned(),
        executions,
        bytes_per_execution: grown as f64 / executions as f64,
        started_per_s: executions as f64 / seconds,
    })
}

struct Bench {
    host: Host,
    url: String,
    jetstream: jetstream::Context,
}

impl Bench {
    async fn start(config: execution::EngineConfig) -> Result<Self> {
        let (host, url) = Host::start_with(config).await?;
        let flows = host.engine.kv(Bucket::FlowDef).await?;
        for case in Case::ALL {
            let definition = serde_json::to_vec(&case.executable()?)?;
            flows.put(case.hash(), definition.into()).await?;
        }
        let jetstream = jetstream::new(async_nats::connect(&url).await?);
        let bench = Self {
            host,
            url,
            jetstream,
        };
        bench.wait_for_owners().await;
        Ok(bench)
    }

    async fn end(self) {
        self.host.running.drain().await;
    }

    async fn wait_for_owners(&self) {
        for partition in 0..PARTITIONS {
            let mut ids = std::iter::repeat_with(ExecutionId::generate);
            let id = ids.find(|id| partition_of(*id, PARTITIONS) == partition);
            let get = contracts::owner::Get {
                tenant: self.host.user.tenant,
                execution_id: id.expect("ids without end"),
            };
            testkit::eventually(DEADLINE, async || {
                let answer = self.host.driver.ask_owner(&get, DEADLINE).await;
                let problem = answer.err()?;
                (problem.code == contracts::ErrorCode::NotFound).then_some(())
            })
            .await;
        }
    }

    async fn order(&self, case: Case, work: Work) -> Result<Told> {
        self.order_of(&self.host.user, case, work).await
    }

    /// Has a load generator do it.
    async fn order_of(&self, user: &Principal, case: Case, work: Work) -> Result<Told> {
        eprintln!("  {}: {work:?}", case.name());
        let order = Order {
            url: self.url.clone(),
            user: user.clone(),
            hash: case.hash().to_owned(),
            work,
        };
        told_by(&[CLIENT, &serde_json::to_string(&order)?]).await
    }

    async fn round(&self, case: Case, concurrency: usize, executions: usize) -> Result<Round> {
        let (counted, stored) = (measured(), self.stored().await?);
        let work = Work::Closed {
            concurrency,
            executions,
        };
        let told = self.order(case, work).await?;
        let (counted, stored) = (measured().since(counted), self.stored().await? - stored);
        Ok(Round::new(case, concurrency, &told, stored, &counted))
    }

    async fn cases(&self, scale: usize, only: &[String]) -> Result<Vec<Round>> {
        // Caches fill and connections open.
        self.round(Case::Inline, 100, 10_000 / scale).await?;
        let mut rounds = Vec::new();
        for (case, most) in [
            (Case::Inline, 20_000),
            (Case::Heavy, 4_000),
            (Case::Fan, 1_000),
            (Case::Map, 100),
            (Case::SubFlow, 4_000),
        ] {
            if !only.is_empty() && !only.iter().any(|name| name == case.hash()) {
                continue;
            }
            for concurrency in [1, 100, 1_000] {
                let few = if concurrency == 1 { 20 } else { 1 };
                let executions = (most / few / scale).max(10);
                rounds.push(self.round(case, concurrency, executions).await?);
            }
        }
        Ok(rounds)
    }

    /// Timers that are due one by one, and many that are due at once.
    async fn timers(&self, scale: usize) -> Result<Vec<(&'static str, Told)>> {
        let near = Work::Timers {
            executions: 2_000 / scale,
            from: Duration::from_secs(2),
            to: Duration::from_secs(7),
        };
        let ahead = Duration::from_secs(if scale == 1 { 20 } else { 3 });
        let at_once = Work::Timers {
            executions: 20_000 / scale,
            from: ahead,
            to: ahead,
        };
        Ok(vec![
            ("one by one", self.order(Case::Timer, near).await?),
            ("all at once", self.order(Case::Timer, at_once).await?),
        ])
    }

    /// Messages ever stored, in all streams and buckets.
    async fn stored(&self) -> Result<u64> {
        let mut streams = self.jetstream.streams();
        let mut sum = 0;
        while let Some(stream) = streams.next().await {
            sum += stream?.state.last_sequence;
        }
        Ok(sum)
    }

    async fn watched(&self, most: usize) -> Result<Vec<Watched>> {
        let runtime = testkit::runtime(&self.host.engine).await;
        let auth = kernel::Service::new("auth", self.host.user.clone()).on(redeem_ticket);
        let auth = auth.start(&runtime).await?;
        // All sockets come from this machine.
        let config = gateway::Config {
            rate_per_address: NonZeroU32::MAX,
            rate_per_tenant: NonZeroU32::MAX,
            ..gateway::Config::loopback()
        };
        let gateway = gateway::serve(config, &runtime, Vec::new())?;
        let mut all = Vec::new();
        for (watchers, executions) in [(1, 1), (100, 1), (most, most / 20), (most, 1)] {
            let work = Work::Watch {
                gateway: gateway.address().to_string(),
                watchers,
                executions,
            };
            all.push(Watched {
                watchers,
                executions,
                late: self.order(Case::Ticking, work).await?.done,
            });
        }
        gateway.drain().await;
        auth.drain().await;
        Ok(all)
    }

    /// One tenant's times alone, and beside another that starts a hundred times as much.
    async fn fairness(&self, scale: usize) -> Result<Fairness> {
        let (per_second, seconds) = (50, 10);
        let many = per_second * 100 / u32::try_from(scale.min(10))?;
        let flood = Work::Open {
            per_second: many,
            seconds,
        };
        let knocks = Work::Knock {
            per_second: many,
            seconds,
        };
        let calm = || Work::Open {
            per_second,
            seconds,
        };
        let alone = self.order(Case::Inline, calm()).await?;
        let (beside_knocks, knocks) = tokio::join!(
            self.order(Case::Inline, calm()),
            self.order_of(&self.host.other, Case::Inline, knocks)
        );
        knocks?;
        let (beside, flood) = tokio::join!(
            self.order(Case::Inline, calm()),
            self.order_of(&self.host.other, Case::Inline, flood)
        );
        let flood = flood?;
        Ok(Fairness {
            per_second,
            alone: alone.done,
            beside_knocks: beside_knocks?.done,
            beside_a_flood: beside?.done,
            flood_accepted_per_s: flood.done.count as f64 / flood.seconds,
        })
    }
}

/// Every ticket is good: no ticket is asked for.
async fn redeem_ticket(ctx: Ctx<Principal>, _: RedeemTicket) -> Result<RedeemedTicket, Problem> {
    let access_token = testkit::token(&ctx.state);
    Ok(RedeemedTicket { access_token })
}

/// Bytes of memory that this process has.
fn resident() -> Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let kib: u64 = line
        .and_then(|line| line.split_whitespace().nth(1))
        .and_then(|text| text.parse().ok())
        .context("no VmRSS in /proc/self/status")?;
    Ok(kib * 1024)
}
