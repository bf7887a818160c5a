//! The table of roles: each service, its migrations, and how it is put together from the settings.

use std::collections::BTreeSet;

use anyhow::Context;
use clap::ValueEnum;
use contracts::Service;
use kernel::{Readiness, Running, Runtime, health};
use poem::{EndpointExt, Route, endpoint::BoxEndpoint};
use sandbox::WorkerCommand;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::settings::Settings;

/// What a process can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Role {
    Tenant,
    Auth,
    LlmGateway,
    Tool,
    Agent,
    Execution,
    Flow,
    Chat,
    Gateway,
}

/// The tables of all services.
pub(crate) const MIGRATIONS: [sql::Migrations; 8] = [
    tenant::MIGRATIONS,
    auth::MIGRATIONS,
    flow::MIGRATIONS,
    execution::MIGRATIONS,
    llm_gateway::MIGRATIONS,
    tool::MIGRATIONS,
    chat::MIGRATIONS,
    agent::MIGRATIONS,
];

impl Role {
    /// In the order of starting: those that answer before those that ask.
    pub(crate) const ALL: [Self; 9] = [
        Self::Tenant,
        Self::Auth,
        Self::LlmGateway,
        Self::Tool,
        Self::Agent,
        Self::Execution,
        Self::Flow,
        Self::Chat,
        Self::Gateway,
    ];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Tenant => "troupe-tenant",
            Self::Auth => "troupe-auth",
            Self::LlmGateway => "troupe-llm-gateway",
            Self::Tool => "troupe-tool",
            Self::Agent => "troupe-agent",
            Self::Execution => "troupe-execution",
            Self::Flow => "troupe-flow",
            Self::Chat => "troupe-chat",
            Self::Gateway => "troupe-gateway",
        }
    }

    pub(crate) const fn service(self) -> Service {
        match self {
            Self::Tenant => Service::Tenant,
            Self::Auth => Service::Auth,
            Self::LlmGateway => Service::Llm,
            Self::Tool => Service::Tool,
            Self::Agent => Service::Agent,
            Self::Execution => Service::Execution,
            Self::Flow => Service::Flow,
            Self::Chat => Service::Chat,
            Self::Gateway => Service::Gateway,
        }
    }
}

/// A process that takes shape, role by role.
pub(crate) struct Platform {
    settings: Settings,
    readiness: Readiness,
    /// A connection for each role.
    buses: Vec<bus::Bus>,
    /// The OpenAI-compatible face, once the LLM gateway is there.
    face: Option<BoxEndpoint<'static>>,
    services: Vec<Running>,
    gateway: Option<gateway::Serving>,
    http: JoinSet<()>,
    stop: CancellationToken,
}

impl Platform {
    pub(crate) fn new(settings: Settings) -> Self {
        Self {
            settings,
            readiness: Readiness::default(),
            buses: Vec::new(),
            face: None,
            services: Vec::new(),
            gateway: None,
            http: JoinSet::new(),
            stop: CancellationToken::new(),
        }
    }

    /// Starts a role; it answers from the moment this returns.
    pub(crate) async fn start(&mut self, role: Role) -> anyhow::Result<()> {
        let runtime = self.runtime(role).await?;
        let settings = self.settings.clone();
        let running = match role {
            Role::Tenant => {
                let config = tenant::Config { sql: settings.sql };
                let state = tenant::State::connect(&config, MIGRATIONS.to_vec()).await?;
                tenant::service(state).start(&runtime).await?
            }
            Role::Auth => start_auth(settings, &runtime).await?,
            Role::LlmGateway => {
                let state = llm_gateway::State::connect(&settings.llm_gateway()).await?;
                let face = llm_gateway::http(state.clone(), runtime.verifier.clone());
                self.face = Some(face.map_to_response().boxed());
                llm_gateway::service(state).start(&runtime).await?
            }
            Role::Tool => {
                let worker = WorkerCommand::this_binary()?;
                let state = tool::State::connect(&settings.tool(), worker).await?;
                tool::service(state).start(&runtime).await?
            }
            Role::Agent => {
                let config = agent::Config { sql: settings.sql };
                let state = agent::State::connect(&config).await?;
                agent::service(state).start(&runtime).await?
            }
            Role::Execution => {
                let state =
                    execution::State::connect(&settings.execution(), WorkerCommand::this_binary()?)
                        .await?;
                execution::service(state).start(&runtime).await?
            }
            Role::Flow => {
                let pool = sql::Pool::connect(&settings.sql, &flow::MIGRATIONS).await?;
                self.add_database(&pool);
                let vault = vault::Vault::new(&settings.vault)?;
                flow::service(pool, vault).start(&runtime).await?
            }
            Role::Chat => {
                let state = chat::State::connect(&settings.chat()).await?;
                chat::service(state).start(&runtime).await?
            }
            Role::Gateway => {
                let face = self.face.take().map(|face| ("/v1", face));
                let runtime = Runtime {
                    readiness: self.readiness.clone(),
                    ..runtime
                };
                self.gateway = Some(gateway::serve(
                    settings.gateway,
                    &runtime,
                    face.into_iter().collect(),
                )?);
                return Ok(());
            }
        };
        self.services.push(running);
        Ok(())
    }

    /// Serves health, and the OpenAI-compatible face, for roles without a listener of their own.
    pub(crate) fn serve_health(&mut self) {
        if self.gateway.is_some() {
            return;
        }
        let mut routes = health::routes(Route::new(), self.readiness.clone());
        if let Some(face) = self.face.take() {
            routes = routes.nest("/v1", face);
        }
        let (address, stop) = (self.settings.health_addr, self.stop.clone());
        self.http.spawn(async move {
            if let Err(error) = health::serve(address, routes, stop).await {
                tracing::error!("{:#}", anyhow::Error::from(error));
            }
        });
    }

    /// Those that ask are drained before those that answer.
    pub(crate) async fn drain(mut self) {
        if let Some(gateway) = self.gateway.take() {
            gateway.drain().await;
        }
        for service in self.services.into_iter().rev() {
            service.drain().await;
        }
        self.stop.cancel();
        self.http.join_all().await;
    }

    async fn runtime(&mut self, role: Role) -> anyhow::Result<Runtime> {
        let bus = bus::Bus::connect(&self.settings.bus_of(role))
            .await
            .context("NATS")?;
        self.buses.push(bus.clone());
        let buses = self.buses.clone();
        self.readiness.add("nats", move || {
            let working = is_working(&buses);
            async move { working }
        });
        let verifier = kernel::Verifier::follow(&bus);
        Ok(Runtime::new(bus, verifier))
    }

    fn add_database(&mut self, pool: &sql::Pool) {
        let pool = pool.clone();
        self.readiness.add("postgres", move || {
            let pool = pool.clone();
            async move { pool.ping().await.map_err(|error| error.to_string()) }
        });
    }

    /// What the process depends on beside NATS.
    pub(crate) async fn watch_stores(&mut self) -> anyhow::Result<()> {
        let archive = documents::Archive::connect(&self.settings.documents)
            .await
            .context("MongoDB")?;
        self.readiness.add("mongo", move || {
            let archive = archive.clone();
            async move { archive.ping().await.map_err(|error| error.to_string()) }
        });
        Ok(())
    }
}

/// Whether each role is connected, and what it stores is taken.
fn is_working(buses: &[bus::Bus]) -> Result<(), String> {
    if !buses.iter().all(bus::Bus::is_connected) {
        return Err("not connected".to_owned());
    }
    let refused: BTreeSet<_> = buses.iter().flat_map(bus::Bus::unwritable).collect();
    if refused.is_empty() {
        return Ok(());
    }
    Err(refused.into_iter().collect::<Vec<_>>().join("; "))
}

async fn start_auth(settings: Settings, runtime: &Runtime) -> anyhow::Result<Running> {
    let wiring = auth::Wiring {
        pool: sql::Pool::connect(&settings.sql, &auth::MIGRATIONS).await?,
        bus: runtime.bus.clone(),
        verifier: runtime.verifier.clone(),
        vault: vault::Vault::new(&settings.vault)?,
    };
    let state = auth::State::open(&settings.auth()?, wiring).await?;
    Ok(auth::service(state).start(runtime).await?)
}
