//! `cargo xtask servers`: what the platform stands on, without the platform,
//! for running `troupe` in a debugger or single tests by hand.

use std::{io::Write, path::PathBuf};

use anyhow::Result;

use crate::{
    cargo::Profile,
    commands::{test::TestServers, up},
    interrupts::Interrupts,
    servers::{Backends, Data, mongo::Durability},
    supervisor::Supervisor,
};

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Where all data is kept [default: .troupe]
    #[arg(long, conflicts_with = "test")]
    data: Option<PathBuf>,
    /// Start throw-away servers for tests instead of those `up` uses
    #[arg(long)]
    test: bool,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    let interrupts = Interrupts::listen()?;
    if options.test {
        let mut servers = TestServers::start(Durability::None, &interrupts)?;
        print(servers.variables())?;
        return servers.wait();
    }
    let data = Data::open(options.data.as_deref(), &interrupts)?;
    let (binaries, programs, user) = up::prepare(Profile::Dev, &data, &interrupts)?;
    let troupe = binaries.join("troupe");
    let mut supervisor = Supervisor::new(&interrupts);
    let backends = Backends::start(&programs, &user, &data, &troupe, &mut supervisor)?;
    print(backends.variables())?;
    supervisor.wait()
}

/// Lines for a shell to read.
fn print<'a>(variables: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<()> {
    let mut out = std::io::stdout();
    for (name, value) in variables {
        writeln!(out, "export {name}='{value}'")?;
    }
    out.flush()?;
    eprintln!("Stop with Ctrl-C.");
    Ok(())
}
