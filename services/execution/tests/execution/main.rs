//! The engine through the bus, on real servers.

#![allow(clippy::unwrap_used, reason = "a test may panic, and its helpers too")]

mod again;
mod aside;
mod asking;
mod bodies;
mod crowding;
mod dead_letters;
mod events;
mod failing;
mod handing;
mod heavy;
mod idling;
mod inline;
mod integrity;
mod keeping;
mod outside;
mod owners;
mod parking;
mod payloads;
mod questions;
mod restoring;
mod subflows;
mod unwinding;
mod versions;

use std::time::Duration;

use bus::{Bucket, Bus, Call};
use contracts::{
    Principal, Problem, Request, Role,
    execution::{Accepted, Events, Execution, ExecutionState, GetExecution, ListEvents, Origin},
    flow::{Definition, Executable},
    id::{ExecutionId, FlowId, TenantId},
    live::Frame,
    owner::Start,
};
use kernel::{Running, Runtime};
use serde_json::{Value, json};
use testkit::{Mongo, Nats, Postgres, eventually};

const SOON: Duration = Duration::from_secs(20);

/// The service with servers of its own. Dropped in this order.
struct Fixture {
    bus: Bus,
    runtime: Runtime,
    config: execution::Config,
    running: Option<Running>,
    user: Principal,
    _mongo: Mongo,
    _database: Postgres,
    _nats: Nats,
}

impl Fixture {
    async fn start() -> Self {
        Self::set_up(|_| {}).await
    }

    /// With a way to private addresses.
    async fn with(egress: egress::Config) -> Self {
        Self::set_up(|config| config.egress = egress).await
    }

    /// With something else in its configuration.
    async fn set_up(change: impl FnOnce(&mut execution::Config)) -> Self {
        let nats = Nats::start().await;
        let bus = testkit::bus(&nats.url()).await;
        let runtime = testkit::runtime(&bus).await;
        let key = format!("{:?}", execution::MIGRATIONS);
        let database = Postgres::migrated(&key, async |url| {
            let owner = sql::Owner::connect(&sql::Config::new(url, "test")).await?;
            Ok(owner.migrate_platform(&[execution::MIGRATIONS]).await?)
        })
        .await;
        let mongo = Mongo::create();
        let mut config = execution::Config {
            sql: sql::Config::new(database.url(), "test"),
            documents: documents::Config::new(mongo.url(), mongo.database()),
            egress: egress::Config::closed(),
            sandbox: sandbox::Config::default(),
            engine: execution::EngineConfig::default(),
        };
        change(&mut config);
        let user = testkit::principal(TenantId::generate(), Role::Editor);
        let mut fixture = Self {
            bus,
            runtime,
            config,
            running: None,
            user,
            _mongo: mongo,
            _database: database,
            _nats: nats,
        };
        fixture.provision(fixture.user.tenant).await;
        fixture.running = Some(fixture.engine().await);
        fixture
    }

    /// One more engine on the same servers.
    async fn engine(&self) -> Running {
        // Cargo builds it for the sandbox's own tests, two folders above this one.
        let test = std::env::current_exe().unwrap();
        let worker = sandbox::WorkerCommand {
            program: test.ancestors().nth(2).unwrap().join("sandbox-worker"),
            args: Vec::new(),
        };
        let state = execution::State::connect(&self.config, worker)
            .await
            .unwrap();
        execution::service(state)
            .start(&self.runtime)
            .await
            .unwrap()
    }

    async fn provision(&self, tenant: TenantId) {
        let owner = sql::Owner::connect(&self.config.sql).await.unwrap();
        owner
            .create_tenant(tenant, &[execution::MIGRATIONS])
            .await
            .unwrap();
    }

    async fn drain(mut self) {
        self.running.take().unwrap().drain().await;
    }

    /// Puts a definition where the flow service puts it, and gives its hash.
    async fn define(&self, nodes: Value, edges: &[(&str, &str, &str)]) -> String {
        self.define_with(nodes, edges, json!({})).await
    }

    /// With more than nodes and edges.
    async fn define_with(&self, nodes: Value, edges: &[(&str, &str, &str)], more: Value) -> String {
        let edges: Vec<_> = edges
            .iter()
            .map(|(from, port, to)| json!({"from": from, "from_port": port, "to": to}))
            .collect();
        let mut definition = json!({"nodes": nodes, "edges": edges});
        let fields = more.as_object().unwrap().clone();
        definition.as_object_mut().unwrap().extend(fields);
        let definition: Definition = serde_json::from_value(definition).unwrap();
        let executable = Executable {
            definition,
            ..Executable::default()
        };
        self.store(&executable).await
    }

    async fn store(&self, executable: &Executable) -> String {
        let text = serde_json::to_vec(executable).unwrap();
        let hash = format!("{:032x}", ExecutionId::generate().uuid().as_u128());
        let bucket = self.bus.kv(Bucket::FlowDef).await.unwrap();
        bucket.put(&hash, text.into()).await.unwrap();
        hash
    }

    fn start_of(&self, hash: &str, input: Value) -> Start {
        Start {
            tenant: self.user.tenant,
            execution_id: ExecutionId::generate(),
            origin: Origin::flow(FlowId::generate(), Some(1)),
            parent: None,
            notify: false,
            queued: false,
            basis: None,
            definition_hash: hash.to_owned(),
            input,
            vars: json!({"greeting": "Hello"}),
            principal: self.user.clone(),
        }
    }

    /// Starts, as the flow service does: again, until an owner answers.
    async fn begin(&self, start: &Start) -> Accepted {
        eventually(SOON, async || {
            match self.bus.ask_owner(start, Duration::from_secs(5)).await {
                Ok(accepted) => Some(accepted),
                Err(problem) => {
                    assert_eq!(problem.status, 503, "{problem:?}");
                    None
                }
            }
        })
        .await
    }

    async fn execute(&self, hash: &str, input: Value) -> ExecutionId {
        self.begin(&self.start_of(hash, input)).await.id
    }

    async fn ask<R: Request>(&self, who: &Principal, request: &R) -> Result<R::Reply, Problem> {
        let token = testkit::token(who);
        self.bus
            .call(who.tenant, request, Call::with_token(&token))
            .await
    }

    async fn get(&self, id: ExecutionId) -> Execution {
        let request = GetExecution { execution_id: id };
        self.ask(&self.user, &request).await.unwrap()
    }

    /// Waits for the end.
    async fn finished(&self, id: ExecutionId) -> Execution {
        eventually(SOON, async || {
            let execution = self
                .ask(&self.user, &GetExecution { execution_id: id })
                .await
                .ok()?;
            execution.state.is_final().then_some(execution)
        })
        .await
    }

    /// The whole history, checked for gaps.
    async fn events(&self, id: ExecutionId) -> Vec<Frame> {
        let mut frames: Vec<Frame> = Vec::new();
        loop {
            let after = frames.last().map_or(0, |frame| frame.n);
            let request = ListEvents {
                execution_id: id,
                after,
                limit: Some(3),
            };
            let Events { items, next } = self.ask(&self.user, &request).await.unwrap();
            frames.extend(items);
            if next.is_none() {
                break;
            }
        }
        for (frame, n) in frames.iter().zip(1..) {
            assert_eq!(frame.n, n);
        }
        frames
    }

    async fn kinds(&self, id: ExecutionId) -> Vec<&'static str> {
        let frames = self.events(id).await;
        frames.iter().map(|frame| frame.event.kind()).collect()
    }
}

/// A flow that waits until the moment `until` of its input, which is its output.
async fn sleeping_flow(fixture: &Fixture) -> String {
    let nodes = json!([
        {"id": "t", "type": "trigger"},
        {"id": "w", "type": "wait", "config": {"until": "{{ input.until }}"}},
        {"id": "o", "type": "output", "config": {"value": "{{ nodes.w.output.until }}"}},
    ]);
    fixture
        .define(nodes, &[("t", "out", "w"), ("w", "out", "o")])
        .await
}

/// A flow of transforms.
async fn inline_flow(fixture: &Fixture) -> String {
    let nodes = json!([
        {"id": "t", "type": "trigger"},
        {"id": "a", "type": "transform", "config": {"value": {"text": "{{ vars.greeting }} {{ input.name }}"}}},
        {"id": "o", "type": "output", "config": {"value": "{{ nodes.a.output.text }}"}}
    ]);
    fixture
        .define(nodes, &[("t", "out", "a"), ("a", "out", "o")])
        .await
}
