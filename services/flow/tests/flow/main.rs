//! The flow service through the bus, on real servers.

#![allow(clippy::unwrap_used, reason = "a test may panic, and its helpers too")]

mod again;
mod agents;
mod clocks;
mod concurrency;
mod drafts;
mod events;
mod execute;
mod pins;
mod regressions;
mod revisions;
mod triggers;
mod versions;
mod walls;
mod webhooks;
mod world;

use std::{sync::Arc, time::Duration};

use bus::{Bus, Call};
use contracts::{
    Principal, Problem, Request, Role,
    flow::{CreateFlow, Definition, Flow, PublishFlow, Revision},
    id::TenantId,
    owner::Start,
};
use kernel::{Running, Runtime};
use testkit::{Nats, Postgres};
use vault::Vault;

use world::World;

const MASTER_KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
const SOON: Duration = Duration::from_secs(20);

/// The service with servers of its own, in a world that takes notes.
struct Fixture {
    bus: Bus,
    config: sql::Config,
    runtime: Runtime,
    running: Vec<Running>,
    world: Arc<World>,
    database: Postgres,
    nats: Nats,
}

impl Fixture {
    async fn start() -> Self {
        let nats = Nats::start().await;
        let bus = testkit::bus(&nats.url()).await;
        let runtime = testkit::runtime(&bus).await;
        let database = Postgres::migrated(&format!("{:?}", flow::MIGRATIONS), async |url| {
            let owner = sql::Owner::connect(&sql::Config::new(url, "test")).await?;
            Ok(owner.migrate_platform(&[flow::MIGRATIONS]).await?)
        })
        .await;
        let config = sql::Config::new(database.url(), "test");
        let world = World::start(&bus, &runtime).await;
        let mut fixture = Self {
            bus,
            config,
            runtime,
            running: Vec::new(),
            world,
            database,
            nats,
        };
        fixture.revive().await;
        fixture
    }

    /// Starts one more of the service.
    async fn revive(&mut self) {
        let pool = sql::Pool::connect(&self.config, &flow::MIGRATIONS)
            .await
            .unwrap();
        let vault = Vault::new(&vault::Config::new(MASTER_KEY)).unwrap();
        let service = flow::service(pool, vault);
        self.running
            .push(service.start(&self.runtime).await.unwrap());
    }

    /// Another NATS server, which knows of nothing.
    async fn lose_the_server(&mut self) {
        self.nats = Nats::start().await;
        self.bus = testkit::bus(&self.nats.url()).await;
        self.runtime = testkit::runtime(&self.bus).await;
        self.world = World::start(&self.bus, &self.runtime).await;
    }

    /// Changes rows as only who owns the database may.
    async fn sql(&self, tenant: TenantId, statement: &str) {
        let admin = sea_orm::Database::connect(self.database.url())
            .await
            .unwrap();
        let schema = sql::SchemaName::of(tenant).unwrap();
        let text = format!("SET search_path TO \"{schema}\"; {statement}");
        sea_orm::ConnectionTrait::execute_unprepared(&admin, &text)
            .await
            .unwrap();
        admin.close().await.unwrap();
    }

    /// A new tenant with a user in that role.
    async fn user(&self, role: Role) -> Principal {
        let tenant = TenantId::generate();
        let owner = sql::Owner::connect(&self.config).await.unwrap();
        owner
            .create_tenant(tenant, &[flow::MIGRATIONS])
            .await
            .unwrap();
        testkit::principal(tenant, role)
    }

    async fn ask<R: Request>(&self, who: &Principal, request: &R) -> Result<R::Reply, Problem> {
        let token = testkit::token(who);
        self.bus
            .call(who.tenant, request, Call::with_token(&token))
            .await
    }

    async fn flow(&self, who: &Principal) -> Flow {
        let request = CreateFlow {
            name: "Greet".into(),
            description: String::new(),
            definition: Definition::example(),
        };
        self.ask(who, &request).await.unwrap()
    }

    async fn published(&self, who: &Principal) -> (Flow, Revision) {
        let flow = self.flow(who).await;
        let publish = PublishFlow {
            flow_id: flow.id,
            notes: "first".into(),
        };
        (flow, self.ask(who, &publish).await.unwrap())
    }

    fn started(&self) -> Vec<Start> {
        self.world.starts()
    }
}

fn reason(problem: &Problem) -> (u16, &str) {
    (problem.status, problem.reason.as_deref().unwrap_or(""))
}
