//! The service through the bus, on real servers; the service of tools is played by one that knows what a test tells it.

#![allow(clippy::unwrap_used, reason = "a test may panic, and its helpers too")]

mod agents;
mod crews;
mod import;
mod resolve;
mod walls;

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use agent::{Config, MIGRATIONS, State};
use bus::{Bus, Call};
use contracts::{
    Principal, Problem, Request, Role,
    agent::{Agent, AgentSpec, CreateAgent},
    id::{TenantId, ToolId},
    tool::{Approval, ResolveTools, ResolvedTools, ToolSnapshot},
};
use kernel::Running;
use serde_json::json;
use testkit::{Nats, Postgres};

const SOON: Duration = Duration::from_secs(20);

/// The tools that there are.
type Tools = Arc<Mutex<Vec<ToolSnapshot>>>;

/// The service with servers of its own. Dropped in this order.
struct Fixture {
    bus: Bus,
    config: Config,
    tools: Tools,
    user: Principal,
    running: Vec<Running>,
    _database: Postgres,
    _nats: Nats,
}

impl Fixture {
    async fn start() -> Self {
        let nats = Nats::start().await;
        let bus = testkit::bus(&nats.url()).await;
        let runtime = testkit::runtime(&bus).await;
        let database = Postgres::migrated(&format!("{MIGRATIONS:?}"), async |url| {
            let owner = sql::Owner::connect(&sql::Config::new(url, "test")).await?;
            Ok(owner.migrate_platform(&[MIGRATIONS]).await?)
        })
        .await;
        let config = Config {
            sql: sql::Config::new(database.url(), "test"),
        };
        let tools = Tools::default();
        let played = kernel::Service::new("tool", tools.clone()).on(resolve_tools);
        let state = State::connect(&config).await.unwrap();
        let running = vec![
            agent::service(state).start(&runtime).await.unwrap(),
            played.start(&runtime).await.unwrap(),
        ];
        let mut fixture = Self {
            bus,
            config,
            tools,
            user: testkit::principal(TenantId::generate(), Role::Owner),
            running,
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
        for running in self.running.drain(..) {
            running.drain().await;
        }
    }

    async fn ask<R: Request>(&self, who: &Principal, request: &R) -> Result<R::Reply, Problem> {
        let token = testkit::token(who);
        let call = Call {
            token: Some(&token),
            deadline: SOON,
        };
        self.bus.call(who.tenant, request, call).await
    }

    /// Why the user's request is refused.
    async fn refused<R: Request<Reply: std::fmt::Debug>>(&self, request: &R) -> Problem {
        self.ask(&self.user, request).await.unwrap_err()
    }

    /// An agent of the user's.
    async fn make(&self, name: &str) -> Agent {
        self.make_of(spec(name)).await
    }

    async fn make_of(&self, spec: AgentSpec) -> Agent {
        self.ask(&self.user, &CreateAgent { spec }).await.unwrap()
    }

    /// A tool that exists from now on.
    fn tool(&self, name: &str) -> ToolSnapshot {
        let tool = ToolSnapshot {
            id: ToolId::generate(),
            version: 3,
            name: name.to_owned(),
            description: "A tool of a test.".to_owned(),
            input_schema: json!({"type": "object"}),
            approval: Approval::None,
            timeout_ms: 1000,
            flow: None,
        };
        self.tools.lock().unwrap().push(tool.clone());
        tool
    }
}

async fn resolve_tools(
    ctx: kernel::Ctx<Tools>,
    request: ResolveTools,
) -> Result<ResolvedTools, Problem> {
    let known = ctx.state.lock().unwrap().clone();
    let of = |id: ToolId| known.iter().find(|tool| tool.id == id).cloned();
    let items = request.tools.iter().filter_map(|pin| of(pin.id)).collect();
    Ok(ResolvedTools { items })
}

fn spec(name: &str) -> AgentSpec {
    AgentSpec {
        name: name.to_owned(),
        ..AgentSpec::example()
    }
}

/// Where a request is wrong.
fn paths(problem: &Problem) -> Vec<&str> {
    let paths = problem.errors.iter().map(|error| error.path.as_str());
    paths.collect()
}
