//! A platform that a test can start, kill and start again.

use std::{
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::Duration,
};

use contracts::id::ExecutionId;
use testkit::{ContainerEngine, Mongo, Nats, Postgres, eventually};

use crate::Client;

/// How long the process may take until it is ready.
const START: Duration = Duration::from_secs(60);
/// What the passwords of a test's NATS server are derived from.
pub const NATS_SECRET: &str = "a secret for tests";
/// 32 bytes in base64, known to everyone.
const MASTER_KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

/// The process and its servers. All end when it is dropped.
pub struct Platform {
    process: Option<Child>,
    port: u16,
    /// `host:port` of private addresses that flows may reach.
    allowed: Vec<String>,
    /// URL and group of the engine that runs containers of tools.
    containers: Option<(String, String)>,
    database: Postgres,
    archive: Mongo,
    nats: Nats,
}

/// A service in a process of its own, beside a [`Platform`]. It ends when it is dropped.
pub struct Served {
    process: Child,
    port: u16,
}

impl Platform {
    /// Starts everything, ready for requests.
    ///
    /// # Panics
    /// When a server or the process does not come up.
    pub async fn start() -> Self {
        Self::allowing(&[]).await
    }

    /// As [`Platform::start`]; flows may reach these private addresses.
    ///
    /// # Panics
    /// When a server or the process does not come up.
    pub async fn allowing(allowed: &[SocketAddr]) -> Self {
        Self::begin(allowed, None).await
    }

    /// As [`Platform::allowing`]; tools may be containers. The engine outlives the platform, and removes what is left.
    ///
    /// # Panics
    /// When a server or the process does not come up.
    pub async fn with_containers(engine: &ContainerEngine, allowed: &[SocketAddr]) -> Self {
        Self::begin(allowed, Some((engine.url(), engine.group()))).await
    }

    async fn begin(allowed: &[SocketAddr], containers: Option<(String, String)>) -> Self {
        let mut platform = Self {
            process: None,
            port: free_port(),
            allowed: allowed.iter().map(ToString::to_string).collect(),
            containers,
            database: Postgres::create().await,
            archive: Mongo::create(),
            nats: Nats::start_secured(NATS_SECRET).await,
        };
        let migrated = platform
            .command("migrate")
            .status()
            .expect("the binary runs");
        assert!(migrated.success(), "`troupe migrate` failed");
        platform.restart().await;
        platform
    }

    /// Starts the process again, after [`Platform::kill`].
    ///
    /// # Panics
    /// When it does not come up.
    pub async fn restart(&mut self) {
        let process = self.command("up").spawn().expect("the binary runs");
        self.process = Some(process);
        let client = Client::new(self.url());
        eventually(START, async || {
            let ended = self
                .process
                .as_mut()
                .and_then(|process| process.try_wait().ok().flatten());
            assert!(ended.is_none(), "`troupe up` ended: {ended:?}");
            client
                .get("/readyz")
                .await
                .is_ok_and(|answer| answer.status == 200)
                .then_some(())
        })
        .await;
    }

    /// One more process with a single service on the same servers, ready for requests.
    ///
    /// # Panics
    /// When it does not come up.
    pub async fn serve(&self, role: &str) -> Served {
        let port = free_port();
        let mut command = self.command("serve");
        command
            .arg(role)
            .env("TROUPE_HEALTH_ADDR", format!("127.0.0.1:{port}"));
        let process = command.spawn().expect("the binary runs");
        let served = Served { process, port };
        let client = Client::new(served.url());
        eventually(START, async || {
            let ready = client.get("/readyz").await;
            ready.is_ok_and(|answer| answer.status == 200).then_some(())
        })
        .await;
        served
    }

    /// Ends the process at once, as a crash does.
    ///
    /// # Panics
    /// When it cannot be killed.
    pub fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().expect("the process can be killed");
            process.wait().expect("the process has ended");
        }
    }

    /// Whether the process still runs.
    ///
    /// # Panics
    /// When its state cannot be read.
    pub fn lives(&mut self) -> bool {
        self.process
            .as_mut()
            .is_some_and(|process| process.try_wait().expect("a state").is_none())
    }

    /// The number of the process, for those who kill it from outside.
    ///
    /// # Panics
    /// When it does not run.
    pub fn process_id(&self) -> u32 {
        self.process.as_ref().expect("the process runs").id()
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub fn nats_url(&self) -> String {
        self.nats.url()
    }

    /// A client without an account.
    pub fn stranger(&self) -> Client {
        Client::new(self.url())
    }

    /// A client with an account and an organization of its own.
    ///
    /// # Panics
    /// When registration fails.
    pub async fn user(&self, name: &str) -> Client {
        let mut client = self.stranger();
        client.register(name).await;
        client
    }

    fn command(&self, name: &str) -> Command {
        let mut command = Command::new(binary());
        command
            .arg(name)
            .env("TROUPE_HTTP_ADDR", format!("127.0.0.1:{}", self.port))
            .envs(settings(&self.nats.url(), &self.database, &self.archive))
            .stdin(Stdio::null());
        if !self.allowed.is_empty() {
            command.env("TROUPE_EGRESS_ALLOW", self.allowed.join(","));
        }
        if let Some((engine, group)) = &self.containers {
            command
                .env("DOCKER_HOST", engine)
                .env("TROUPE_CONTAINER_GROUP", group);
        }
        command
    }
}

impl Drop for Platform {
    fn drop(&mut self) {
        self.kill();
    }
}

impl Served {
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    #[must_use]
    pub fn process_id(&self) -> u32 {
        self.process.id()
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // It may have ended by itself.
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

/// What every process of the platform reads from its environment, whatever its role.
#[must_use]
pub fn settings(
    nats_url: &str,
    database: &Postgres,
    archive: &Mongo,
) -> Vec<(&'static str, String)> {
    let level = std::env::var("TROUPE_LOG").unwrap_or_else(|_| "warn".to_owned());
    vec![
        ("TROUPE_NATS_URL", nats_url.to_owned()),
        ("TROUPE_NATS_SECRET", NATS_SECRET.to_owned()),
        ("TROUPE_POSTGRES_URL", database.url()),
        ("TROUPE_POSTGRES_SECRET", "test".to_owned()),
        ("TROUPE_MONGO_URL", archive.url().to_owned()),
        ("TROUPE_MONGO_DATABASE", archive.database().to_owned()),
        ("TROUPE_MASTER_KEY", MASTER_KEY.to_owned()),
        ("TROUPE_PARTITIONS", "2".to_owned()),
        ("TROUPE_POSTGRES_POOL", "4".to_owned()),
        ("TROUPE_RATE_PER_TENANT", "5000".to_owned()),
        ("TROUPE_RATE_PER_ADDRESS", "10000".to_owned()),
        ("TROUPE_LOG", level),
    ]
}

/// The built binary: named by `cargo xtask test`, else the one beside this program.
///
/// # Panics
/// When it is not built.
#[must_use]
pub fn binary() -> PathBuf {
    if let Some(path) = std::env::var_os("TROUPE_BIN") {
        return path.into();
    }
    let program = std::env::current_exe().expect("a program has a path");
    let folder = program.parent().expect("a program lies in a folder");
    // Tests are in `target/<profile>/deps`.
    let profile = folder.parent().filter(|_| folder.ends_with("deps"));
    let built = profile.unwrap_or(folder).join("troupe");
    assert!(
        built.exists(),
        "`{}` is not built: run `cargo xtask test`",
        built.display()
    );
    built
}

/// A port that nobody listens on, below those that the system gives to connections: one of these may be taken by any
/// connection of another test before it is listened on.
///
/// # Panics
/// When a hundred ports in a row are taken.
#[must_use]
pub fn free_port() -> u16 {
    let id = ExecutionId::generate().uuid().as_u128();
    let is_free = |port: &u16| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok();
    let first = 10_240 + u16::try_from(id % 20_000).expect("it is below 20,000");
    (first..first + 100)
        .find(is_free)
        .expect("one of a hundred ports is free")
}
