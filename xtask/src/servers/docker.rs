//! A container engine: one that runs, else Docker's, installed for tests and
//! started as our child.
//!
//! **Invariant:** an engine that was there before is used as it is: its settings
//! and its data are not ours.

use std::{
    env,
    io::{Read, Write},
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context, Result, bail};

use crate::{
    interrupts::Interrupts, process, progress::step, secrets::private_folder,
    server_user::ServerUser, servers::Data, supervisor::Supervisor,
};

const SOCKET: &str = "/var/run/docker.sock";
const LIMIT: Duration = Duration::from_secs(60);
/// Where a daemon lies that is not on everybody's `PATH`.
const DAEMON: &str = "/usr/sbin/dockerd";

pub(crate) enum Engine {
    /// The URL of one that runs.
    Running(String),
    /// The program of one that we start.
    Daemon(PathBuf),
}

/// One that runs, else the daemon's program, installed if need be.
pub(crate) fn find(data: &Data, interrupts: &Interrupts) -> Result<Engine> {
    if let Some(given) = env::var("DOCKER_HOST").ok().filter(|url| !url.is_empty()) {
        let answers = given
            .strip_prefix("unix://")
            .is_some_and(|socket| answers(Path::new(socket)));
        if !answers {
            bail!("`DOCKER_HOST` is `{given}`, where no container engine answers on a Unix socket");
        }
        return Ok(Engine::Running(given));
    }
    if answers(Path::new(SOCKET)) {
        return Ok(Engine::Running(format!("unix://{SOCKET}")));
    }
    if daemon().is_none() {
        install("docker.io", data, interrupts)?;
    }
    let program = daemon().context("`docker.io` was installed, and there is no `dockerd`")?;
    Ok(Engine::Daemon(program))
}

/// The program of which tests make their image, installed if need be.
pub(crate) fn busybox(data: &Data, interrupts: &Interrupts) -> Result<PathBuf> {
    if let Some(given) = env::var_os("TROUPE_TEST_BUSYBOX") {
        return Ok(given.into());
    }
    if process::on_path("busybox").is_none() {
        install("busybox-static", data, interrupts)?;
    }
    process::on_path("busybox").context("`busybox-static` was installed, and there is no `busybox`")
}

/// Starts the daemon, where it is ours, and returns the engine's URL. Its
/// containers have no network, so neither has it.
pub(crate) fn start(
    engine: &Engine,
    data: &Data,
    supervisor: &mut Supervisor<'_>,
) -> Result<String> {
    let program = match engine {
        Engine::Running(url) => return Ok(url.clone()),
        Engine::Daemon(program) => program,
    };
    let folder = data.folder.join("docker");
    private_folder(&folder)?;
    let socket = folder.join("docker.sock");
    let url = format!("unix://{}", socket.display());
    let mut command = Command::new(program);
    command
        .args(["--bridge=none", "--iptables=false", "--ip6tables=false"])
        // Works on every file system; images of tests are small.
        .args(["--storage-driver=vfs", "--host", &url, "--data-root"])
        .arg(folder.join("data"))
        .arg("--exec-root")
        .arg(folder.join("exec"))
        .arg("--pidfile")
        .arg(folder.join("docker.pid"));
    let plan = data.plan("docker", command, &ServerUser::Ourselves);
    step("start Docker", || {
        supervisor.start(plan, || answers(&socket), LIMIT)
    })?;
    Ok(url)
}

fn daemon() -> Option<PathBuf> {
    process::on_path("dockerd").or_else(|| {
        let usual = PathBuf::from(DAEMON);
        usual.is_file().then_some(usual)
    })
}

/// Installs a package of the system.
fn install(package: &str, data: &Data, interrupts: &Interrupts) -> Result<()> {
    if ServerUser::find()? == ServerUser::Ourselves || process::on_path("apt-get").is_none() {
        bail!(
            "the tests of container tools need `{package}`: install it, and for the engine let \
             `DOCKER_HOST` name the socket of one that runs"
        );
    }
    let log = data.log("apt");
    let apt = |arguments: &[&str]| {
        let mut command = Command::new("apt-get");
        command
            .args(arguments)
            .env("DEBIAN_FRONTEND", "noninteractive");
        process::run_quietly(&mut command, &log, interrupts)
    };
    let install = ["install", "-y", "--no-install-recommends", package];
    step(&format!("install {package}"), || {
        // The lists of packages may be too old or not there at all.
        apt(&install).or_else(|_| {
            apt(&["update"])?;
            apt(&install)
        })
    })
}

/// Asks `/_ping` of the engine's API.
fn answers(socket: &Path) -> bool {
    let ask = || -> std::io::Result<[u8; 12]> {
        let mut connection = UnixStream::connect(socket)?;
        connection.set_read_timeout(Some(Duration::from_secs(5)))?;
        connection
            .write_all(b"GET /_ping HTTP/1.1\r\nHost: engine\r\nConnection: close\r\n\r\n")?;
        let mut answer = [0; 12];
        connection.read_exact(&mut answer)?;
        Ok(answer)
    };
    ask().is_ok_and(|answer| answer == *b"HTTP/1.1 200")
}
