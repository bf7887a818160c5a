//! The platform, each service as a process of its own, two of them the engine.
//!
//! **Invariant:** all processes end with the fleet, and one that ends without having been told to is noticed.

use std::{
    fs::{File, OpenOptions},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use e2e::{Client, free_port};

use crate::signals::{self, Signal};

/// How long a process may take until it is ready.
const START: Duration = Duration::from_secs(90);
const POLL: Duration = Duration::from_millis(50);

/// The two processes of the engine.
pub(crate) const ENGINES: [&str; 2] = ["engine-a", "engine-b"];
pub(crate) const FLOW: &str = "flow";
pub(crate) const GATEWAY: &str = "gateway";

/// In the order of starting: those that answer before those that ask.
const MEMBERS: [(&str, &str); 9] = [
    ("tenant", "tenant"),
    ("auth", "auth"),
    ("llm-gateway", "llm-gateway"),
    ("tool", "tool"),
    ("agent", "agent"),
    (ENGINES[0], "execution"),
    (ENGINES[1], "execution"),
    (FLOW, "flow"),
    (GATEWAY, "gateway"),
];

/// The second engine hands no step to its own workers: what its executions do takes the queue. One worker of a class is
/// always left to the queue.
const QUEUES: [(&str, &str); 4] = [
    ("TROUPE_WORKERS_LLM", "1"),
    ("TROUPE_WORKERS_HTTP", "1"),
    ("TROUPE_WORKERS_TOOL", "1"),
    ("TROUPE_WORKERS_CUSTOM", "1"),
];

struct Member {
    name: &'static str,
    role: &'static str,
    port: u16,
    process: Option<Child>,
    /// What is put before its program: a clock of its own, for instance.
    variables: Vec<(String, String)>,
}

pub(crate) struct Fleet {
    binary: PathBuf,
    variables: Vec<(&'static str, String)>,
    logs: PathBuf,
    members: Vec<Member>,
}

impl Fleet {
    /// Migrates, and starts every member.
    pub(crate) async fn start(
        binary: PathBuf,
        variables: Vec<(&'static str, String)>,
        logs: &Path,
    ) -> Result<Self> {
        std::fs::create_dir_all(logs)?;
        let members = MEMBERS.map(|(name, role)| Member {
            name,
            role,
            port: free_port(),
            process: None,
            variables: Vec::new(),
        });
        let mut fleet = Self {
            binary,
            variables,
            logs: logs.to_owned(),
            members: members.into(),
        };
        let mut migrate = Command::new(&fleet.binary);
        migrate.arg("migrate").envs(fleet.variables.iter().cloned());
        let log = fleet.log("migrate")?;
        let done = migrate
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log);
        if !done.status()?.success() {
            bail!("`troupe migrate` failed");
        }
        for at in 0..fleet.members.len() {
            fleet.spawn(at)?;
        }
        fleet.ready().await?;
        Ok(fleet)
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address())
    }

    /// Of the gateway.
    pub(crate) fn address(&self) -> String {
        let gateway = self.members.iter().find(|member| member.name == GATEWAY);
        format!("127.0.0.1:{}", gateway.expect("there is a gateway").port)
    }

    /// Ends a member at once.
    pub(crate) fn kill(&mut self, name: &str) -> Result<()> {
        if let Some(mut process) = self.member(name)?.process.take() {
            process.kill()?;
            process.wait()?;
        }
        Ok(())
    }

    /// Asks a member to finish and waits for its end; how long that took, and whether it went well.
    pub(crate) async fn terminate(&mut self, name: &str) -> Result<(Duration, bool)> {
        let Some(mut process) = self.member(name)?.process.take() else {
            bail!("`{name}` does not run");
        };
        let begun = Instant::now();
        signals::send(Signal::Terminate, &[process.id()])?;
        loop {
            if let Some(status) = process.try_wait()? {
                return Ok((begun.elapsed(), status.success()));
            }
            if begun.elapsed() > START {
                process.kill()?;
                process.wait()?;
                return Ok((begun.elapsed(), false));
            }
            tokio::time::sleep(POLL).await;
        }
    }

    pub(crate) fn signal(&mut self, name: &str, signal: Signal) -> Result<()> {
        let id = self.member(name)?.process.as_ref().map(Child::id);
        signals::send(
            signal,
            &[id.with_context(|| format!("`{name}` does not run"))?],
        )
    }

    /// Starts a member that does not run.
    pub(crate) fn begin(&mut self, name: &str) -> Result<()> {
        let at = self.members.iter().position(|member| member.name == name);
        let at = at.with_context(|| format!("there is no `{name}`"))?;
        if self.members[at].process.is_none() {
            self.spawn(at)?;
        }
        Ok(())
    }

    /// Variables of one member alone, from its next start on.
    pub(crate) fn set_variables(&mut self, name: &str, to: Vec<(String, String)>) -> Result<()> {
        self.member(name)?.variables = to;
        Ok(())
    }

    /// The members that have ended by themselves; they are started again.
    pub(crate) fn revive(&mut self) -> Result<Vec<&'static str>> {
        let mut ended = Vec::new();
        for at in 0..self.members.len() {
            let member = &mut self.members[at];
            if let Some(process) = &mut member.process
                && process.try_wait()?.is_some()
            {
                member.process = None;
                ended.push(member.name);
                self.spawn(at)?;
            }
        }
        Ok(ended)
    }

    /// Waits until all members run and are ready; those that end are started again.
    pub(crate) async fn ready(&mut self) -> Result<()> {
        let begun = Instant::now();
        for at in 0..self.members.len() {
            if self.members[at].process.is_none() {
                self.spawn(at)?;
            }
            let (name, port) = (self.members[at].name, self.members[at].port);
            let client = Client::new(format!("http://127.0.0.1:{port}"));
            while !client
                .get("/readyz")
                .await
                .is_ok_and(|answer| answer.status == 200)
            {
                if begun.elapsed() > START {
                    bail!("`{name}` is not ready; see {}", self.logs.display());
                }
                self.revive()?;
                tokio::time::sleep(POLL).await;
            }
        }
        Ok(())
    }

    /// What a member says of streams that take nothing, as an operator reads it.
    pub(crate) async fn unwritable(&self) -> Option<String> {
        for member in &self.members {
            let client = Client::new(format!("http://127.0.0.1:{}", member.port));
            let Ok(answer) = client.get("/readyz").await else {
                continue;
            };
            let nats = answer.body["dependencies"]["nats"].as_str();
            if let Some(told) = nats.filter(|told| told.contains("takes nothing")) {
                return Some(told.to_owned());
            }
        }
        None
    }

    /// Ends all members at once, as a crash of the machine would.
    pub(crate) fn kill_all(&mut self) -> Result<()> {
        for (name, _) in MEMBERS {
            self.kill(name)?;
        }
        Ok(())
    }

    /// Resident KiB and descriptors of each member that runs.
    pub(crate) fn resources(&self) -> Vec<(&'static str, u64, usize)> {
        let running = self.members.iter().filter_map(|member| {
            let process = member.process.as_ref()?;
            let (memory, descriptors) = signals::resources(process.id())?;
            Some((member.name, memory, descriptors))
        });
        running.collect()
    }

    fn member(&mut self, name: &str) -> Result<&mut Member> {
        let found = self.members.iter_mut().find(|member| member.name == name);
        found.with_context(|| format!("there is no `{name}`"))
    }

    fn spawn(&mut self, at: usize) -> Result<()> {
        let log = self.log(self.members[at].name)?;
        let member = &mut self.members[at];
        let address = format!("127.0.0.1:{}", member.port);
        let mut command = Command::new(&self.binary);
        command
            .args(["serve", member.role])
            .envs(self.variables.iter().cloned())
            .envs(QUEUES.into_iter().filter(|_| member.name == ENGINES[1]))
            .envs(member.variables.iter().cloned())
            .env("TROUPE_HTTP_ADDR", &address)
            .env("TROUPE_HEALTH_ADDR", &address)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log);
        let process = command.spawn();
        member.process = Some(process.with_context(|| format!("`{}`", self.binary.display()))?);
        Ok(())
    }

    fn log(&self, name: &str) -> Result<File> {
        let path = self.logs.join(format!("{name}.log"));
        Ok(OpenOptions::new().create(true).append(true).open(path)?)
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        for member in self.members.iter_mut().rev() {
            if let Some(process) = &mut member.process {
                // It may have ended by itself.
                process.kill().ok();
                process.wait().ok();
            }
        }
    }
}
