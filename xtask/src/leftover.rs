//! Processes that an earlier run, killed before it could stop them, left alive.
//!
//! **Invariant:** a process is signalled only when both its number and its start
//! time are those written down when it was started, so never a stranger that
//! the operating system gave the same number.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};

use crate::interrupts::Interrupts;

const GRACE: Duration = Duration::from_secs(30);

/// Writes down who runs, for a later start.
pub(crate) fn remember(pid_file: &Path, pid: u32) -> Result<()> {
    // A process that has ended already matches nothing, which is right.
    let identity = identity(pid).unwrap_or_default();
    fs::write(pid_file, format!("{pid} {identity}"))
        .with_context(|| format!("cannot write `{}`", pid_file.display()))
}

/// Ends the process written down in `pid_file`, if it still runs.
pub(crate) fn end(pid_file: &Path, stop_signal: &str, interrupts: &Interrupts) -> Result<()> {
    let Ok(text) = fs::read_to_string(pid_file) else {
        return Ok(());
    };
    let Some((pid, recorded)) = text.split_once(' ') else {
        return Ok(());
    };
    let pid: u32 = pid
        .parse()
        .with_context(|| format!("`{}` names no process", pid_file.display()))?;
    let runs = || identity(pid).is_some_and(|identity| identity == recorded);
    let started = Instant::now();
    if runs() {
        eprintln!("  stopping process {pid}, left by an earlier run");
        send_signal(pid, stop_signal);
    }
    while runs() {
        interrupts.pause(Duration::from_millis(50))?;
        if started.elapsed() > GRACE {
            send_signal(pid, "KILL");
        }
        if started.elapsed() > GRACE * 2 {
            bail!("process {pid} of an earlier run does not end");
        }
    }
    fs::remove_file(pid_file).with_context(|| format!("cannot remove `{}`", pid_file.display()))
}

/// Sends a signal by name (`TERM`, `INT`, …). That the process is already gone
/// is what the caller wants anyway.
pub(crate) fn send_signal(pid: u32, signal: &str) {
    let sent = Command::new("sh")
        .args(["-c", "kill -s \"$0\" \"$1\" 2>/dev/null", signal])
        .arg(pid.to_string())
        .status();
    if let Err(error) = sent {
        eprintln!("cannot signal process {pid}: {error}");
    }
}

/// What tells a running process from an earlier or later one with its number;
/// `None` when none runs.
fn identity(pid: u32) -> Option<String> {
    if Path::new("/proc/self/stat").exists() {
        return linux_identity(pid);
    }
    let answer = Command::new("ps")
        .args(["-o", "lstart=", "-p", &pid.to_string()])
        .stderr(Stdio::null())
        .output()
        .ok()?;
    let text = String::from_utf8_lossy(&answer.stdout).trim().to_owned();
    (!text.is_empty()).then_some(text)
}

fn linux_identity(pid: u32) -> Option<String> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in brackets may hold spaces; what follows it has fixed places.
    let mut fields = stat.rsplit_once(") ")?.1.split(' ');
    let state = fields.next()?;
    if state == "Z" {
        return None;
    }
    let start_time = fields.nth(18)?;
    // Without it a number from before a restart of the machine could match; the
    // start time alone makes that unlikely.
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    Some(format!("{start_time}@{}", boot.trim()))
}
