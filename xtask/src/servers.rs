//! The three servers the platform stands on: found or fetched, started as
//! children on loopback, or used where their URL is given.

pub(crate) mod docker;
pub(crate) mod mongo;
pub(crate) mod nats;
pub(crate) mod postgres;

use std::{
    env,
    fs::{self, File, TryLockError},
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};

use crate::{
    cargo,
    interrupts::Interrupts,
    leftover,
    ports::Ports,
    process::Plan,
    secrets::{Secrets, private_folder},
    server_user::ServerUser,
    supervisor::Supervisor,
};

/// The servers of an installation in the order they stop, with the signal that
/// lets each finish. PostgreSQL's is its fast shutdown: it ends sessions, writes
/// everything and leaves no recovery.
const STOP_SIGNALS: [(&str, &str); 5] = [
    ("troupe", "TERM"),
    ("docker", "TERM"),
    ("nats", "TERM"),
    ("mongo", "TERM"),
    ("postgres", "INT"),
];

/// The folder of one installation's data, locked for this process.
pub(crate) struct Data {
    pub(crate) folder: PathBuf,
    /// Released by the kernel when this process ends, however it ends.
    _lock: File,
}

impl Data {
    /// Opens the folder, `.troupe` where none is given, makes what is missing in
    /// it, and ends what an earlier run, killed, has left running on it.
    pub(crate) fn open(folder: Option<&Path>, interrupts: &Interrupts) -> Result<Self> {
        let folder = match folder {
            Some(folder) => env::current_dir()?.join(folder),
            None => cargo::troupe_folder(),
        };
        fs::create_dir_all(&folder)
            .with_context(|| format!("cannot make `{}`", folder.display()))?;
        for name in ["logs", "run"] {
            private_folder(&folder.join(name))?;
        }
        let lock = File::create(folder.join("lock"))
            .with_context(|| format!("cannot write to `{}`", folder.display()))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => bail!(
                "`{}` is in use by another `cargo xtask`: stop that one, or choose another folder \
                 with `--data`",
                folder.display()
            ),
            Err(TryLockError::Error(error)) => {
                return Err(error).context(format!("cannot lock `{}`", folder.display()));
            }
        }
        let data = Self {
            folder,
            _lock: lock,
        };
        for (server, stop_signal) in STOP_SIGNALS {
            leftover::end(&data.pid_file(server), stop_signal, interrupts)?;
        }
        Ok(data)
    }

    pub(crate) fn log(&self, name: &str) -> PathBuf {
        self.folder.join("logs").join(format!("{name}.log"))
    }

    /// A plan for one of the servers named above.
    pub(crate) fn plan(&self, server: &'static str, command: Command, user: &ServerUser) -> Plan {
        let (_, stop_signal) = STOP_SIGNALS
            .into_iter()
            .find(|(name, _)| *name == server)
            .expect("every server has its line in the table");
        Plan {
            name: server,
            command,
            user: user.clone(),
            log: self.log(server),
            pid_file: self.pid_file(server),
            stop_signal,
        }
    }

    fn pid_file(&self, name: &str) -> PathBuf {
        self.folder.join("run").join(format!("{name}.pid"))
    }
}

/// The programs, found or fetched; `None` where a URL is given instead.
pub(crate) struct Programs {
    nats: Option<PathBuf>,
    postgres: Option<postgres::Binaries>,
    mongo: Option<mongo::Program>,
}

impl Programs {
    pub(crate) fn find(user: &ServerUser, data: &Data, interrupts: &Interrupts) -> Result<Self> {
        let unless_given = |variable: &str| env::var_os(variable).is_none();
        let nats = unless_given("TROUPE_NATS_URL")
            .then(|| nats::find(interrupts))
            .transpose()?;
        let postgres = unless_given("TROUPE_POSTGRES_URL")
            .then(|| postgres::find(user, &data.folder, interrupts))
            .transpose()?;
        let mongo = unless_given("TROUPE_MONGO_URL")
            .then(|| mongo::find(interrupts))
            .transpose()?;
        Ok(Self {
            nats,
            postgres,
            mongo,
        })
    }
}

/// Where the servers are and what opens them: the part of the environment that
/// every `troupe` process needs.
pub(crate) struct Backends {
    pub(crate) nats_url: String,
    pub(crate) postgres_url: String,
    pub(crate) mongo_url: String,
    pub(crate) secrets: Secrets,
}

impl Backends {
    /// Starts what has no URL yet, and waits until each is ready.
    pub(crate) fn start(
        programs: &Programs,
        user: &ServerUser,
        data: &Data,
        troupe: &Path,
        supervisor: &mut Supervisor<'_>,
    ) -> Result<Self> {
        let secrets = Secrets::of(&data.folder)?;
        let mut ports = Ports::of(&data.folder)?;
        let postgres_url = match &programs.postgres {
            Some(binaries) => {
                let port = ports.choose("postgres")?;
                postgres::start(binaries, user, data, port, supervisor)?
            }
            None => env::var("TROUPE_POSTGRES_URL")?,
        };
        let mongo_url = match &programs.mongo {
            Some(program) => mongo::start(program, data, ports.choose("mongo")?, supervisor)?,
            None => env::var("TROUPE_MONGO_URL")?,
        };
        let nats_url = match &programs.nats {
            Some(program) => {
                let port = ports.choose("nats")?;
                let config = nats::config(troupe, &secrets, data, port)?;
                nats::start(program, &config, data, port, supervisor)?
            }
            None => env::var("TROUPE_NATS_URL")?,
        };
        Ok(Self {
            nats_url,
            postgres_url,
            mongo_url,
            secrets,
        })
    }

    /// The variables `troupe` reads.
    pub(crate) fn variables(&self) -> [(&'static str, &str); 6] {
        [
            ("TROUPE_NATS_URL", &self.nats_url),
            ("TROUPE_NATS_SECRET", &self.secrets.nats),
            ("TROUPE_POSTGRES_URL", &self.postgres_url),
            ("TROUPE_POSTGRES_SECRET", &self.secrets.postgres),
            ("TROUPE_MONGO_URL", &self.mongo_url),
            ("TROUPE_MASTER_KEY", &self.secrets.master_key),
        ]
    }

    /// `troupe` with its environment.
    pub(crate) fn troupe(&self, program: &Path, arguments: &[&str]) -> Command {
        let mut command = Command::new(program);
        command
            .args(arguments)
            .envs(self.variables())
            .current_dir(cargo::root());
        command
    }
}
