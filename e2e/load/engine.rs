//! How fast the engine is: flows of five inline steps, started over the bus, beside the raw publish rate of the same
//! server in the same run.
//!
//! Everything is real: a `nats-server` that syncs each acknowledged message to the disk, PostgreSQL, MongoDB, header rows,
//! archive, live frames. Every message that JetStream stored is counted, leases included.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use async_nats::jetstream;
use bus::Bucket;
use contracts::{
    execution::{ExecutionState, Origin},
    flow::Executable,
    id::{ExecutionId, FlowId},
    owner::Start,
};
use execution::measure::{Measured, measured};
use futures::{StreamExt, stream};
use serde::Serialize;
use serde_json::json;

use crate::host::{Host, PARTITIONS};

mod host;

/// Bytes of text that each step passes on.
const TEXT: usize = 400;
const HASH: &str = "bench";
const DEADLINE: Duration = Duration::from_secs(30);

/// One measured round.
#[derive(Debug, Serialize)]
struct Round {
    concurrency: usize,
    executions: usize,
    seconds: f64,
    executions_per_second: f64,
    steps_per_second: f64,
    p50_ms: f64,
    p99_ms: f64,
    /// Messages that JetStream stored, of every kind.
    publishes_per_execution: f64,
    commits: u64,
    executions_per_commit: f64,
    bytes_per_commit: f64,
    commit_wait_ms: f64,
    /// Of the owners' work per execution: reading requests and applying the core.
    apply_us: f64,
    /// Writing records as JSON.
    encode_us: f64,
    /// Answers, live frames, header rows.
    perform_us: f64,
}

#[derive(Debug, Serialize)]
struct Report {
    cores: usize,
    /// Acknowledged publishes per second on one stream, 100 under way, before and after.
    raw_one_stream: [f64; 2],
    /// The same over as many streams as there are partitions.
    raw_streams: f64,
    /// One publish after the other.
    raw_sequential: f64,
    rounds: Vec<Round>,
}

#[tokio::main]
async fn main() -> Result<()> {
    egress::install_tls();
    let bench = Bench::start().await?;
    let raw_sequential = bench.raw(1, 1).await?;
    let before = bench.raw(1, 100).await?;
    let mut rounds = Vec::new();
    bench.round(100, 500).await?;
    for (concurrency, executions) in [(1, 1000), (100, 20_000)] {
        rounds.push(bench.round(concurrency, executions).await?);
    }
    let after = bench.raw(1, 100).await?;
    let raw_streams = bench.raw(PARTITIONS.into(), 100).await?;
    let report = Report {
        cores: std::thread::available_parallelism()?.get(),
        raw_one_stream: [before, after],
        raw_streams,
        raw_sequential,
        rounds,
    };
    print(&report);
    let path = std::path::Path::new("target/bench/engine.json");
    std::fs::create_dir_all("target/bench")?;
    std::fs::write(path, serde_json::to_vec_pretty(&report)?)?;
    println!("\nwritten to {}", path.display());
    bench.host.running.drain().await;
    Ok(())
}

struct Bench {
    host: Host,
    jetstream: jetstream::Context,
    start: Start,
}

impl Bench {
    async fn start() -> Result<Self> {
        let (host, url) = Host::start().await?;
        let flows = host.engine.kv(Bucket::FlowDef).await?;
        flows
            .put(HASH, serde_json::to_vec(&flow()?)?.into())
            .await?;
        let client = async_nats::connect(url).await?;
        let bench = Self {
            jetstream: jetstream::new(client),
            start: Start {
                tenant: host.user.tenant,
                execution_id: ExecutionId::generate(),
                origin: Origin::flow(FlowId::generate(), Some(1)),
                parent: None,
                notify: false,
                definition_hash: HASH.into(),
                input: json!({"text": "x".repeat(TEXT), "n": 1}),
                vars: json!({}),
                principal: host.user.clone(),
            },
            host,
        };
        bench.wait_for_owners().await;
        Ok(bench)
    }

    async fn wait_for_owners(&self) {
        for partition in 0..PARTITIONS {
            testkit::eventually(DEADLINE, async || {
                let mut start = self.start.clone();
                start.execution_id = ExecutionId::generate();
                let its = contracts::subject::partition_of(start.execution_id, PARTITIONS);
                let answer = self.host.driver.ask_owner(&start, DEADLINE).await;
                (its == partition && answer.is_ok()).then_some(())
            })
            .await;
        }
    }

    async fn round(&self, concurrency: usize, executions: usize) -> Result<Round> {
        let (counted, stored) = (measured(), self.stored().await?);
        let begun = Instant::now();
        let mut times: Vec<Duration> = stream::iter(0..executions)
            .map(|_| self.execute())
            .buffer_unordered(concurrency)
            .collect::<Vec<_>>()
            .await
            .into_iter()
            .collect::<Result<_>>()?;
        let took = begun.elapsed().as_secs_f64();
        let (counted, stored) = (measured().since(counted), self.stored().await? - stored);
        times.sort_unstable();
        Ok(Round::new(concurrency, &times, took, stored, &counted))
    }

    /// Until the end of the execution is stored.
    async fn execute(&self) -> Result<Duration> {
        let mut start = self.start.clone();
        start.execution_id = ExecutionId::generate();
        let begun = Instant::now();
        let accepted = self.host.driver.ask_owner(&start, DEADLINE).await?;
        ensure!(
            accepted.state == ExecutionState::Succeeded,
            "an execution is {:?}",
            accepted.state
        );
        Ok(begun.elapsed())
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

    /// Acknowledged publishes of 512 bytes per second.
    async fn raw(&self, streams: usize, window: usize) -> Result<f64> {
        for stream in 0..streams {
            let config = jetstream::stream::Config {
                name: format!("RAW_{stream}"),
                subjects: vec![format!("raw.{stream}")],
                ..jetstream::stream::Config::default()
            };
            self.jetstream.create_stream(config).await?;
        }
        let (begun, until) = (Instant::now(), Instant::now() + Duration::from_secs(3));
        let published = stream::iter(0..)
            .take_while(|_| std::future::ready(Instant::now() < until))
            .map(|n: usize| async move {
                let subject = format!("raw.{}", n % streams);
                let sent = self
                    .jetstream
                    .publish(subject, vec![b'x'; 512].into())
                    .await;
                sent?.await?;
                Ok::<_, async_nats::Error>(())
            })
            .buffer_unordered(window * streams)
            .fold((0_u32, 0_u32), async |(done, failed), sent| match sent {
                Ok(()) => (done + 1, failed),
                Err(_) => (done, failed + 1),
            })
            .await;
        let took = begun.elapsed().as_secs_f64();
        ensure!(published.1 == 0, "{} raw publishes failed", published.1);
        for stream in 0..streams {
            self.jetstream
                .delete_stream(format!("RAW_{stream}"))
                .await
                .context("the raw streams go away again")?;
        }
        Ok(f64::from(published.0) / took)
    }
}

impl Round {
    fn new(
        concurrency: usize,
        times: &[Duration],
        seconds: f64,
        stored: u64,
        counted: &Measured,
    ) -> Self {
        let executions = times.len();
        let count = executions as f64;
        let at = |share: f64| times[((count - 1.0) * share) as usize].as_secs_f64() * 1e3;
        let commits = counted.commits.max(1) as f64;
        let each = |time: Duration| time.as_secs_f64() * 1e6 / count;
        Self {
            concurrency,
            executions,
            seconds,
            executions_per_second: count / seconds,
            steps_per_second: count * 5.0 / seconds,
            p50_ms: at(0.5),
            p99_ms: at(0.99),
            publishes_per_execution: stored as f64 / count,
            commits: counted.commits,
            executions_per_commit: count / commits,
            bytes_per_commit: counted.bytes as f64 / commits,
            commit_wait_ms: counted.committing.as_secs_f64() * 1e3 / commits,
            apply_us: each(counted.taking.saturating_sub(counted.encoding)),
            encode_us: each(counted.encoding),
            perform_us: each(counted.performing),
        }
    }

    fn rows(&self) -> BTreeMap<&'static str, String> {
        BTreeMap::from([
            (
                "a executions/s",
                format!("{:.0}", self.executions_per_second),
            ),
            ("b steps/s", format!("{:.0}", self.steps_per_second)),
            ("c p50 ms", format!("{:.2}", self.p50_ms)),
            ("d p99 ms", format!("{:.2}", self.p99_ms)),
            (
                "e publishes/execution",
                format!("{:.3}", self.publishes_per_execution),
            ),
            (
                "f executions/commit",
                format!("{:.1}", self.executions_per_commit),
            ),
            ("g bytes/commit", format!("{:.0}", self.bytes_per_commit)),
            ("h commit wait ms", format!("{:.2}", self.commit_wait_ms)),
            (
                "i read and apply µs/execution",
                format!("{:.1}", self.apply_us),
            ),
            ("j encode µs/execution", format!("{:.1}", self.encode_us)),
            (
                "k answer and publish µs/execution",
                format!("{:.1}", self.perform_us),
            ),
        ])
    }
}

fn print(report: &Report) {
    println!("raw publish-ack/s, 512 B, synced, {} cores:", report.cores);
    println!("  one after the other      {:>8.0}", report.raw_sequential);
    let [before, after] = report.raw_one_stream;
    println!("  100 under way, 1 stream  {before:>8.0} before, {after:.0} after");
    println!(
        "  100 under way each, {PARTITIONS} streams {:>4.0}",
        report.raw_streams
    );
    println!("\n{:<34}{:>12}{:>12}", "5 inline steps", "c = 1", "c = 100");
    let columns: Vec<_> = report.rounds.iter().map(Round::rows).collect();
    for name in columns[0].keys() {
        // The letter keeps the rows in order.
        print!("{:<34}", &name[2..]);
        for column in &columns {
            print!("{:>12}", column[name]);
        }
        println!();
    }
    if let Some(busy) = report.rounds.last() {
        let ratio = busy.steps_per_second / ((before + after) / 2.0);
        println!(
            "\nsteps/s at c = {} over raw publish-ack/s: {ratio:.2}",
            busy.concurrency
        );
    }
}

/// A trigger and five transforms, each reading the one before.
fn flow() -> Result<Executable> {
    let mut nodes = vec![json!({"id": "s0", "type": "trigger"})];
    let mut edges = Vec::new();
    for n in 1..=5 {
        let before = n - 1;
        let value = json!({
            "n": format!("{{{{ nodes.s{before}.output.n + 1 }}}}"),
            "text": format!("{{{{ nodes.s{before}.output.text }}}}")
        });
        nodes.push(json!({"id": format!("s{n}"), "type": "transform", "config": {"value": value}}));
        edges.push(json!({"from": format!("s{before}"), "to": format!("s{n}")}));
    }
    Ok(serde_json::from_value(
        json!({"definition": {"nodes": nodes, "edges": edges}}),
    )?)
}
