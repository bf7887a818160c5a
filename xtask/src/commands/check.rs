//! `cargo xtask check` and `fmt`: what needs no server.

use anyhow::Result;

use crate::{cargo, interrupts::Interrupts, progress::step};

const CLIPPY: [&str; 6] = [
    "clippy",
    "--workspace",
    "--all-targets",
    "--",
    "-D",
    "warnings",
];

pub(crate) fn run() -> Result<()> {
    let interrupts = Interrupts::listen()?;
    formatting(&interrupts)?;
    lints(&interrupts)?;
    step("architecture", || {
        cargo::run(
            &["test", "--quiet", "--workspace", "--test", "architecture"],
            &interrupts,
        )
    })
}

pub(crate) fn format() -> Result<()> {
    cargo::run(&["fmt", "--all"], &Interrupts::listen()?)
}

pub(crate) fn formatting(interrupts: &Interrupts) -> Result<()> {
    step("formatting", || {
        cargo::run(&["fmt", "--all", "--", "--check"], interrupts)
    })
}

pub(crate) fn lints(interrupts: &Interrupts) -> Result<()> {
    step("lints", || cargo::run(&CLIPPY, interrupts))
}
