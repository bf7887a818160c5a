//! The service through the bus, on real servers; what HTTP tools call is a ledger on loopback.

#![allow(clippy::unwrap_used, reason = "a test may panic, and its helpers too")]

mod bombs;
mod builtin;
mod calls;
mod containers;
mod http;
mod javascript;
mod mcp;
mod nats;
mod openapi;
mod pulses;
mod python;
mod resolve;
mod secrets;
mod tools;
mod walls;

use std::time::Duration;

use bus::{Bus, Call};
use contracts::{
    Principal, Problem, Request, Role,
    id::TenantId,
    tool::{CreateTool, InvokeTool, ListToolCalls, Tool, ToolCallRecord, ToolKind, ToolSpec},
};
use kernel::Running;
use serde_json::{Value, json};
use testkit::{Ledger, McpServer, Nats, Postgres, eventually};
use tool::{Config, MIGRATIONS, Settings, State};

const SOON: Duration = Duration::from_secs(20);
/// 32 different bytes.
const MASTER_KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

/// The service with servers of its own. Dropped in this order.
struct Fixture {
    bus: Bus,
    config: Config,
    /// What tools may reach.
    ledger: Ledger,
    mcp: McpServer,
    user: Principal,
    running: Option<Running>,
    _database: Postgres,
    _nats: Nats,
}

impl Fixture {
    async fn start() -> Self {
        Self::with(tool::ContainersConfig::of("unix:///nowhere", "none")).await
    }

    async fn with(containers: tool::ContainersConfig) -> Self {
        let nats = Nats::start().await;
        let bus = testkit::bus(&nats.url()).await;
        let runtime = testkit::runtime(&bus).await;
        let database = Postgres::migrated(&format!("{MIGRATIONS:?}"), async |url| {
            let owner = sql::Owner::connect(&sql::Config::new(url, "test")).await?;
            Ok(owner.migrate_platform(&[MIGRATIONS]).await?)
        })
        .await;
        let (ledger, mcp) = (Ledger::start().await, McpServer::start().await);
        let allowed = [ledger.address(), mcp.address()];
        let config = Config {
            sql: sql::Config::new(database.url(), "test"),
            vault: vault::Config::new(MASTER_KEY),
            egress: egress::Config::allowing(
                allowed.map(|address| address.to_string().parse().unwrap()),
            ),
            sandbox: sandbox::Config::default(),
            tool: Settings { tool_calls: 4 },
            containers,
        };
        // Cargo builds it for the sandbox's own tests, two folders above this one.
        let test = std::env::current_exe().unwrap();
        let worker = sandbox::WorkerCommand {
            program: test.ancestors().nth(2).unwrap().join("sandbox-worker"),
            args: Vec::new(),
        };
        let state = State::connect(&config, worker).await.unwrap();
        let running = tool::service(state).start(&runtime).await.unwrap();
        let mut fixture = Self {
            bus,
            config,
            ledger,
            mcp,
            user: testkit::principal(TenantId::generate(), Role::Owner),
            running: Some(running),
            _database: database,
            _nats: nats,
        };
        fixture.user = fixture.owner().await;
        fixture
    }

    /// A new organization and its owner.
    async fn owner(&self) -> Principal {
        let owner = testkit::principal(TenantId::generate(), Role::Owner);
        let tables = sql::Owner::connect(&self.config.sql).await.unwrap();
        let created = tables.create_tenant(owner.tenant, &[MIGRATIONS]).await;
        created.unwrap();
        owner
    }

    async fn drain(mut self) {
        self.running.take().unwrap().drain().await;
    }

    async fn ask<R: Request>(&self, who: &Principal, request: &R) -> Result<R::Reply, Problem> {
        let token = testkit::token(who);
        let call = Call {
            token: Some(&token),
            deadline: SOON,
        };
        self.bus.call(who.tenant, request, call).await
    }

    /// A tool of the user's.
    async fn make(&self, kind: ToolKind, name: &str, config: Value) -> Tool {
        self.make_of(spec(kind, name, config)).await
    }

    async fn make_of(&self, spec: ToolSpec) -> Tool {
        self.ask(&self.user, &CreateTool { spec }).await.unwrap()
    }

    /// What a tool says to these arguments.
    async fn call(&self, tool: &Tool, arguments: Value) -> Result<Value, Problem> {
        let request = invoke(tool, arguments);
        let answer = self.ask(&self.user, &request).await;
        answer.map(|answer| answer.result)
    }

    /// Why a call fails: its reason.
    async fn fails(&self, tool: &Tool, arguments: Value) -> String {
        let problem = self.call(tool, arguments).await.unwrap_err();
        problem.reason.unwrap_or_default()
    }

    /// Waits until so many calls are recorded; the newest first.
    async fn calls_of(&self, tool: &Tool, count: usize) -> Vec<ToolCallRecord> {
        let request = ListToolCalls {
            tool_id: tool.id,
            paging: contracts::page::Paging::default(),
        };
        eventually(SOON, async || {
            let calls = self.ask(&self.user, &request).await.unwrap().items;
            (calls.len() >= count).then_some(calls)
        })
        .await
    }
}

/// A tool that takes any object.
fn spec(kind: ToolKind, name: &str, config: Value) -> ToolSpec {
    ToolSpec {
        name: name.to_owned(),
        kind,
        input_schema: json!({"type": "object"}),
        output_schema: None,
        config,
        ..ToolSpec::example()
    }
}

fn invoke(tool: &Tool, arguments: Value) -> InvokeTool {
    InvokeTool {
        tool_id: tool.id,
        version: None,
        arguments,
        idempotency_key: None,
    }
}
