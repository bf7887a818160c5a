//! The flow service through the bus, on real servers.

#![allow(clippy::unwrap_used, reason = "a test may panic, and its helpers too")]

mod agents;
mod drafts;
mod execute;
mod pins;
mod revisions;
mod walls;

use std::sync::{Arc, Mutex};

use bus::{Bus, Call};
use contracts::{
    Principal, Problem, Request, Role, Subject,
    execution::{Accepted, ExecutionState},
    flow::{CreateFlow, Definition, Flow, PublishFlow, Revision},
    id::TenantId,
    owner::{OwnerKind, Start},
};
use futures::StreamExt;
use kernel::Running;
use testkit::{Nats, Postgres};
use tokio::task::JoinSet;

/// The service with servers of its own, and an owner of all partitions that only takes notes.
struct Fixture {
    bus: Bus,
    config: sql::Config,
    starts: Arc<Mutex<Vec<Start>>>,
    _running: Running,
    _owner: JoinSet<()>,
    database: Postgres,
    _nats: Nats,
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
        let pool = sql::Pool::connect(&config, &flow::MIGRATIONS)
            .await
            .unwrap();
        let running = flow::service(pool).start(&runtime).await.unwrap();
        let starts = Arc::new(Mutex::new(Vec::new()));
        let owner = owner(&bus, &starts).await;
        Self {
            bus,
            config,
            starts,
            _running: running,
            _owner: owner,
            database,
            _nats: nats,
        }
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
        self.starts.lock().unwrap().clone()
    }
}

async fn owner(bus: &Bus, starts: &Arc<Mutex<Vec<Start>>>) -> JoinSet<()> {
    let mut tasks = JoinSet::new();
    for partition in 0..bus.partitions().await.unwrap() {
        let subject = Subject::owner(partition, OwnerKind::Start);
        let mut requests = bus.subscribe(&subject, None).await.unwrap();
        let (bus, starts) = (bus.clone(), starts.clone());
        tasks.spawn(async move {
            while let Some(request) = requests.next().await {
                let start: Start = serde_json::from_slice(request.payload()).unwrap();
                let accepted = Accepted {
                    id: start.execution_id,
                    origin: start.origin,
                    state: ExecutionState::Queued,
                };
                starts.lock().unwrap().push(start);
                bus.reply(&request, Ok(&accepted)).await.unwrap();
            }
        });
    }
    bus.flush().await.unwrap();
    tasks
}

fn reason(problem: &Problem) -> (u16, &str) {
    (problem.status, problem.reason.as_deref().unwrap_or(""))
}
