//! `cargo xtask test`: everything that must pass, with its own set-up.

mod runner;
mod servers;

use std::{
    panic::resume_unwind,
    path::PathBuf,
    thread,
    time::{Duration, Instant},
};

use anyhow::Result;

pub(crate) use self::servers::TestServers;
use crate::{
    cargo::{self, Profile},
    commands::{check, openapi},
    interrupts::Interrupts,
    progress::step,
    servers::mongo::Durability,
    web::{self, Mode},
};

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Passed on to the test runner
    #[arg(last = true)]
    arguments: Vec<String>,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    let interrupts = Interrupts::listen()?;
    let mut stages = Stages::default();
    let closing = stages.run_all(options, &interrupts);
    // The table is printed on failure too: it says how far the run came.
    eprintln!("\nTime per stage:");
    for (stage, time) in &stages.done {
        eprintln!("  {:>8.1} s  {stage}", time.as_secs_f64());
    }
    let closing = closing?;
    println!("{closing}");
    Ok(())
}

#[derive(Default)]
struct Stages {
    done: Vec<(&'static str, Duration)>,
}

impl Stages {
    fn run_all(&mut self, options: &Options, interrupts: &Interrupts) -> Result<String> {
        self.run("formatting", || check::formatting(interrupts))?;
        let (troupe, app) = thread::scope(|scope| {
            // Its last steps use one core each: time for the compilation of all the rest.
            let app = scope.spawn(|| {
                web::browser(interrupts)?;
                web::build(Mode::Release, interrupts)
            });
            let troupe = self.compile(interrupts);
            let app = self.run("web app, after the rest", || {
                app.join().unwrap_or_else(|panic| resume_unwind(panic))
            });
            Ok::<_, anyhow::Error>((troupe?, app?))
        })?;
        let servers = self.run("servers", || {
            TestServers::start(Durability::None, interrupts)
        })?;
        self.run("tests", || {
            let mut command = runner::command(&options.arguments);
            command
                .envs(servers.variables())
                .env("TROUPE_BIN", &troupe)
                .env("TROUPE_WEB_DIR", &app);
            runner::run(command, interrupts)
        })
    }

    /// Lints and builds the platform, and returns its program.
    fn compile(&mut self, interrupts: &Interrupts) -> Result<PathBuf> {
        self.run("lints", || check::lints(interrupts))?;
        let binaries = self.run("build", || {
            step("build", || cargo::build(Profile::Dev, interrupts))
        })?;
        let troupe = binaries.join("troupe");
        self.run("OpenAPI drift", || {
            openapi::check(&troupe, &openapi::OPENAPI)
        })?;
        self.run("AsyncAPI drift", || {
            openapi::check(&troupe, &openapi::ASYNCAPI)
        })?;
        Ok(troupe)
    }

    fn run<T>(&mut self, stage: &'static str, work: impl FnOnce() -> Result<T>) -> Result<T> {
        let started = Instant::now();
        let result = work();
        self.done.push((stage, started.elapsed()));
        result
    }
}
