//! The servers that the platform stands on, as far as they can be harmed: PostgreSQL and MongoDB belong to
//! `cargo xtask faults`, which starts them again when they have ended; the NATS server is our own.

use std::{
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use bus::server_config::ServerConfig;
use e2e::NATS_SECRET;
use testkit::Nats;

use crate::{
    cluster::Cluster,
    signals::{self, Signal},
};

/// Where `cargo xtask faults` writes down which processes its servers are.
const PROCESSES: &str = "TROUPE_FAULTS_SERVERS";
/// Bytes of a file system for the NATS server alone: uploads, inbound messages, records of questions and the cache reserve 1 GiB
/// each, and the server takes three quarters at most. The file is sparse.
const ROOM: u64 = 8 * 1024 * 1024 * 1024;
/// What is left of it is written piece by piece.
const PIECE: usize = 64 * 1024;
/// How long a server may take to be there again.
const BACK: Duration = Duration::from_secs(60);
/// Who may do everything on the NATS server, as no service may.
const OPERATOR: (&str, &str) = ("operator", "harm");

/// A database server of this run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Database {
    Postgres,
    Mongo,
}

impl Database {
    const fn name(self) -> &'static str {
        match self {
            Self::Postgres => "postgres",
            Self::Mongo => "mongo",
        }
    }

    /// Its process, as it was written down last.
    fn process(self) -> Result<u32> {
        let folder = std::env::var_os(PROCESSES);
        let folder = folder
            .with_context(|| format!("`{PROCESSES}` is not set: run `cargo xtask faults`"))?;
        let file = PathBuf::from(folder).join(format!("{}.pid", self.name()));
        let text =
            std::fs::read_to_string(&file).with_context(|| format!("`{}`", file.display()))?;
        let id = text.split(' ').next().and_then(|id| id.parse().ok());
        id.with_context(|| format!("`{}` names no process", file.display()))
    }

    /// Ends it with all its children, as a crash of the machine would, and waits until another process is there instead.
    pub(crate) async fn kill(self) -> Result<()> {
        let process = self.process()?;
        signals::send(Signal::Kill, &signals::family(process))?;
        let begun = Instant::now();
        while self.process()? == process {
            if begun.elapsed() > BACK {
                bail!("nobody has started {} again", self.name());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok(())
    }

    pub(crate) async fn pause(self, time: Duration) -> Result<()> {
        let family = signals::family(self.process()?);
        signals::send(Signal::Stop, &family)?;
        tokio::time::sleep(time).await;
        signals::send(Signal::Continue, &family)
    }
}

/// A small file system of its own, which can be filled to the last byte. It goes when it is dropped.
pub(crate) struct Room {
    at: PathBuf,
}

impl Room {
    /// None where this process may not mount, as on most machines of developers.
    pub(crate) fn make(folder: &Path) -> Result<Option<Self>> {
        let (image, at) = (folder.join("room.ext4"), folder.join("room"));
        std::fs::create_dir_all(&at)?;
        std::fs::File::create(&image)?.set_len(ROOM)?;
        let made = ran(Command::new("mkfs.ext4").args(["-q", "-F"]).arg(&image))
            && ran(Command::new("mount")
                .args(["-o", "loop"])
                .arg(&image)
                .arg(&at));
        Ok(made.then_some(Self { at }))
    }

    pub(crate) fn store(&self) -> PathBuf {
        self.at.join("store")
    }

    /// Reserves what is free, and writes until there is no room.
    pub(crate) fn fill(&self) -> Result<()> {
        let free = Command::new("df")
            .args(["--output=avail", "-B1"])
            .arg(&self.at)
            .output()?;
        let free = String::from_utf8(free.stdout)?;
        let free = free.lines().nth(1).context("`df` says nothing")?.trim();
        let reserved = self.at.join("reserved");
        ran(Command::new("fallocate").args(["-l", free]).arg(&reserved));
        let mut ballast = std::fs::File::create(self.at.join("ballast"))?;
        let piece = vec![0; PIECE];
        while ballast.write_all(&piece).is_ok() && ballast.sync_data().is_ok() {}
        Ok(())
    }

    pub(crate) fn empty(&self) -> Result<()> {
        std::fs::remove_file(self.at.join("reserved"))?;
        Ok(std::fs::remove_file(self.at.join("ballast"))?)
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        if !ran(Command::new("umount").arg("-l").arg(&self.at)) {
            eprintln!("`{}` is left behind", self.at.display());
        }
    }
}

fn ran(command: &mut Command) -> bool {
    let quiet = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    quiet.status().is_ok_and(|status| status.success())
}

/// What the platform stands on: one server, or three in a cluster.
pub(crate) enum Bus {
    One(Nats),
    Three(Cluster),
}

impl Bus {
    /// Stores in `room`, or in a folder that goes with it.
    pub(crate) async fn one(room: Option<&Room>) -> Self {
        let start = |dir: &Path| {
            let store = room.map_or_else(|| dir.join("store"), Room::store);
            config(&store, Some(dir))
        };
        Self::One(Nats::configured(start).await)
    }

    pub(crate) fn url(&self) -> String {
        match self {
            Self::One(server) => server.url(),
            Self::Three(cluster) => cluster.url(),
        }
    }

    /// The server, where there is one.
    pub(crate) fn server(&mut self) -> Result<&mut Nats> {
        match self {
            Self::One(server) => Ok(server),
            Self::Three(_) => bail!("this is done to a single NATS server"),
        }
    }

    pub(crate) fn cluster(&self) -> Result<&Cluster> {
        match self {
            Self::One(_) => bail!("this is done to a cluster of NATS servers"),
            Self::Three(cluster) => Ok(cluster),
        }
    }
}

/// A server with the platform's users, and one who may do everything.
pub(crate) fn config(store: &Path, ports: Option<&Path>) -> String {
    let config = ServerConfig {
        ports_file_dir: ports.map(Path::to_owned),
        ..ServerConfig::loopback(NATS_SECRET, store)
    };
    let (user, password) = OPERATOR;
    let (listed, asked) = ("    users: [\n", "    auth_users: [");
    let line = format!("{listed}      {{ user: {user}, password: {password} }}\n");
    let also = format!("{asked}{user}, ");
    config.text().replace(listed, &line).replace(asked, &also)
}

pub(crate) async fn operator(url: &str) -> Result<async_nats::Client> {
    let (user, password) = OPERATOR;
    let options = async_nats::ConnectOptions::with_user_and_password(user.into(), password.into());
    Ok(options.retry_on_initial_connect().connect(url).await?)
}
