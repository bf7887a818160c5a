//! `cargo xtask faults`: the program `faults` of `e2e`, against servers that keep what they acknowledge and that are
//! started again when they have ended, as an operating system would.

use std::{
    process::Command,
    time::{Duration, Instant},
};

use anyhow::{Result, bail};

use crate::{
    apt,
    cargo::{self, Profile},
    commands::test::TestServers,
    interrupts::Interrupts,
    process,
    progress::step,
    servers::mongo::Durability,
};

/// How long a server that has ended stays away at most.
const AWAY: Duration = Duration::from_secs(2);

/// Gives a process another time.
const FAKE_TIME: &str = "faketime";

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Harm the optimised build: long to build, and it stands the load of `--long` on two cores
    #[arg(long)]
    release: bool,

    /// Passed on to it: `--fast` or `--long`, `--seed <N>`, `--only <SCENARIO>`
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<String>,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    let interrupts = Interrupts::listen()?;
    let profile = match options.release {
        true => Profile::Release,
        false => Profile::Dev,
    };
    let binaries = step("build", || {
        cargo::build_with(profile, &["troupe/failpoints"], &interrupts)
    })?;
    if process::on_path(FAKE_TIME).is_none()
        && let Err(why) = apt::install(&[FAKE_TIME], &interrupts)
    {
        eprintln!("  the scenario `clock` will do nothing: {why:#}");
    }
    let mut servers = TestServers::start(Durability::Full, &interrupts)?;
    let mut faults = Command::new(binaries.join("faults"));
    faults
        .args(&options.arguments)
        .envs(servers.variables())
        .env("TROUPE_FAULTS_SERVERS", servers.processes())
        .env("TROUPE_BIN", binaries.join("troupe"))
        .current_dir(cargo::root());
    let mut looked = Instant::now();
    let status = process::run_beside(
        &mut faults,
        &interrupts,
        |_| {},
        || {
            if looked.elapsed() > AWAY {
                looked = Instant::now();
                return servers.revive();
            }
            Ok(())
        },
    )?;
    if !status.success() {
        bail!("the platform has broken a promise, or the run was broken off");
    }
    Ok(())
}
