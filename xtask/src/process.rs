//! Running other programs: to their end, or as servers.

use std::{
    ffi::OsStr,
    fs::{self, File},
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};

use crate::{interrupts::Interrupts, leftover, server_user::ServerUser};

const POLL: Duration = Duration::from_millis(20);
/// How long a server may take to end before it is killed.
const GRACE: Duration = Duration::from_secs(60);
const LAST_LINES: usize = 20;

/// How to start and stop one server.
pub(crate) struct Plan {
    pub(crate) name: &'static str,
    pub(crate) command: Command,
    pub(crate) user: ServerUser,
    /// Where its output goes.
    pub(crate) log: PathBuf,
    /// Where its process number is written down.
    pub(crate) pid_file: PathBuf,
    /// The signal that makes it finish its work and end.
    pub(crate) stop_signal: &'static str,
}

/// A server that runs as our child.
pub(crate) struct Server {
    plan: Plan,
    child: Child,
}

impl Server {
    /// Starts it in a process group of its own, so that a Ctrl-C in the terminal
    /// reaches us alone and we choose the order in which things stop.
    pub(crate) fn start(plan: Plan) -> Result<Self> {
        let log = File::create(&plan.log)
            .with_context(|| format!("cannot write `{}`", plan.log.display()))?;
        let child = spawn(&plan, log)?;
        Ok(Self { plan, child })
    }

    pub(crate) fn name(&self) -> &'static str {
        self.plan.name
    }

    /// Starts it again if it has ended.
    pub(crate) fn revive(&mut self) -> Result<()> {
        if self.child.try_wait()?.is_some() {
            let log = File::options().append(true).open(&self.plan.log)?;
            self.child = spawn(&self.plan, log)?;
        }
        Ok(())
    }

    /// Waits until `ready` says so, the server ends, or `limit` has passed.
    pub(crate) fn wait_until(
        &mut self,
        ready: impl Fn() -> bool,
        limit: Duration,
        interrupts: &Interrupts,
    ) -> Result<()> {
        let started = Instant::now();
        loop {
            self.check()?;
            if ready() {
                return Ok(());
            }
            if started.elapsed() > limit {
                bail!(
                    "{} is not ready after {} s\n{}",
                    self.name(),
                    limit.as_secs(),
                    self.last_lines()
                );
            }
            interrupts.pause(Duration::from_millis(50))?;
        }
    }

    /// Fails when the server has ended, with the end of its log.
    pub(crate) fn check(&mut self) -> Result<()> {
        let Some(status) = self.child.try_wait()? else {
            return Ok(());
        };
        let name = self.name();
        bail!("{name} has ended ({status})\n{}", self.last_lines())
    }

    /// Asks the server to end and waits; kills it after its grace time, or when
    /// the user interrupts once more.
    pub(crate) fn stop(&mut self, interrupts: &Interrupts) {
        let started = Instant::now();
        let asked_before = interrupts.count();
        if matches!(self.child.try_wait(), Ok(None)) {
            leftover::send_signal(self.child.id(), self.plan.stop_signal);
        }
        while matches!(self.child.try_wait(), Ok(None)) {
            let impatient = interrupts.more_than(asked_before, POLL);
            if impatient || started.elapsed() > GRACE {
                eprintln!("  killing {}", self.name());
                // It may end by itself at this very moment.
                self.child.kill().ok();
                self.child.wait().ok();
            }
        }
        // A pid file that stays is checked against the start time anyway.
        fs::remove_file(&self.plan.pid_file).ok();
    }

    fn last_lines(&self) -> String {
        last_lines(&self.plan.log)
    }
}

fn spawn(plan: &Plan, log: File) -> Result<Child> {
    let mut command = dying_with_us(&plan.command, plan.stop_signal);
    plan.user.apply(&mut command);
    command
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log);
    let program = plan.command.get_program();
    let child = command
        .spawn()
        .with_context(|| format!("cannot start {} ({program:?})", plan.name))?;
    leftover::remember(&plan.pid_file, child.id())?;
    Ok(child)
}

/// Runs a program to its end. An interrupt is passed on to it.
pub(crate) fn run(command: &mut Command, interrupts: &Interrupts) -> Result<ExitStatus> {
    run_watched(command, interrupts, |_| {})
}

/// The same, with a look at the child once it runs.
pub(crate) fn run_watched(
    command: &mut Command,
    interrupts: &Interrupts,
    look: impl FnOnce(&mut Child),
) -> Result<ExitStatus> {
    run_beside(command, interrupts, look, || Ok(()))
}

/// The same, with something else to do again and again while it runs.
pub(crate) fn run_beside(
    command: &mut Command,
    interrupts: &Interrupts,
    look: impl FnOnce(&mut Child),
    mut beside: impl FnMut() -> Result<()>,
) -> Result<ExitStatus> {
    let name = command.get_program().display().to_string();
    let mut child = command
        .spawn()
        .with_context(|| format!("cannot run `{name}`"))?;
    look(&mut child);
    let mut passed_on = 0;
    loop {
        if let Some(status) = child.try_wait()? {
            if passed_on > 0 {
                bail!("interrupted");
            }
            return Ok(status);
        }
        if let Err(error) = beside() {
            // It may have ended by itself.
            child.kill().ok();
            child.wait().ok();
            return Err(error);
        }
        if interrupts.more_than(passed_on, POLL) {
            passed_on = interrupts.count();
            leftover::send_signal(child.id(), "TERM");
        }
    }
}

/// Runs a program to its end, its output in a file that is shown when it fails.
pub(crate) fn run_quietly(
    command: &mut Command,
    log: &Path,
    interrupts: &Interrupts,
) -> Result<()> {
    let file = File::create(log).with_context(|| format!("cannot write `{}`", log.display()))?;
    command
        .stdin(Stdio::null())
        .stdout(file.try_clone()?)
        .stderr(file);
    let status = run(command, interrupts)?;
    if !status.success() {
        bail!(
            "`{}` failed ({status})\n{}",
            command.get_program().display(),
            last_lines(log)
        );
    }
    Ok(())
}

/// What a program prints, or why it failed.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let name = command.get_program().display().to_string();
    let answer = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("cannot run `{name}`"))?;
    if !answer.status.success() {
        bail!(
            "`{name}` failed ({}): {}",
            answer.status,
            String::from_utf8_lossy(&answer.stderr).trim()
        );
    }
    Ok(String::from_utf8(answer.stdout)?)
}

/// The first program of this name on `PATH`.
pub(crate) fn on_path(program: &str) -> Option<PathBuf> {
    std::env::split_paths(&std::env::var_os("PATH")?)
        .map(|folder| folder.join(program))
        .find(|file| file.is_file())
}

/// The same command, ended by the kernel when this process dies, even killed.
/// Where `setpriv` cannot do that, the next start ends what was left.
fn dying_with_us(command: &Command, signal: &str) -> Command {
    let can = output(Command::new("setpriv").arg("--help"))
        .is_ok_and(|help| help.contains("--pdeathsig"));
    let mut wrapped = if can {
        let mut setpriv = Command::new("setpriv");
        setpriv.args(["--pdeathsig", signal, "--"]);
        setpriv.arg(command.get_program());
        setpriv
    } else {
        Command::new(command.get_program())
    };
    wrapped.args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => wrapped.env(name, value),
            None => wrapped.env_remove(name),
        };
    }
    if let Some(folder) = command.get_current_dir() {
        wrapped.current_dir(folder);
    }
    wrapped
}

fn last_lines(log: &Path) -> String {
    // Without a log there is nothing to show beside the error itself.
    let text = fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text.lines().collect();
    let from = lines.len().saturating_sub(LAST_LINES);
    format!(
        "the last lines of `{}`:\n{}",
        log.display(),
        lines[from..].join("\n")
    )
}

/// A command with arguments, for the common case.
pub(crate) fn command<A: AsRef<OsStr>>(program: &Path, arguments: &[A]) -> Command {
    let mut command = Command::new(program);
    command.args(arguments);
    command
}
