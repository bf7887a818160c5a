//! The configuration of the process: each library's own part, side by side.

use bus::server_config::ServerUser;
use clap::Args;

use crate::roles::Role;

#[derive(Args, Clone)]
#[group(skip)]
pub(crate) struct Settings {
    #[command(flatten)]
    nats: bus::Config,
    /// The secret that the services' NATS passwords and the callout's key are derived from; without it, `--nats-user`
    /// and `--nats-password` are used for every service, as a server without users of its own needs.
    #[arg(long, env = "TROUPE_NATS_SECRET", hide_env_values = true)]
    pub(crate) nats_secret: Option<String>,
    /// Partitions of the engine; decided by the first start, for good.
    #[arg(long, env = "TROUPE_PARTITIONS", default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=64))]
    pub(crate) partitions: u16,
    #[command(flatten)]
    pub(crate) sql: sql::Config,
    #[command(flatten)]
    pub(crate) documents: documents::Config,
    #[command(flatten)]
    pub(crate) vault: vault::Config,
    #[command(flatten)]
    egress: egress::Config,
    #[command(flatten)]
    sandbox: sandbox::Config,
    #[command(flatten)]
    containers: tool::ContainersConfig,
    #[command(flatten)]
    engine: execution::EngineConfig,
    #[command(flatten)]
    llm: llm_gateway::Settings,
    #[command(flatten)]
    tool: tool::Settings,
    #[command(flatten)]
    chat: chat::Settings,
    #[command(flatten)]
    auth: auth::Config,
    #[command(flatten)]
    pub(crate) gateway: gateway::Config,
    /// Address of `/healthz`, `/readyz` and `/metrics` for roles that serve no HTTP of their own.
    #[arg(long, env = "TROUPE_HEALTH_ADDR", default_value = "127.0.0.1:8081")]
    pub(crate) health_addr: std::net::SocketAddr,
}

impl Settings {
    /// How a role connects to NATS.
    pub(crate) fn bus_of(&self, role: Role) -> bus::Config {
        self.bus_as(role.service().into())
    }

    pub(crate) fn bus_as_admin(&self) -> bus::Config {
        self.bus_as(ServerUser::Admin)
    }

    pub(crate) fn auth(&self) -> anyhow::Result<auth::Config> {
        let mut auth = self.auth.clone();
        if let (None, Some(secret)) = (&auth.nats_issuer, &self.nats_secret) {
            auth.nats_issuer = Some(bus::server_config::issuer(secret).seed()?.into());
        }
        Ok(auth)
    }

    pub(crate) fn execution(&self) -> execution::Config {
        execution::Config {
            sql: self.sql.clone(),
            documents: self.documents.clone(),
            egress: self.egress.clone(),
            sandbox: self.sandbox.clone(),
            engine: self.engine.clone(),
        }
    }

    pub(crate) fn llm_gateway(&self) -> llm_gateway::Config {
        llm_gateway::Config {
            sql: self.sql.clone(),
            documents: self.documents.clone(),
            vault: self.vault.clone(),
            egress: self.egress.clone(),
            llm: self.llm.clone(),
        }
    }

    pub(crate) fn tool(&self) -> tool::Config {
        tool::Config {
            sql: self.sql.clone(),
            vault: self.vault.clone(),
            egress: self.egress.clone(),
            sandbox: self.sandbox.clone(),
            tool: self.tool.clone(),
            containers: self.containers.clone(),
        }
    }

    pub(crate) fn chat(&self) -> chat::Config {
        chat::Config {
            sql: self.sql.clone(),
            documents: self.documents.clone(),
            chat: self.chat.clone(),
        }
    }

    fn bus_as(&self, user: ServerUser) -> bus::Config {
        match &self.nats_secret {
            Some(secret) => bus::Config {
                replicas: self.nats.replicas,
                ..bus::Config::of(self.nats.url.clone(), secret, user)
            },
            None => self.nats.clone(),
        }
    }
}

/// Runs a command on the runtime, with logging and TLS set up.
pub(crate) fn run(
    service: &'static str,
    command: impl Future<Output = anyhow::Result<()>>,
) -> anyhow::Result<()> {
    egress::install_tls();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let telemetry = kernel::telemetry::init(service)?;
    let outcome = runtime.block_on(command);
    if let Err(error) = &outcome {
        tracing::error!("{error:#}");
    }
    drop(telemetry);
    outcome
}
