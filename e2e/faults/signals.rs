//! Signals to processes, and to all that they have started.

use std::{collections::BTreeMap, fs, process::Command};

use anyhow::{Context, Result};

#[derive(Clone, Copy, Debug)]
pub(crate) enum Signal {
    Kill,
    Stop,
    Continue,
    Terminate,
}

impl Signal {
    const fn name(self) -> &'static str {
        match self {
            Self::Kill => "KILL",
            Self::Stop => "STOP",
            Self::Continue => "CONT",
            Self::Terminate => "TERM",
        }
    }
}

/// Sends it to each; one that is gone already is passed over.
///
/// # Errors
/// When there is no `kill`.
pub(crate) fn send(signal: Signal, processes: &[u32]) -> Result<()> {
    let mut command = Command::new("sh");
    // A shell's own `kill` is on every system; it fails where a process is gone.
    command.args(["-c", "kill -s \"$@\" 2>/dev/null || true", "kill"]);
    command.arg(signal.name());
    command.args(processes.iter().map(ToString::to_string));
    command.status().context("no shell")?;
    Ok(())
}

/// The process and all that descend from it, the oldest first.
pub(crate) fn family(process: u32) -> Vec<u32> {
    let mut children: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let name = entry.file_name();
        let Some(id) = name.to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        if let Some(parent) = parent_of(id) {
            children.entry(parent).or_default().push(id);
        }
    }
    let mut family = vec![process];
    let mut at = 0;
    while let Some(parent) = family.get(at).copied() {
        family.extend(children.get(&parent).into_iter().flatten());
        at += 1;
    }
    family
}

fn parent_of(process: u32) -> Option<u32> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The name in parentheses may hold spaces; the parent is the second field after it.
    stat.rsplit(')')
        .next()?
        .split_whitespace()
        .nth(1)?
        .parse()
        .ok()
}

/// Resident memory in KiB and open descriptors.
pub(crate) fn resources(process: u32) -> Option<(u64, usize)> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    let memory = line.split_whitespace().nth(1)?.parse().ok()?;
    let descriptors = fs::read_dir(format!("/proc/{process}/fd")).ok()?.count();
    Some((memory, descriptors))
}
