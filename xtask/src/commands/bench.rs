//! `cargo xtask bench <name>`: a load test of `e2e`, optimised, against servers
//! that keep what they acknowledge.

use std::process::Command;

use anyhow::{Result, bail};

use crate::{
    cargo::{self, Profile},
    commands::test::TestServers,
    interrupts::Interrupts,
    process,
    progress::step,
    servers::mongo::Durability,
    web::{self, Mode},
};

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Which one: the binary `load-<NAME>` of the `e2e` package
    name: String,
    /// Passed on to it
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<String>,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    let interrupts = Interrupts::listen()?;
    let binaries = step("build", || cargo::build(Profile::Release, &interrupts))?;
    let program = binaries.join(format!("load-{}", options.name));
    if !program.is_file() {
        bail!("there is no load test `{}`", options.name);
    }
    let mut load = Command::new(program);
    if options.name == "canvas" {
        web::browser(&interrupts)?;
        load.env("TROUPE_WEB_DIR", web::build(Mode::Release, &interrupts)?);
    }
    let servers = TestServers::start(Durability::Full, &interrupts)?;
    load.args(&options.arguments)
        .envs(servers.variables())
        .env("TROUPE_BIN", binaries.join("troupe"))
        .current_dir(cargo::root());
    let status = process::run(&mut load, &interrupts)?;
    if !status.success() {
        bail!("the load test `{}` failed", options.name);
    }
    Ok(())
}
