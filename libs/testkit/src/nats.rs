//! A `nats-server` per test.
//!
//! **Invariant:** each server has a port the operating system chose and a store
//! of its own, so tests can run at the same time and see nothing of each other.

use std::{
    net::SocketAddr,
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use bus::server_config::{MAX_PAYLOAD, ServerConfig};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    net::TcpStream,
};

use crate::{eventually, servers::from_environment};

const START_TIME: Duration = Duration::from_secs(20);
/// What streams may claim. By default it is a part of the free disk, and on a nearly full one no server could have our streams, though
/// a test fills none.
const FILE_STORE: &str = "64GB";

/// A running `nats-server` with JetStream. Killed on drop, its store removed.
#[derive(Debug)]
pub struct Nats {
    server: Child,
    port: u16,
    dir: TempDir,
}

impl Nats {
    /// A server without users: whoever connects may do everything.
    ///
    /// # Panics
    /// When the server cannot be started.
    pub async fn start() -> Self {
        let dir = TempDir::new().expect("a temporary folder can be made");
        let config = open_config(dir.path());
        Self::launch(dir, &config).await
    }

    /// A server with the platform's users and permissions, as in production,
    /// their passwords derived from `secret`.
    ///
    /// # Panics
    /// When the server cannot be started.
    pub async fn start_secured(secret: &str) -> Self {
        Self::configured(|dir| {
            ServerConfig {
                ports_file_dir: Some(dir.to_owned()),
                ..ServerConfig::loopback(secret, dir.join("store"))
            }
            .text()
        })
        .await
    }

    /// A server with a configuration of the test's own. `config` gets the folder in which the server stores, and must
    /// name it as `ports_file_dir`, with a port the server may choose.
    ///
    /// # Panics
    /// When the server cannot be started.
    pub async fn configured(config: impl FnOnce(&Path) -> String) -> Self {
        let dir = TempDir::new().expect("a temporary folder can be made");
        let config = config(dir.path());
        Self::launch(dir, &config).await
    }

    /// `nats://127.0.0.1:<port>`
    #[must_use]
    pub fn url(&self) -> String {
        format!("nats://{}", self.address())
    }

    /// Where the server listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.port))
    }

    /// The number of the server's process, for those who stop it from outside.
    #[must_use]
    pub fn process_id(&self) -> u32 {
        self.server.id()
    }

    /// Ends the server at once, as a crash would. Its store stays.
    pub fn kill(&mut self) {
        // The server may have ended by itself; then there is nothing to do.
        self.server.kill().ok();
        self.server.wait().ok();
    }

    /// Starts the server again, after [`Nats::kill`], with the same port and
    /// the same store.
    ///
    /// # Panics
    /// When the server cannot be started.
    pub async fn restart(&mut self) {
        self.kill();
        self.server = spawn(self.dir.path(), Some(self.port));
        wait_until_ready(self.address()).await;
    }

    async fn launch(dir: TempDir, config: &str) -> Self {
        std::fs::write(dir.path().join("nats.conf"), config).expect("the configuration is written");
        let server = spawn(dir.path(), None);
        let ports_file = dir
            .path()
            .join(format!("nats-server_{}.ports", server.id()));
        let mut nats = Self {
            server,
            port: 0,
            dir,
        };
        nats.port = eventually(START_TIME, async || {
            nats.assert_alive();
            port_in(&ports_file)
        })
        .await;
        wait_until_ready(nats.address()).await;
        nats
    }

    fn assert_alive(&mut self) {
        let ended = self.server.try_wait().expect("the child can be asked");
        assert!(
            ended.is_none(),
            "nats-server ended at once: {}",
            std::fs::read_to_string(self.dir.path().join("nats.log")).unwrap_or_default()
        );
    }
}

impl Drop for Nats {
    fn drop(&mut self) {
        self.kill();
    }
}

fn open_config(dir: &Path) -> String {
    format!(
        "host: 127.0.0.1\nport: -1\nmax_payload: {MAX_PAYLOAD}\nports_file_dir: {dir:?}\njetstream {{ store_dir: {store:?}, max_file_store: {FILE_STORE} }}\n",
        store = dir.join("store"),
    )
}

fn spawn(dir: &Path, port: Option<u16>) -> Child {
    let program = from_environment("NATS_SERVER_BIN");
    let log = std::fs::File::create(dir.join("nats.log")).expect("the log file is made");
    let mut command = Command::new(&program);
    command.arg("-c").arg(dir.join("nats.conf"));
    if let Some(port) = port {
        command.args(["--port", &port.to_string()]);
    }
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .unwrap_or_else(|error| panic!("`{program}` cannot be started: {error}"))
}

/// The server writes this file once its listener is open; it may be read
/// half-written, which is then not JSON yet.
fn port_in(ports_file: &Path) -> Option<u16> {
    let text = std::fs::read(ports_file).ok()?;
    let ports: serde_json::Value = serde_json::from_slice(&text).ok()?;
    ports["nats"][0].as_str()?.rsplit(':').next()?.parse().ok()
}

/// A server that is ready greets each connection with an `INFO` line.
async fn wait_until_ready(address: SocketAddr) {
    eventually(START_TIME, async || {
        let connection = TcpStream::connect(address).await.ok()?;
        let mut greeting = String::new();
        BufReader::new(connection)
            .read_line(&mut greeting)
            .await
            .ok()?;
        greeting.starts_with("INFO ").then_some(())
    })
    .await;
}
