//! The auth service on real servers, reached as its callers reach it: over a NATS server with the platform's users.

#![allow(clippy::unwrap_used, reason = "a test may panic, and its helpers too")]

mod callout;
mod keys;
mod login;
mod members;
mod registration;
mod sessions;
mod tenant_service;
mod tickets;
mod tokens;
mod wire;

use std::sync::Arc;

use auth::{Config, State, Wiring};
use bus::{
    Bus, Call,
    server_config::{ServerConfig, ServerUser, issuer_seed},
};
use contracts::{
    ErrorCode, Principal, Problem, Request, Service,
    auth::{Login, Register, Session},
    id::TenantId,
};
use kernel::{Running, Runtime, Verifier};
use sea_orm::{ConnectionTrait, Database};
use testkit::{Nats, Postgres};
use vault::Vault;

use tenant_service::Tenants;

const SECRET: &str = "a secret of these tests";
const MASTER_KEY: &str = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";
const PASSWORD: &str = "correct horse battery staple";

/// Servers, the auth service, and a tenant service that answers from memory.
struct Platform {
    nats: Nats,
    database: Postgres,
    tenants: Arc<Tenants>,
    verifier: Verifier,
    gateway: Bus,
    execution: Bus,
    _running: Vec<Running>,
}

impl Platform {
    async fn start() -> Self {
        let nats = nats().await;
        let database = database().await;
        let tenants = Arc::new(Tenants::default());
        let tenant_bus = connect(&nats, Service::Tenant).await;
        let tenant = tenant_service::service(tenants.clone());
        let tenant = tenant.start(&runtime(&tenant_bus)).await.unwrap();
        let bus = connect(&nats, Service::Auth).await;
        let state = open(&database, &bus, MASTER_KEY).await.unwrap();
        let running = auth::service(state).start(&runtime(&bus)).await.unwrap();
        let gateway = connect(&nats, Service::Gateway).await;
        Self {
            verifier: Verifier::follow(&gateway),
            execution: connect(&nats, Service::Execution).await,
            gateway,
            nats,
            database,
            tenants,
            _running: vec![running, tenant],
        }
    }

    /// Asks as the gateway does, without a token.
    async fn ask<R: Request>(&self, request: &R) -> Result<R::Reply, Problem> {
        self.gateway
            .call(TenantId::PLATFORM, request, Call::anonymous())
            .await
    }

    /// Asks as the gateway does, for a signed-in user.
    async fn ask_as<R: Request>(
        &self,
        session: &Session,
        request: &R,
    ) -> Result<R::Reply, Problem> {
        self.gateway
            .call(
                session.organization.id,
                request,
                Call::with_token(&session.access_token),
            )
            .await
    }

    async fn register(&self, name: &str) -> Session {
        self.ask(&registration(name)).await.expect("a registration")
    }

    async fn login(&self, name: &str, password: &str) -> Result<Session, Problem> {
        self.ask(&Login {
            email: email(name),
            password: password.into(),
            organization_id: None,
        })
        .await
    }

    async fn principal(&self, session: &Session) -> Principal {
        self.verifier
            .verify(&session.access_token)
            .await
            .expect("a good access token")
    }

    /// All that the database keeps of this service, as text.
    async fn dump(&self) -> String {
        let owner = Database::connect(self.database.url()).await.unwrap();
        let mut dump = String::new();
        for table in [
            "users",
            "sessions",
            "refresh_tokens",
            "login_tries",
            "signing_keys",
        ] {
            let query =
                format!("SELECT coalesce(string_agg(t::text, ' '), '') FROM platform.{table} t");
            let statement = sea_orm::Statement::from_string(owner.get_database_backend(), query);
            let row = owner.query_one_raw(statement).await.unwrap().unwrap();
            dump.push_str(&row.try_get_by_index::<String>(0).unwrap());
        }
        owner.close().await.unwrap();
        dump
    }

    /// Changes rows as nobody but an operator may.
    async fn sql(&self, statement: &str) {
        let owner = Database::connect(self.database.url()).await.unwrap();
        owner.execute_unprepared(statement).await.unwrap();
        owner.close().await.unwrap();
    }
}

async fn nats() -> Nats {
    let config = |dir: &std::path::Path| {
        let config = ServerConfig::loopback(SECRET, dir.join("store"));
        ServerConfig {
            ports_file_dir: Some(dir.to_owned()),
            partitions: 1,
            ..config
        }
        .text()
    };
    let nats = Nats::configured(config).await;
    bus::topology::ensure(&connect(&nats, ServerUser::Admin).await, 1)
        .await
        .unwrap();
    nats
}

async fn connect(nats: &Nats, user: impl Into<ServerUser>) -> Bus {
    Bus::connect(&bus::Config::of(nats.url(), SECRET, user))
        .await
        .unwrap()
}

fn runtime(bus: &Bus) -> Runtime {
    Runtime::new(bus.clone(), Verifier::follow(bus))
}

async fn database() -> Postgres {
    let key = format!("{:?}", auth::MIGRATIONS);
    Postgres::migrated(&key, async |url| {
        let owner = sql::Owner::connect(&sql::Config::new(url, "test")).await?;
        owner.migrate_platform(&[auth::MIGRATIONS]).await?;
        Ok(())
    })
    .await
}

async fn open(database: &Postgres, bus: &Bus, master_key: &str) -> Result<State, auth::Error> {
    let pool = sql::Pool::connect(&sql::Config::new(database.url(), "test"), &auth::MIGRATIONS)
        .await
        .unwrap();
    let config = Config {
        nats_issuer: Some(issuer_seed(SECRET).into()),
    };
    let vault = Vault::new(&vault::Config::new(master_key)).unwrap();
    let wiring = Wiring {
        pool,
        bus: bus.clone(),
        verifier: Verifier::follow(bus),
        vault,
    };
    State::open(&config, wiring).await
}

fn email(name: &str) -> String {
    format!("{name}@example.com")
}

fn registration(name: &str) -> Register {
    Register {
        email: email(name),
        password: PASSWORD.into(),
        name: name.into(),
        organization: format!("{name}'s"),
    }
}

fn code<T>(answer: Result<T, Problem>) -> ErrorCode {
    answer.err().expect("a problem").code
}
