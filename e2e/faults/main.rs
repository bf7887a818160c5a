//! `cargo xtask faults`: real processes under load are killed, stopped, cut off and lied to; afterwards everything that was
//! acknowledged is compared with what the platform says and with what the outside world saw.
//!
//! Read [`scenario`] for the faults, [`load`] for the client, [`check`] for the invariants.

mod check;
mod cluster;
mod fleet;
mod flows;
mod follow;
mod history;
mod injection;
mod load;
mod messages;
mod random;
mod report;
mod scenario;
mod servers;
mod signals;
mod stage;

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
    time::{Instant, SystemTime, UNIX_EPOCH},
};

use anyhow::{Context, Result};
use clap::Parser;
use tokio::signal::unix::{SignalKind, signal};

use crate::{
    report::Report,
    scenario::{Profile, Scenario},
    stage::Stage,
};

#[derive(Parser)]
#[command(
    name = "faults",
    about = "Harms a running platform and checks what it has promised"
)]
struct Options {
    /// All scenarios, in less than five minutes; the default
    #[arg(long, conflicts_with_all = ["long", "smoke"])]
    fast: bool,
    /// All scenarios, for hours
    #[arg(long, conflicts_with = "smoke")]
    long: bool,
    /// What the tests run
    #[arg(long)]
    smoke: bool,
    /// Decides load and faults; by the clock when absent
    #[arg(long)]
    seed: Option<u64>,
    /// Only these scenarios
    #[arg(long, value_enum)]
    only: Vec<Scenario>,
    /// Where the report, the histories and the logs go
    #[arg(long, default_value = "target/faults")]
    folder: PathBuf,
}

#[tokio::main]
async fn main() -> Result<ExitCode> {
    let options = Options::parse();
    let (mut interrupt, mut terminate) = (
        signal(SignalKind::interrupt())?,
        signal(SignalKind::terminate())?,
    );
    tokio::select! {
        done = run(&options) => done,
        // What was started ends with what is dropped here.
        _ = interrupt.recv() => Ok(ExitCode::FAILURE),
        _ = terminate.recv() => Ok(ExitCode::FAILURE),
    }
}

async fn run(options: &Options) -> Result<ExitCode> {
    let profile = match options {
        Options { smoke: true, .. } => Profile::Smoke,
        Options { long: true, .. } => Profile::Long,
        Options { .. } => Profile::Fast,
    };
    let seed = match options.seed {
        Some(seed) => seed,
        None => SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs(),
    };
    let folder = folder(&options.folder, profile, seed)?;
    eprintln!(
        "faults --{} --seed {seed}, into `{}`",
        profile.name(),
        folder.display()
    );
    let begun = Instant::now();
    let scenarios = match options.only.as_slice() {
        [] => profile.scenarios(),
        only => only,
    };
    let mut report = Report::new(profile, seed);
    let (on_cluster, on_one): (Vec<_>, Vec<_>) = scenarios
        .iter()
        .partition(|scenario| **scenario == Scenario::Partition);
    for (scenarios, is_cluster) in [(on_one, false), (on_cluster, true)] {
        if !scenarios.is_empty() {
            let mut stage = Stage::set(profile, seed, &folder, is_cluster).await?;
            stage.play_all(&scenarios, &mut report).await?;
        }
    }
    report.seconds = begun.elapsed().as_secs_f64();
    report.write(&folder)?;
    println!("{}", report.text());
    println!("written to {}", folder.join("report.json").display());
    let is_good = report.violations() == 0;
    Ok(if is_good {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn folder(within: &Path, profile: Profile, seed: u64) -> Result<PathBuf> {
    let folder = within.join(format!("{}-{seed}", profile.name()));
    if folder.exists() {
        std::fs::remove_dir_all(&folder).with_context(|| format!("`{}`", folder.display()))?;
    }
    std::fs::create_dir_all(&folder).with_context(|| format!("`{}`", folder.display()))?;
    Ok(folder)
}
