//! `cargo xtask sim`: the simulation of the engine, over more seeds than a test has time for.

use anyhow::{Result, bail};

use crate::{cargo, interrupts::Interrupts, process};

/// The test that simulates.
const TEST: &str = "log::simulation::nothing_acknowledged_is_lost_and_nothing_counts_twice";

#[derive(clap::Args)]
pub(crate) struct Options {
    /// How many seeds, from 0
    #[arg(long, default_value_t = 1_000_000)]
    seeds: u64,
    /// This seed alone, as a failure named it
    #[arg(long, conflicts_with = "seeds")]
    seed: Option<u64>,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    let interrupts = Interrupts::listen()?;
    // The whole workspace: with the features, and so the build, that `cargo xtask test` has.
    let mut simulation = cargo::cargo(&["test", "--workspace", "--lib", "--quiet", "--"]);
    simulation.args(["--exact", "--nocapture", TEST]);
    match options.seed {
        Some(seed) => simulation.env("SIMULATION_SEED", seed.to_string()),
        None => simulation.env("SIMULATION_SEEDS", options.seeds.to_string()),
    };
    let status = process::run(&mut simulation, &interrupts)?;
    if !status.success() {
        bail!("a seed failed, or the run was broken off: `--seed <N>` runs the one it names again");
    }
    Ok(())
}
