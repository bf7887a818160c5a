//! What the LLM gateway adds to a question: the same questions to the same vendor, directly and by way of the platform, in
//! one run.
//!
//! The vendor answers at once, in a process of its own. So does the platform, whole, as `troupe up` runs it: who asks is
//! checked, limits are asked, the key is opened, prices, records and metrics are kept. `budgeted` goes by a route and
//! holds back money for each question besides.

use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, ensure};
use bus::Bus;
use clap::Parser;
use e2e::{Client, Platform};
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::{
    ask::{Asker, Way},
    report::{Cell, Kind, Left, Memory, Report},
    vendor::{MODEL, VENDOR, Vendor},
};

mod ask;
mod report;
mod soak;
mod vendor;

/// Questions that go before the first that counts, on each way.
const WARM: usize = 200;
/// Callers who leave in the middle of an answer, one after the other.
const LEAVES: usize = 200;
/// Clock ticks of `/proc/<pid>/stat` in a second, on every Linux of today.
const TICKS: f64 = 100.0;
/// The service that this is about, as `troupe serve` has it.
const SERVICE: &str = "llm-gateway";
const REQUEST: Duration = Duration::from_secs(60);

#[derive(Parser)]
struct Options {
    /// Questions of each kind, way and concurrency in a round
    #[arg(long, default_value_t = 2000)]
    questions: usize,
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Streams that are open at the same time while the memory is looked at
    #[arg(long, default_value_t = 1000)]
    open_streams: usize,
    /// Only these kinds of questions
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = Kind::ALL)]
    kinds: Vec<Kind>,
    /// Only these ways, as `direct,gateway,budgeted,nats`; all when absent
    #[arg(long, value_delimiter = ',')]
    ways: Vec<String>,
    /// Questions under way at the same time
    #[arg(long, value_delimiter = ',', default_values_t = [1, 16, 64])]
    concurrency: Vec<usize>,
    /// Ask at a fixed rate for so many minutes instead, and look whether memory stays flat
    #[arg(long, value_name = "MINUTES")]
    soak: Option<u64>,
    /// Questions per second of the soak
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
    rate: u32,
}

struct Bench {
    platform: Platform,
    vendor: Vendor,
    /// Asks models by their names.
    plain: Client,
    /// Asks by a route, under a budget.
    budgeted: Client,
    http: reqwest::Client,
}

#[tokio::main]
async fn main() -> Result<()> {
    if std::env::args().nth(1).as_deref() == Some(VENDOR) {
        return vendor::serve().await;
    }
    egress::install_tls();
    let options = Options::parse();
    let mut bench = Bench::start().await?;
    if let Some(minutes) = options.soak {
        let soak = bench.soak(minutes, options.rate).await?;
        keep("llm-soak.json", &soak)?;
        return soak.judge();
    }
    let report = bench.measure(&options).await?;
    report.print();
    keep("llm.json", &report)
}

fn keep(name: &str, figures: &impl serde::Serialize) -> Result<()> {
    let path = std::path::Path::new("target/bench").join(name);
    std::fs::create_dir_all("target/bench")?;
    std::fs::write(&path, serde_json::to_vec_pretty(figures)?)?;
    println!("\nwritten to {}", path.display());
    Ok(())
}

impl Bench {
    #[expect(
        clippy::disallowed_methods,
        reason = "whoever asks is outside the platform"
    )]
    async fn start() -> Result<Self> {
        let vendor = Vendor::start().await?;
        let platform = Platform::allowing(&[vendor.address]).await;
        let plain = platform.user("ada").await;
        let budgeted = platform.user("bob").await;
        let provider = json!({"name": "vendor", "kind": "openai_compatible", "base_url": format!("http://{}/v1", vendor.address),
            "api_key": "sk-bench", "models": [{"name": MODEL, "price": {"prompt": "2.5", "completion": "10"}}]});
        let limits = json!({"requests_per_minute": 1_000_000, "tokens_per_minute": 1_000_000_000, "parallel": 100_000});
        for user in [&plain, &budgeted] {
            made(user, "POST", "/llm-providers", &provider).await?;
            made(user, "PUT", "/llm/limits", &limits).await?;
        }
        let route = json!({"name": "r", "deployments": [{"provider": "vendor", "model": MODEL}]});
        made(&budgeted, "POST", "/llm/routes", &route).await?;
        let budget =
            json!({"name": "all", "scope": "organization", "period": "month", "limit": "1000000"});
        made(&budgeted, "POST", "/llm/budgets", &budget).await?;
        Ok(Self {
            platform,
            vendor,
            plain,
            budgeted,
            http: reqwest::Client::builder().timeout(REQUEST).build()?,
        })
    }

    async fn measure(&mut self, options: &Options) -> Result<Report> {
        let process = self.platform.process_id();
        for (_, asker) in self.ways().await? {
            asker
                .load(Kind::Plain, 16, WARM.min(options.questions))
                .await?;
        }
        let idle_mb = resident(process)?;
        let mut cells: Vec<Cell> = Vec::new();
        for round in 1..=options.rounds {
            eprintln!("round {round} of {}", options.rounds);
            for cell in self.round(options).await? {
                match cells.iter_mut().find(|other| other.is_same(&cell)) {
                    None => cells.push(cell),
                    Some(other) => other.better(&cell),
                }
            }
        }
        let left = self.left().await?;
        let after_load_mb = resident(process)?;
        let platform = Memory {
            idle_mb,
            after_load_mb,
            with_open_streams_mb: {
                let [gateway, _] = self.askers(&self.platform.url()).await?;
                self.with_open_streams(&gateway, process, options).await?
            },
        };
        Ok(Report {
            cores: std::thread::available_parallelism()?.get(),
            optimised: !cfg!(debug_assertions),
            rounds: options.rounds,
            questions: options.questions,
            cells,
            left: Left::of(left),
            open_streams: options.open_streams,
            memory: platform,
            memory_of_the_service: self.memory_of_the_service(options).await?,
        })
    }

    /// How long a vendor goes on for a caller who has left, each time.
    async fn left(&mut self) -> Result<Vec<Duration>> {
        let [gateway, _] = self.askers(&self.platform.url()).await?;
        let mut times = Vec::new();
        for _ in 0..LEAVES {
            let held = gateway.held(1).await?;
            let leaves = SystemTime::now();
            drop(held);
            let left = timeout(REQUEST, self.vendor.left.recv()).await?;
            let left = left.context("the vendor has ended")?;
            times.push(left.duration_since(leaves).unwrap_or_default());
        }
        Ok(times)
    }

    /// Of the service in a process of its own, whose HTTP face is asked without the gateway before it.
    async fn memory_of_the_service(&self, options: &Options) -> Result<Memory> {
        let service = self.platform.serve(SERVICE).await;
        let [gateway, _] = self.askers(&service.url()).await?;
        let process = service.process_id();
        let questions = WARM.min(options.questions);
        gateway.load(Kind::Plain, 16, questions).await?;
        let idle_mb = resident(process)?;
        for kind in [Kind::Plain, Kind::Streamed] {
            gateway.load(kind, 64, options.questions).await?;
        }
        Ok(Memory {
            idle_mb,
            after_load_mb: resident(process)?,
            with_open_streams_mb: self.with_open_streams(&gateway, process, options).await?,
        })
    }

    async fn with_open_streams(
        &self,
        gateway: &Asker,
        process: u32,
        options: &Options,
    ) -> Result<f64> {
        eprintln!("{} streams at the same time", options.open_streams);
        let _held = gateway.held(options.open_streams).await?;
        resident(process)
    }

    async fn round(&self, options: &Options) -> Result<Vec<Cell>> {
        let process = self.platform.process_id();
        // Tokens end after ten minutes.
        let ways = self.ways().await?;
        let mut cells = Vec::new();
        let pairs = |kind: Kind| options.concurrency.iter().map(move |it| (kind, *it));
        let all = options.kinds.iter().flat_map(|kind| pairs(*kind));
        // One after the other they would take minutes.
        let all = all.filter(|(kind, concurrency)| *kind != Kind::Slow || *concurrency == 16);
        for (kind, concurrency) in all {
            for (way, asker) in &ways {
                let is_wanted = options.ways.is_empty() || options.ways.iter().any(|it| it == way);
                // Over NATS an answer always comes in pieces.
                let is_other = kind == Kind::Streamed && matches!(asker.way, Way::Nats { .. });
                if !is_wanted || is_other {
                    continue;
                }
                let before = cpu(process)?;
                let loaded = asker.load(kind, concurrency, options.questions).await;
                let (taken, all) =
                    loaded.with_context(|| format!("{way}, {concurrency} at a time"))?;
                let cell = (kind, concurrency, *way);
                cells.push(Cell::new(cell, &taken, all, cpu(process)? - before));
            }
        }
        Ok(cells)
    }

    fn asker(&self, url: &str, key: &str, model: &str) -> Asker {
        Asker {
            way: Way::Http {
                client: self.http.clone(),
                base_url: format!("{url}/v1"),
                key: key.to_owned(),
            },
            model: model.to_owned(),
        }
    }

    /// The two ways through a process, by the name of a model and by a route under a budget, with fresh tokens.
    async fn askers(&self, url: &str) -> Result<[Asker; 2]> {
        let plain = token(&self.plain, "ada").await?;
        let budgeted = token(&self.budgeted, "bob").await?;
        Ok([
            self.asker(url, &plain, &format!("vendor/{MODEL}")),
            self.asker(url, &budgeted, "r"),
        ])
    }

    /// The ways to the vendor, with fresh tokens.
    async fn ways(&self) -> Result<Vec<(&'static str, Asker)>> {
        let plain = token(&self.plain, "ada").await?;
        let [gateway, budgeted] = self.askers(&self.platform.url()).await?;
        let config = bus::Config {
            user: Some(self.plain.user.clone()),
            password: Some(plain.clone()),
            inbox_prefix: Some(format!("_INBOX_{}", self.plain.user)),
            ..bus::Config::open(self.platform.nats_url())
        };
        let nats = Asker {
            way: Way::Nats {
                bus: Box::new(Bus::connect(&config).await?),
                tenant: self.plain.organization.parse()?,
                token: plain.clone(),
            },
            model: gateway.model.clone(),
        };
        let vendor = format!("http://{}", self.vendor.address);
        Ok(vec![
            ("direct", self.asker(&vendor, "sk-bench", MODEL)),
            ("gateway", gateway),
            ("budgeted", budgeted),
            ("nats", nats),
        ])
    }
}

async fn made(user: &Client, method: &str, path: &str, body: &Value) -> Result<()> {
    let path = format!("/api/v1{path}");
    let headers = [("content-type", "application/json")];
    let answer = user
        .send(method.parse()?, &path, Some(body.to_string()), &headers)
        .await?;
    ensure!(matches!(answer.status, 200 | 201), "{path}: {answer:?}");
    Ok(())
}

async fn token(user: &Client, name: &str) -> Result<String> {
    let form = json!({"email": format!("{name}@example.com"), "password": Client::PASSWORD});
    let answer = user.post("/api/v1/auth/login", &form).await;
    let token = answer.body["access_token"].as_str();
    Ok(token.context("no token")?.to_owned())
}

/// Seconds of CPU time that a process has taken, in user and in system mode.
fn cpu(process: u32) -> Result<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat"))?;
    // The name in parentheses may hold spaces; times are the 14th and 15th field.
    let fields = stat.rsplit(')').next().unwrap_or_default();
    let mut times = fields.split_whitespace().skip(11);
    let mut time = || times.next().and_then(|text| text.parse::<f64>().ok());
    let (user, system) = time().zip(time()).context("no times of the process")?;
    Ok((user + system) / TICKS)
}

/// Megabytes of memory that a process has.
fn resident(process: u32) -> Result<f64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().nth(1)?.parse::<f64>().ok());
    Ok(kib.context("no memory of the process")? / 1024.0)
}
