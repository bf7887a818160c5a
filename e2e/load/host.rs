//! An engine in this process, with servers of its own that keep what they acknowledge.

use anyhow::Result;
use bus::Bus;
use contracts::{Principal, Role, id::TenantId};
use testkit::{Mongo, Nats, Postgres};

/// What `troupe` takes its memory with.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

pub(crate) const PARTITIONS: u16 = 4;

pub(crate) struct Host {
    pub(crate) running: kernel::Running,
    /// The connection of the engine and of the services beside it.
    pub(crate) engine: Bus,
    /// The one who starts executions, on a connection of its own.
    pub(crate) driver: Bus,
    pub(crate) user: Principal,
    /// Of another organization.
    #[allow(dead_code, reason = "not every load test has two organizations")]
    pub(crate) other: Principal,
    _nats: Nats,
    _mongo: Mongo,
    _database: Postgres,
}

impl Host {
    /// The host, and the URL of its NATS server.
    #[allow(dead_code, reason = "not every load test takes the defaults")]
    pub(crate) async fn start() -> Result<(Self, String)> {
        Self::start_with(execution::EngineConfig::default()).await
    }

    /// As [`Host::start`], with limits of its own.
    pub(crate) async fn start_with(
        engine_config: execution::EngineConfig,
    ) -> Result<(Self, String)> {
        let nats = Nats::configured(|dir| {
            format!(
                "host: 127.0.0.1\nport: -1\nports_file_dir: {dir:?}\nmax_payload: {}\njetstream {{ store_dir: {:?}, sync_interval: always }}\n",
                bus::server_config::MAX_PAYLOAD,
                dir.join("store")
            )
        })
        .await;
        let connect = async || Bus::connect(&bus::Config::open(nats.url())).await;
        let (engine, driver) = (connect().await?, connect().await?);
        bus::topology::ensure(&engine, PARTITIONS).await?;
        let database = Postgres::create().await;
        let sql = sql::Config::new(database.url(), "test");
        let owner = sql::Owner::connect(&sql).await?;
        owner.migrate_platform(&[execution::MIGRATIONS]).await?;
        let [user, other] =
            [(); 2].map(|()| testkit::principal(TenantId::generate(), Role::Editor));
        for tenant in [user.tenant, other.tenant] {
            owner
                .create_tenant(tenant, &[execution::MIGRATIONS])
                .await?;
        }
        let mongo = Mongo::create();
        let config = execution::Config {
            sql,
            documents: documents::Config::new(mongo.url(), mongo.database()),
            egress: egress::Config::closed(),
            sandbox: sandbox::Config::default(),
            engine: engine_config,
        };
        // No step of these flows runs code.
        let code_worker = sandbox::WorkerCommand::this_binary()?;
        let state = execution::State::connect(&config, code_worker).await?;
        let runtime = testkit::runtime(&engine).await;
        let url = nats.url();
        let host = Self {
            running: execution::service(state).start(&runtime).await?,
            engine,
            driver,
            user,
            other,
            _nats: nats,
            _mongo: mongo,
            _database: database,
        };
        Ok((host, url))
    }
}
