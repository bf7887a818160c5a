//! `cargo xtask web`: the app as the gateway serves it.

use anyhow::Result;

use crate::{
    interrupts::Interrupts,
    web::{self, Mode},
};

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Build quickly: not optimised, not compressed
    #[arg(long)]
    dev: bool,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    let mode = if options.dev {
        Mode::Dev
    } else {
        Mode::Release
    };
    let folder = web::build(mode, &Interrupts::listen()?)?;
    println!("the web app is in `{}`", folder.display());
    Ok(())
}
