//! The service through the bus, on real servers; the services that it asks are played by ones that know what a test tells
//! them.

#![allow(clippy::unwrap_used, reason = "a test may panic, and its helpers too")]

mod agents;
mod crews;
mod import;
mod knowledge;
mod memory;
mod models;
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
use kernel::{Running, Runtime};
use models::Models;
use sea_orm::{ConnectionTrait, DatabaseConnection};
use serde_json::json;
use testkit::{Nats, Postgres};

const SOON: Duration = Duration::from_secs(30);

/// The tools that there are.
type Tools = Arc<Mutex<Vec<ToolSnapshot>>>;

/// The service with servers of its own. Dropped in this order.
struct Fixture {
    bus: Bus,
    runtime: Runtime,
    config: Config,
    tools: Tools,
    models: Arc<Models>,
    user: Principal,
    agent: Option<Running>,
    played: Vec<Running>,
    database: Postgres,
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
        let mut played = vec![played.start(&runtime).await.unwrap()];
        let (models, outside) = Models::start(&runtime).await;
        played.extend(outside);
        let mut fixture = Self {
            bus,
            runtime,
            config,
            tools,
            models,
            user: testkit::principal(TenantId::generate(), Role::Owner),
            agent: None,
            played,
            database,
            _nats: nats,
        };
        fixture.user = fixture.owner().await;
        fixture.revive().await;
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

    async fn revive(&mut self) {
        let state = State::connect(&self.config).await.unwrap();
        let service = agent::service(state).start(&self.runtime);
        self.agent = Some(service.await.unwrap());
    }

    /// Cuts the service off in the middle of whatever it does.
    fn kill(&mut self) {
        self.agent = None;
    }

    /// A connection above all rules, in the schema of the user's organization.
    async fn superuser(&self) -> DatabaseConnection {
        let mut options = sea_orm::ConnectOptions::new(self.database.url());
        let schema = sql::SchemaName::of(self.user.tenant).unwrap();
        options
            .max_connections(1)
            .set_schema_search_path(schema.as_str());
        sea_orm::Database::connect(options).await.unwrap()
    }

    async fn sql(&self, statement: &str) {
        let connection = self.superuser().await;
        connection.execute_unprepared(statement).await.unwrap();
        connection.close().await.unwrap();
    }

    /// The rows of a table in the user's organization.
    async fn rows(&self, table: &str) -> u64 {
        let connection = self.superuser().await;
        let count = format!("SELECT count(*) FROM {table}");
        let count = sea_orm::Statement::from_string(sea_orm::DbBackend::Postgres, count);
        let row = connection.query_one_raw(count).await.unwrap().unwrap();
        let rows: i64 = row.try_get_by_index(0).unwrap();
        connection.close().await.unwrap();
        u64::try_from(rows).unwrap()
    }

    async fn drain(mut self) {
        let service = self.agent.take();
        for running in service.into_iter().chain(self.played.drain(..)) {
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
