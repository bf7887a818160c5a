//! `cargo xtask openapi`: the description of the REST API, kept in the
//! repository so that a change to it is seen in review.

use std::{fs, path::Path, process::Command};

use anyhow::{Context, Result, bail};

use crate::{
    cargo::{self, Profile},
    interrupts::Interrupts,
    process,
    progress::step,
};

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Fail when the file is not up to date, instead of writing it
    #[arg(long)]
    check: bool,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    let interrupts = Interrupts::listen()?;
    let binaries = step("build", || cargo::build(Profile::Dev, &interrupts))?;
    let troupe = binaries.join("troupe");
    if options.check {
        return check(&troupe);
    }
    let file = cargo::root().join("docs/openapi.json");
    fs::create_dir_all(file.parent().expect("the file lies in a folder"))?;
    fs::write(&file, describe(&troupe)?)
        .with_context(|| format!("cannot write `{}`", file.display()))
}

/// Fails when the file in the repository is not what the gateway says now.
pub(crate) fn check(troupe: &Path) -> Result<()> {
    step("OpenAPI drift", || {
        let file = cargo::root().join("docs/openapi.json");
        let written = fs::read_to_string(&file)
            .with_context(|| format!("cannot read `{}`", file.display()))?;
        if written != describe(troupe)? {
            bail!("`docs/openapi.json` is not up to date: run `cargo xtask openapi`");
        }
        Ok(())
    })
}

fn describe(troupe: &Path) -> Result<String> {
    process::output(Command::new(troupe).arg("openapi"))
}
