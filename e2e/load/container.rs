//! How fast a tool in a container answers: over the bus, on a real engine, with one caller.
//!
//! Builtin: the same call of a tool that starts nothing, for comparison; what it takes is the platform's part.
//! Cold: nothing waits for the call, its container is made, started and answers. Warm: a started container waits. Back
//! to back: calls follow each other faster than new containers can be started, as fast as this machine does.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use anyhow::Result;
use bus::{Bus, Call};
use contracts::{
    Principal, Request, Role,
    id::TenantId,
    tool::{CreateTool, InvokeTool, Tool, ToolKind, ToolSpec},
};
use serde::Serialize;
use serde_json::{Value, json};
use testkit::{ContainerEngine, Nats, Postgres, containers::BUSYBOX_IMAGE, eventually};

const COLD_CALLS: usize = 20;
const WARM_CALLS: usize = 200;
const DEADLINE: Duration = Duration::from_secs(30);
/// 32 bytes.
const MASTER_KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

#[derive(Debug, Serialize)]
struct Report {
    cores: usize,
    builtin: Times,
    cold: Times,
    warm: Times,
    back_to_back: Times,
}

/// Of one call each, over the bus.
#[derive(Debug, Serialize)]
struct Times {
    calls: usize,
    p50_ms: f64,
    p99_ms: f64,
}

#[tokio::main]
async fn main() -> Result<()> {
    egress::install_tls();
    let cold = Bench::start(0).await?;
    let cold_times = cold.measure(&cold.echo, COLD_CALLS).await?;
    cold.running.drain().await;
    let bench = Bench::start(u16::try_from(WARM)?).await?;
    let report = Report {
        cores: std::thread::available_parallelism()?.get(),
        builtin: bench.measure(&bench.builtin, WARM_CALLS).await?,
        cold: cold_times,
        warm: bench.measure_warm().await?,
        back_to_back: bench.measure(&bench.echo, WARM_CALLS).await?,
    };
    let text = serde_json::to_string_pretty(&report)?;
    println!("{text}");
    std::fs::create_dir_all("target/bench")?;
    std::fs::write("target/bench/container.json", text)?;
    bench.running.drain().await;
    Ok(())
}

/// Containers that wait for a call.
const WARM: usize = 2;

struct Bench {
    running: kernel::Running,
    bus: Bus,
    user: Principal,
    builtin: Tool,
    echo: Tool,
    engine: ContainerEngine,
    _database: Postgres,
    _nats: Nats,
}

impl Bench {
    async fn start(warm: u16) -> Result<Self> {
        let engine = ContainerEngine::start().await;
        let nats = Nats::start().await;
        let bus = testkit::bus(&nats.url()).await;
        let database = Postgres::create().await;
        let sql = sql::Config::new(database.url(), "bench");
        let owner = sql::Owner::connect(&sql).await?;
        owner.migrate_platform(&[tool::MIGRATIONS]).await?;
        let user = testkit::principal(TenantId::generate(), Role::Owner);
        owner
            .create_tenant(user.tenant, &[tool::MIGRATIONS])
            .await?;
        let mut containers = tool::ContainersConfig::of(engine.url(), engine.group());
        containers.containers_warm = warm;
        let config = tool::Config {
            sql,
            vault: vault::Config::new(MASTER_KEY),
            egress: egress::Config::closed(),
            sandbox: sandbox::Config::default(),
            containers,
            tool: tool::Settings::default(),
        };
        // No tool of this run is JavaScript.
        let code_worker = sandbox::WorkerCommand::this_binary()?;
        let state = tool::State::connect(&config, code_worker).await?;
        let runtime = testkit::runtime(&bus).await;
        let running = tool::service(state).start(&runtime).await?;
        let command = json!({"image": BUSYBOX_IMAGE, "command": ["/bin/cat"]});
        let echo = spec("echo", ToolKind::Container, command);
        let query = json!({"name": "json_query"});
        let builtin = spec("query", ToolKind::Builtin, query);
        Ok(Self {
            running,
            builtin: ask(&bus, &user, &builtin).await?,
            echo: ask(&bus, &user, &echo).await?,
            bus,
            user,
            engine,
            _database: database,
            _nats: nats,
        })
    }

    async fn call(&self, tool: &Tool) -> Result<Duration> {
        let request = InvokeTool {
            tool_id: tool.id,
            version: None,
            arguments: json!({"value": {"text": "é"}, "pointer": ""}),
            idempotency_key: None,
        };
        let begun = Instant::now();
        let answer = ask(&self.bus, &self.user, &request).await?;
        let took = begun.elapsed();
        let expect = match tool.kind {
            ToolKind::Builtin => &request.arguments["value"],
            _ => &request.arguments,
        };
        anyhow::ensure!(&answer.result == expect, "another answer");
        Ok(took)
    }

    /// One call after the other.
    async fn measure(&self, tool: &Tool, calls: usize) -> Result<Times> {
        let mut times = Vec::new();
        for _ in 0..calls {
            times.push(self.call(tool).await?);
        }
        Ok(Times::of(times))
    }

    /// Each call when the container of the one before is gone, and another has taken its place.
    async fn measure_warm(&self) -> Result<Times> {
        let mut before = BTreeSet::new();
        let mut times = Vec::new();
        self.call(&self.echo).await?;
        for _ in 0..WARM_CALLS {
            before = eventually(DEADLINE, async || {
                let all: BTreeSet<_> = self.engine.containers().await.into_iter().collect();
                let running = self.engine.running().await.len();
                (all.len() == WARM && running == WARM && all != before).then_some(all)
            })
            .await;
            times.push(self.call(&self.echo).await?);
        }
        Ok(Times::of(times))
    }
}

impl Times {
    fn of(mut times: Vec<Duration>) -> Self {
        times.sort_unstable();
        let at = |percent: usize| times[(times.len() - 1) * percent / 100].as_secs_f64() * 1e3;
        Self {
            calls: times.len(),
            p50_ms: at(50),
            p99_ms: at(99),
        }
    }
}

fn spec(name: &str, kind: ToolKind, config: Value) -> CreateTool {
    let spec = ToolSpec {
        name: name.to_owned(),
        kind,
        input_schema: json!({"type": "object"}),
        output_schema: None,
        config,
        ..ToolSpec::example()
    };
    CreateTool { spec }
}

async fn ask<R: Request>(bus: &Bus, who: &Principal, request: &R) -> Result<R::Reply> {
    let token = testkit::token(who);
    let call = Call {
        token: Some(&token),
        deadline: DEADLINE,
    };
    let answer = bus.call(who.tenant, request, call).await;
    answer.map_err(|problem| anyhow::anyhow!("{problem:?}"))
}
