//! A container engine: one that runs, else Docker's, installed for tests and
//! started as our child.
//!
//! **Invariant:** an engine that was there before is used as it is: its settings
//! and its data are not ours.

use std::{
    env,
    fs::File,
    io::{Read, Write},
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context, Result, bail};

use crate::{
    apt, interrupts::Interrupts, process, progress::step, secrets::private_folder,
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

/// Where an engine answers that the platform can use; `Err` has the place where none does.
pub(crate) fn running() -> Result<String, String> {
    let url = env::var("DOCKER_HOST").ok().filter(|url| !url.is_empty());
    let url = url.unwrap_or_else(|| format!("unix://{SOCKET}"));
    match url.strip_prefix("unix://") {
        Some(socket) if answers(Path::new(socket)) => Ok(url),
        _ => Err(url),
    }
}

/// One that runs, else the daemon's program, installed if need be.
pub(crate) fn find(interrupts: &Interrupts) -> Result<Engine> {
    match running() {
        Ok(url) => return Ok(Engine::Running(url)),
        Err(url) if url != format!("unix://{SOCKET}") => {
            bail!("`DOCKER_HOST` is `{url}`, where no container engine answers on a Unix socket")
        }
        Err(_) => {}
    }
    if daemon().is_none() {
        install("docker.io", interrupts)?;
    }
    let program = daemon().context("`docker.io` was installed, and there is no `dockerd`")?;
    Ok(Engine::Daemon(program))
}

/// The program of which tests make their image, installed if need be.
pub(crate) fn busybox(interrupts: &Interrupts) -> Result<PathBuf> {
    if let Some(given) = env::var_os("TROUPE_TEST_BUSYBOX") {
        return Ok(given.into());
    }
    let found = || process::on_path("busybox").filter(|program| is_static(program));
    if found().is_none() {
        install("busybox-static", interrupts)?;
    }
    found().context("`busybox-static` was installed, and there is no static `busybox`")
}

/// Whether a program runs where there is nothing but itself: it names no loader among its headers.
fn is_static(program: &Path) -> bool {
    let mut head = [0; 4096];
    let read = File::open(program).and_then(|mut file| file.read_exact(&mut head));
    read.is_ok() && !head.windows(4).any(|part| part == b"/ld-")
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
fn install(package: &str, interrupts: &Interrupts) -> Result<()> {
    apt::install(&[package], interrupts).context(
        "install it, or let `DOCKER_HOST` name the Unix socket of a container engine and \
         `TROUPE_TEST_BUSYBOX` a static `busybox`",
    )
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
