//! `cargo xtask openapi` and `asyncapi`: the descriptions of the REST API and
//! of the public bus, kept in the repository so that a change to them is seen
//! in review.

use std::{fs, path::Path, process::Command};

use anyhow::{Context, Result, bail};

use crate::{
    cargo::{self, Profile},
    interrupts::Interrupts,
    process,
    progress::step,
};

/// A file that the platform writes about itself.
pub(crate) struct Document {
    /// The command of the binary that prints it, and of this program that keeps it.
    command: &'static str,
    /// From the root of the repository.
    file: &'static str,
}

pub(crate) const OPENAPI: Document = Document {
    command: "openapi",
    file: "docs/openapi.json",
};
pub(crate) const ASYNCAPI: Document = Document {
    command: "asyncapi",
    file: "nats/asyncapi.yaml",
};

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Fail when the file is not up to date, instead of writing it
    #[arg(long)]
    check: bool,
}

pub(crate) fn run(options: &Options, document: &Document) -> Result<()> {
    let interrupts = Interrupts::listen()?;
    let binaries = step("build", || cargo::build(Profile::Dev, &interrupts))?;
    let troupe = binaries.join("troupe");
    if options.check {
        return check(&troupe, document);
    }
    let file = cargo::root().join(document.file);
    fs::create_dir_all(file.parent().expect("the file lies in a folder"))?;
    fs::write(&file, describe(&troupe, document)?)
        .with_context(|| format!("cannot write `{}`", file.display()))
}

/// Fails when the file in the repository is not what the platform says now.
pub(crate) fn check(troupe: &Path, document: &Document) -> Result<()> {
    let Document { command, file } = document;
    step(&format!("{command} drift"), || {
        let path = cargo::root().join(file);
        let written = fs::read_to_string(&path)
            .with_context(|| format!("cannot read `{}`", path.display()))?;
        if written != describe(troupe, document)? {
            bail!("`{file}` is not up to date: run `cargo xtask {command}`");
        }
        Ok(())
    })
}

fn describe(troupe: &Path, document: &Document) -> Result<String> {
    process::output(Command::new(troupe).arg(document.command))
}
