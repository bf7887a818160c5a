//! PostgreSQL: a cluster of our own, made at the first start.
//!
//! **Invariant:** a cluster bears its final name only when `initdb` has finished
//! and its password is the one we have on file.

mod binaries;

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use anyhow::{Context, Result, bail};

pub(crate) use self::binaries::Binaries;
use crate::{
    interrupts::Interrupts,
    process,
    progress::step,
    secrets::{has_secret, kept_password, write_private},
    server_user::ServerUser,
    servers::Data,
    supervisor::Supervisor,
};

const SUPERUSER: &str = "troupe_owner";
const DATABASE: &str = "postgres";
const SECRET: &str = "postgres-superuser";
const LIMIT: Duration = Duration::from_secs(120);

/// The binaries for the cluster of this data folder.
pub(crate) fn find(user: &ServerUser, data: &Path, interrupts: &Interrupts) -> Result<Binaries> {
    let cluster = user.reachable_folder(data)?.join("postgres/cluster");
    binaries::find(user, &cluster, interrupts)
}

/// Starts the server and returns the URL of its superuser.
pub(crate) fn start(
    binaries: &Binaries,
    user: &ServerUser,
    data: &Data,
    port: u16,
    supervisor: &mut Supervisor<'_>,
) -> Result<String> {
    start_with(binaries, user, data, port, &[], supervisor)
}

/// `settings` are further `name=value` pairs of the server's configuration.
pub(crate) fn start_with(
    binaries: &Binaries,
    user: &ServerUser,
    data: &Data,
    port: u16,
    settings: &[&str],
    supervisor: &mut Supervisor<'_>,
) -> Result<String> {
    let reachable = user.reachable_folder(&data.folder)?;
    if reachable != data.folder {
        eprintln!(
            "  PostgreSQL's user cannot reach `{}`: its data is in `{}`",
            data.folder.display(),
            reachable.display()
        );
    }
    let home = reachable.join("postgres");
    if !home.is_dir() {
        fs::create_dir(&home).with_context(|| format!("cannot make `{}`", home.display()))?;
        user.own(&home)?;
    }
    let cluster = home.join("cluster");
    let is_new = !cluster.is_dir();
    if !is_new && !has_secret(&data.folder, SECRET) {
        // Its data folder was removed, and it lies somewhere else.
        bail!(
            "the password of the cluster in `{}` is lost: remove that folder to start afresh",
            home.display()
        );
    }
    let password = kept_password(&data.folder, SECRET)?;
    if is_new {
        step("make a PostgreSQL cluster", || {
            make_cluster(binaries, user, &home, &password)
        })?;
    }
    remove_stale_lock(&cluster)?;
    let mut command = Command::new(binaries.folder.join("postgres"));
    command
        .arg("-D")
        .arg(&cluster)
        .args(["-p", &port.to_string()])
        .args(["-c", "listen_addresses=127.0.0.1"])
        // The path of a socket may be too long for the operating system.
        .args(["-c", "unix_socket_directories="])
        .args(["-c", "max_connections=400"])
        .current_dir(&home);
    for setting in settings {
        command.args(["-c", setting]);
    }
    let plan = data.plan("postgres", command, user);
    step(&format!("start PostgreSQL {}", binaries.major), || {
        supervisor.start(plan, || answers(binaries, port, &password), LIMIT)
    })?;
    Ok(format!(
        "postgres://{SUPERUSER}:{password}@127.0.0.1:{port}/{DATABASE}"
    ))
}

fn make_cluster(binaries: &Binaries, user: &ServerUser, home: &Path, password: &str) -> Result<()> {
    let draft = home.join("cluster.new");
    let password_file = home.join("password.new");
    // Left by a start that was interrupted.
    remove_if_there(&password_file)?;
    if draft.exists() {
        fs::remove_dir_all(&draft)
            .with_context(|| format!("cannot remove `{}`", draft.display()))?;
    }
    write_private(&password_file, password)?;
    user.own(&password_file)?;
    let mut command = Command::new(binaries.folder.join("initdb"));
    command
        .arg("-D")
        .arg(&draft)
        .args(["--username", SUPERUSER, "--auth=scram-sha-256"])
        .args(["--encoding=UTF8", "--locale=C.UTF-8"])
        .arg("--pwfile")
        .arg(&password_file)
        .current_dir(home);
    user.apply(&mut command);
    let made = process::output(&mut command);
    remove_if_there(&password_file)?;
    made?;
    fs::rename(&draft, home.join("cluster")).context("cannot name the new cluster")
}

/// A `postmaster.pid` whose process is gone, or is another program by now,
/// would keep the server from starting. This process holds the lock of the data
/// folder and has ended what an earlier run left, so a living server with this
/// cluster is one that someone started by hand.
fn remove_stale_lock(cluster: &Path) -> Result<()> {
    let file = cluster.join("postmaster.pid");
    let Ok(text) = fs::read_to_string(&file) else {
        return Ok(());
    };
    // An empty name, as of a process that is gone, contains nothing.
    let pid = text.lines().next().unwrap_or_default().trim();
    let running = fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    if running.contains(&cluster.display().to_string()) {
        bail!(
            "PostgreSQL already runs on `{}` as process {pid}: stop it first",
            cluster.display()
        );
    }
    if Path::new("/proc/self").exists() {
        remove_if_there(&file)?;
    }
    Ok(())
}

/// Whether a query is answered: a port that is open may still be recovering.
fn answers(binaries: &Binaries, port: u16, password: &str) -> bool {
    Command::new(binaries.folder.join("psql"))
        .args(["-h", "127.0.0.1", "-p", &port.to_string()])
        .args(["-U", SUPERUSER, "-d", DATABASE, "-Xqtc", "SELECT 1"])
        .env("PGPASSWORD", password)
        .env("PGCONNECT_TIMEOUT", "5")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

fn remove_if_there(file: &PathBuf) -> Result<()> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).context(format!("cannot remove `{}`", file.display()))
        }
        _ => Ok(()),
    }
}
