//! What a crew of two agents and two tasks costs in CPU time beyond its questions to the model, which answers at once,
//! beside the same crew in CrewAI.
//!
//! Native: the whole engine in this process, durable, with its workers; whoever starts the runs and watches them is a
//! process of its own, as in life. The questions alone are measured in the same run and taken off. CrewAI: a process of
//! its own, with nothing stored but what CrewAI itself stores.

use std::{path::PathBuf, process::Command, time::Duration};

use anyhow::{Context, Result, bail, ensure};
use bus::{Bucket, Bus, Call};
use contracts::{
    ErrorCode, Principal, Problem,
    agent::{AgentSnapshot, Limits, MemoryScope},
    auth::{RunToken, RunTokenReply},
    crew::{CrewSnapshot, Process, Task},
    execution::{Origin, Usage},
    flow::Executable,
    id::{AgentId, CallId, CrewId, ExecutionId, UserId},
    live::{ExecutionEvent, Frame},
    llm::{Complete, Completion, Delta, FinishReason, Message},
    message::StreamMessage,
    owner::Start,
    subject::Subject,
};
use futures::{StreamExt, stream};
use kernel::{Chunks, Ctx};
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::host::Host;

mod host;

const HASH: &str = "crew";
/// Rounds of each, in turn. What else a machine does only adds to CPU time, so the least round is the figure.
const ROUNDS: usize = 7;
const RUNS: usize = 500;
const CREWAI_RUNS: usize = 10;
const TOGETHER: usize = 100;
const SOON: Duration = Duration::from_secs(30);
/// Clock ticks of `/proc/self/stat` in a second, on every Linux of today.
const TICKS: f64 = 100.0;

#[derive(Debug, Serialize)]
struct Report {
    cores: usize,
    rounds: usize,
    /// Of a round.
    runs: usize,
    /// Milliseconds of CPU time a run, beyond its questions to the model: the least round.
    native_cpu_ms: f64,
    native_cpu_ms_median: f64,
    /// Of the two questions and their tokens, alone.
    questions_cpu_ms: f64,
    crewai_version: String,
    crewai_cpu_ms: f64,
    crewai_cpu_ms_median: f64,
}

/// The rounds of one measurement, in milliseconds of CPU time a run.
struct Rounds(Vec<f64>);

impl Rounds {
    fn of(mut rounds: Vec<f64>) -> Self {
        rounds.sort_by(f64::total_cmp);
        Self(rounds)
    }
    fn least(&self) -> f64 {
        self.0[0]
    }
    fn median(&self) -> f64 {
        self.0[self.0.len() / 2]
    }
}

#[tokio::main]
async fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [url, user, runs] = arguments.as_slice() {
        return client(url, serde_json::from_str(user)?, runs.parse()?).await;
    }
    egress::install_tls();
    let (host, url) = Host::start().await?;
    let runtime = testkit::runtime(&host.engine).await;
    let llm = kernel::Service::new("llm", ()).on_stream(complete);
    let auth = kernel::Service::new("auth", host.user.clone()).on(run_token);
    let services = [llm.start(&runtime).await?, auth.start(&runtime).await?];
    let flows = host.engine.kv(Bucket::FlowDef).await?;
    flows
        .put(HASH, serde_json::to_vec(&crew()?)?.into())
        .await?;
    native(&host, &url, 100).await?;
    let (mut whole, mut asked) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        whole.push(native(&host, &url, RUNS).await?);
        asked.push(questions(&host, RUNS).await?);
    }
    let (whole, asked) = (Rounds::of(whole), Rounds::of(asked));
    let (crewai_version, crewai) = crewai()?;
    let report = Report {
        cores: std::thread::available_parallelism()?.get(),
        rounds: ROUNDS,
        runs: RUNS,
        native_cpu_ms: whole.least() - asked.least(),
        native_cpu_ms_median: whole.median() - asked.median(),
        questions_cpu_ms: asked.least(),
        crewai_version,
        crewai_cpu_ms: crewai.least(),
        crewai_cpu_ms_median: crewai.median(),
    };
    println!("{report:#?}");
    let path = std::path::Path::new("target/bench/crew.json");
    std::fs::create_dir_all("target/bench")?;
    std::fs::write(path, serde_json::to_vec_pretty(&report)?)?;
    println!("\nwritten to {}", path.display());
    for service in services {
        service.drain().await;
    }
    host.running.drain().await;
    Ok(())
}

/// Milliseconds of CPU time a run.
async fn native(host: &Host, url: &str, runs: usize) -> Result<f64> {
    let mut client = Command::new(std::env::current_exe()?);
    client.arg(url).arg(serde_json::to_string(&host.user)?);
    client.arg(runs.to_string());
    let before = cpu()?;
    tokio::task::spawn_blocking(move || done(&mut client)).await??;
    Ok((cpu()? - before) * 1000.0 / runs as f64)
}

/// The one who starts the runs and watches each to its end.
async fn client(url: &str, user: Principal, runs: usize) -> Result<()> {
    let bus = Bus::connect(&bus::Config::open(url.to_owned())).await?;
    let ends: Vec<Result<()>> = stream::iter(0..runs)
        .map(|_| run(&bus, &user))
        .buffer_unordered(TOGETHER)
        .collect()
        .await;
    ends.into_iter().collect()
}

async fn run(bus: &Bus, user: &Principal) -> Result<()> {
    let start = Start {
        tenant: user.tenant,
        execution_id: ExecutionId::generate(),
        origin: Origin::crew(CrewId::EXAMPLE, 1),
        parent: None,
        notify: false,
        queued: false,
        basis: None,
        definition_hash: HASH.into(),
        input: json!({"topic": "tea"}),
        vars: json!({}),
        principal: user.clone(),
    };
    let live = Subject::live(user.tenant, start.execution_id);
    let mut frames = bus.subscribe(&live, None).await?;
    // An owner may not be there yet.
    testkit::eventually(SOON, async || bus.ask_owner(&start, SOON).await.ok()).await;
    while let Some(incoming) = frames.next().await {
        for frame in serde_json::from_slice::<Vec<Frame>>(incoming.payload())? {
            match frame.event {
                ExecutionEvent::ExecutionSucceeded { .. } => return Ok(()),
                event => ensure!(!event.is_final(), "the run ended with {event:?}"),
            }
        }
    }
    bail!("the connection to NATS has ended")
}

/// The questions of `runs` runs alone, asked as a worker asks them. Milliseconds of CPU time a run.
async fn questions(host: &Host, runs: usize) -> Result<f64> {
    let before = cpu()?;
    let asked: Vec<Result<()>> = stream::iter(0..runs)
        .map(|_| two_questions(host, ExecutionId::generate()))
        .buffer_unordered(TOGETHER)
        .collect()
        .await;
    asked.into_iter().collect::<Result<()>>()?;
    Ok((cpu()? - before) * 1000.0 / runs as f64)
}

async fn two_questions(host: &Host, execution_id: ExecutionId) -> Result<()> {
    question(host, execution_id).await?;
    question(host, execution_id).await
}

async fn question(host: &Host, execution_id: ExecutionId) -> Result<()> {
    let tenant = host.user.tenant;
    let asked = RunToken {
        user_id: host.user.user_id,
        execution_id,
    };
    let token = host.driver.call(tenant, &asked, Call::anonymous()).await?;
    let question = Complete {
        messages: vec![
            Message::system("You are a reader."),
            Message::user("Read about tea."),
        ],
        ..Complete::default()
    };
    let call = Call::with_token(&token.access_token);
    let mut answer = Box::pin(host.driver.call_stream(tenant, &question, call).await?);
    while let Some(message) = answer.next().await {
        if let StreamMessage::Done { .. } = message? {
            return Ok(());
        }
    }
    bail!("an answer was broken off")
}

async fn complete(_: Ctx<()>, _: Complete, chunks: Chunks<Delta>) -> Result<Completion, Problem> {
    let text = "Tea.".to_owned();
    let delta = Delta {
        content: Some(text.clone()),
        ..Delta::default()
    };
    let gone = |_| Problem::new(ErrorCode::Unavailable, "nobody listens");
    chunks.send(delta).await.map_err(gone)?;
    Ok(Completion {
        id: CallId::generate(),
        provider: "instant".into(),
        model: "instant".into(),
        message: Message {
            role: "assistant".into(),
            content: Value::String(text),
            tool_calls: Vec::new(),
            tool_call_id: None,
            extra: Map::new(),
        },
        finish_reason: FinishReason::Stop,
        usage: Usage::ZERO,
        rehearsal: false,
        dropped: Vec::new(),
        cached: false,
        similarity: None,
    })
}

async fn run_token(ctx: Ctx<Principal>, request: RunToken) -> Result<RunTokenReply, Problem> {
    let principal = Principal {
        user_id: UserId::clone(&request.user_id),
        execution_id: Some(request.execution_id),
        ..(*ctx.state).clone()
    };
    Ok(RunTokenReply {
        access_token: testkit::token(&principal),
        expires_in: 600,
    })
}

fn crew() -> Result<Executable> {
    let agent = |name: &str| AgentSnapshot {
        id: AgentId::generate(),
        version: 1,
        name: name.into(),
        role: format!("a {name}"),
        goal: name.into(),
        backstory: "It works.".into(),
        model: None,
        tools: Vec::new(),
        knowledge: Vec::new(),
        memory: MemoryScope::Off,
        guardrails: Vec::new(),
        output_schema: None,
        limits: Limits::default(),
    };
    let (reader, writer) = (agent("reader"), agent("writer"));
    let task = |name: &str, agent: &AgentSnapshot, context: &[&str]| Task {
        name: name.into(),
        description: format!("{name} about {{{{ input.topic }}}}."),
        expected_output: "A text.".into(),
        agent_id: agent.id,
        context: context.iter().map(|name| (*name).into()).collect(),
        output_schema: None,
        is_async: false,
    };
    let crew = CrewSnapshot {
        id: CrewId::EXAMPLE,
        version: 1,
        name: "newsroom".into(),
        process: Process::Sequential,
        tasks: vec![
            task("read", &reader, &[]),
            task("write", &writer, &["read"]),
        ],
        agents: vec![reader, writer],
        manager_model: None,
        limits: Limits::default(),
    };
    Ok(Executable {
        definition: serde_json::from_value(json!({
            "nodes": [
                {"id": "start", "type": "trigger"},
                {"id": "crew", "type": "crew", "config": {"crew_id": crew.id}},
                {"id": "end", "type": "output", "config": {"value": "{{ nodes.crew.output }}"}}
            ],
            "edges": [{"from": "start", "to": "crew"}, {"from": "crew", "to": "end"}]
        }))?,
        crews: [(crew.id, crew)].into(),
        ..Executable::default()
    })
}

/// CrewAI in an environment of its own, made once: its version, and its rounds.
fn crewai() -> Result<(String, Rounds)> {
    let environment = PathBuf::from("target/bench/crewai");
    let python = environment.join("bin/python");
    if !python.is_file() {
        done(
            Command::new("python3")
                .args(["-m", "venv"])
                .arg(&environment),
        )?;
    }
    let pip = ["-m", "pip", "install", "--quiet", "crewai>=1.15,<1.16"];
    done(Command::new(&python).args(pip))?;
    let version = "import importlib.metadata as m; print(m.version('crewai'))";
    let version = done(Command::new(&python).args(["-c", version]))?;
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/load/crew.py");
    let (rounds, runs) = (ROUNDS.to_string(), CREWAI_RUNS.to_string());
    let printed = done(Command::new(&python).args([script, &rounds, &runs]))?;
    let last = printed.lines().last().unwrap_or_default();
    let rounds: Vec<f64> =
        serde_json::from_str(last).with_context(|| format!("the script printed `{last}`"))?;
    ensure!(rounds.len() == ROUNDS, "the script printed `{last}`");
    Ok((version, Rounds::of(rounds)))
}

/// Runs a command to its end and gives what it printed.
fn done(command: &mut Command) -> Result<String> {
    let output = command.output().with_context(|| format!("{command:?}"))?;
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{command:?} failed: {errors}");
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Seconds of CPU time that this process has taken, in user and in system mode.
fn cpu() -> Result<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    // The name in parentheses may hold spaces; times are the 14th and 15th field.
    let fields = stat.rsplit(')').next().unwrap_or_default();
    let mut times = fields.split_whitespace().skip(11);
    let mut time = || times.next().and_then(|text| text.parse::<f64>().ok());
    let (user, system) = time().zip(time()).context("no times in /proc/self/stat")?;
    Ok((user + system) / TICKS)
}
