//! The tenant service through the bus, on real servers.

#![allow(clippy::unwrap_used, reason = "a test may panic, and its helpers too")]

mod members;
mod organizations;
mod provision;
mod revocations;

use bus::{Bus, Call};
use contracts::{
    ErrorCode, Principal, Problem, Request, Role,
    id::TenantId,
    tenant::{JoinOrganization, Member, Organization, Provision},
};
use kernel::{Running, Runtime};
use sql::{Migration, Migrations};
use testkit::{Nats, Postgres};

/// What another service keeps in the schema of each organization.
const NOTES: Migrations = Migrations {
    service: "notes",
    platform: &[],
    tenant: &[Migration {
        name: "0001_notes",
        sql: "CREATE TABLE notes (id integer PRIMARY KEY)",
    }],
};

/// The service with a NATS server and a database of its own. Dropped in this order.
struct Fixture {
    bus: Bus,
    runtime: Runtime,
    config: sql::Config,
    running: Option<Running>,
    _database: Postgres,
    _nats: Nats,
}

impl Fixture {
    async fn start() -> Self {
        let nats = Nats::start().await;
        let bus = testkit::bus(&nats.url()).await;
        let runtime = testkit::runtime(&bus).await;
        let key = format!("{:?}", (tenant::MIGRATIONS, NOTES));
        let database = Postgres::migrated(&key, async |url| {
            let owner = sql::Owner::connect(&sql::Config::new(url, "test")).await?;
            Ok(owner.migrate_platform(&[tenant::MIGRATIONS, NOTES]).await?)
        })
        .await;
        let config = sql::Config::new(database.url(), "test");
        let own = tenant::Config {
            sql: config.clone(),
        };
        let services = vec![tenant::MIGRATIONS, NOTES];
        let state = tenant::State::connect(&own, services).await.unwrap();
        state.ping().await.unwrap();
        let running = tenant::service(state).start(&runtime).await.unwrap();
        Self {
            bus,
            runtime,
            config,
            running: Some(running),
            _database: database,
            _nats: nats,
        }
    }

    async fn drain(mut self) {
        self.running.take().unwrap().drain().await;
    }

    /// Asks in a user's name.
    async fn ask<R: Request>(&self, who: &Principal, request: &R) -> Result<R::Reply, Problem> {
        self.ask_in(who.tenant, who, request).await
    }

    async fn ask_in<R: Request>(
        &self,
        tenant: TenantId,
        who: &Principal,
        request: &R,
    ) -> Result<R::Reply, Problem> {
        let token = testkit::token(who);
        let call = Call {
            token: Some(&token),
            ..Call::anonymous()
        };
        self.bus.call(tenant, request, call).await
    }

    /// Asks as another service does.
    async fn ask_inside<R: Request>(
        &self,
        tenant: TenantId,
        request: &R,
    ) -> Result<R::Reply, Problem> {
        self.bus.call(tenant, request, Call::anonymous()).await
    }

    /// An organization and its owner.
    async fn organization(&self) -> (Organization, Principal) {
        let owner = testkit::principal(TenantId::generate(), Role::Owner);
        let request = provision(&owner, "Analytical Engines");
        let organization = self.ask_inside(owner.tenant, &request).await.unwrap();
        (organization, owner)
    }

    /// A new member.
    async fn member(&self, tenant: TenantId, role: Role) -> Principal {
        let member = testkit::principal(tenant, role);
        self.join(&member).await.unwrap();
        member
    }

    async fn join(&self, who: &Principal) -> Result<Member, Problem> {
        let request = JoinOrganization {
            user_id: who.user_id,
            email: format!("{}@example.com", who.user_id),
            name: "Grace Hopper".into(),
            role: who.role,
            by_role: Role::Owner,
        };
        self.ask_inside(who.tenant, &request).await
    }
}

fn provision(owner: &Principal, name: &str) -> Provision {
    Provision {
        name: name.into(),
        owner_id: owner.user_id,
        owner_email: "ada@example.com".into(),
        owner_name: "Ada Lovelace".into(),
    }
}

#[track_caller]
fn check_refused<T: std::fmt::Debug>(
    answer: Result<T, Problem>,
    code: ErrorCode,
    reason: Option<&str>,
) {
    let problem = answer.unwrap_err();
    assert_eq!(
        (problem.code, problem.reason.as_deref()),
        (code, reason),
        "{problem:?}"
    );
}
