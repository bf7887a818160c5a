//! The servers of one test run: one PostgreSQL and one MongoDB that all tests
//! share, each with a database of its own, the program of which each test starts
//! a NATS server, and one container engine.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process,
};

use anyhow::{Context, Result};

use crate::{
    cargo,
    interrupts::Interrupts,
    ports::Ports,
    server_user::ServerUser,
    servers::{
        Data, docker,
        mongo::{self, Durability},
        nats, postgres,
    },
    supervisor::Supervisor,
    tools::{self, Package},
};

/// What a database for tests need not do: its data does not outlive the run.
const THROW_AWAY: [&str; 3] = [
    "fsync=off",
    "synchronous_commit=off",
    "full_page_writes=off",
];

pub(crate) struct TestServers<'a> {
    // Dropped in this order: the servers end before their folder goes.
    supervisor: Supervisor<'a>,
    folder: TemporaryFolder,
    variables: Vec<(&'static str, String)>,
}

impl<'a> TestServers<'a> {
    pub(crate) fn start(durability: Durability, interrupts: &'a Interrupts) -> Result<Self> {
        let user = ServerUser::find()?;
        let folder = TemporaryFolder::make()?;
        let mut supervisor = Supervisor::new(interrupts);
        let data = Data::open(Some(&folder.0), interrupts)?;
        let mut ports = Ports::of(&data.folder)?;
        let nats = nats::find(interrupts)?;
        let python = python(interrupts)?;
        let binaries = postgres::find(&user, &data.folder, interrupts)?;
        let settings: &[&str] = match durability {
            Durability::Full => &[],
            Durability::None => &THROW_AWAY,
        };
        let port = ports.choose("postgres")?;
        let postgres_url =
            postgres::start_with(&binaries, &user, &data, port, settings, &mut supervisor)?;
        let program = mongo::find(interrupts)?;
        let port = ports.choose("mongo")?;
        let mongo_url = mongo::start_with(&program, durability, &data, port, &mut supervisor)?;
        let mut variables = containers(&data, interrupts, &mut supervisor);
        variables.extend([
            ("NATS_SERVER_BIN", nats.display().to_string()),
            ("TROUPE_TEST_POSTGRES_URL", postgres_url),
            ("TROUPE_TEST_MONGO_URL", mongo_url),
            ("TROUPE_TEST_PYTHON", python.display().to_string()),
        ]);
        Ok(Self {
            supervisor,
            folder,
            variables,
        })
    }

    /// Starts those again that have ended.
    pub(crate) fn revive(&mut self) -> Result<()> {
        self.supervisor.revive()
    }

    /// Where it is written down which processes they are.
    pub(crate) fn processes(&self) -> PathBuf {
        self.folder.0.join("run")
    }

    /// Waits until the user asks to stop.
    pub(crate) fn wait(&mut self) -> Result<()> {
        self.supervisor.wait()
    }

    pub(crate) fn variables(&self) -> impl Iterator<Item = (&str, &str)> {
        self.variables
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
    }
}

/// The container engine and the program of its image. Where there is none, the tests of containers fail and say why;
/// all others run.
fn containers<'a>(
    data: &Data,
    interrupts: &'a Interrupts,
    supervisor: &mut Supervisor<'a>,
) -> Vec<(&'static str, String)> {
    let mut start = || {
        let busybox = docker::busybox(interrupts)?;
        let engine = docker::find(interrupts)?;
        let url = docker::start(&engine, data, supervisor)?;
        Ok::<_, anyhow::Error>(vec![
            ("DOCKER_HOST", url),
            ("TROUPE_TEST_BUSYBOX", busybox.display().to_string()),
        ])
    };
    start().unwrap_or_else(|error| {
        let why = format!("{error:#}");
        eprintln!("  no container engine, so the tests of containers will fail: {why}");
        vec![("TROUPE_TEST_NO_ENGINE", why)]
    })
}

/// A Python with the clients that tests use as an outsider would.
fn python(interrupts: &Interrupts) -> Result<PathBuf> {
    let requirements = cargo::root().join("e2e/requirements.txt");
    let version = fs::read_to_string(&requirements)
        .with_context(|| format!("cannot read `{}`", requirements.display()))?;
    let package = Package {
        name: "python-clients",
        arguments: vec!["-r".into(), requirements.display().to_string()],
        version,
    };
    let environment = tools::install(&cargo::troupe_folder(), &package, interrupts)?;
    Ok(environment.join("bin/python"))
}

/// Removed with all that is in it when the run ends.
struct TemporaryFolder(PathBuf);

impl TemporaryFolder {
    fn make() -> Result<Self> {
        let folder = env::temp_dir().join(format!("troupe-test-{}", process::id()));
        remove(&folder);
        fs::create_dir(&folder).with_context(|| format!("cannot make `{}`", folder.display()))?;
        Ok(Self(folder))
    }
}

impl Drop for TemporaryFolder {
    fn drop(&mut self) {
        remove(&self.0);
    }
}

fn remove(folder: &Path) {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            eprintln!("`{}` is left behind: {error}", folder.display());
        }
        _ => {}
    }
}
