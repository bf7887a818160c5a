//! `cargo xtask`: every task of this repository, without a shell script.
//!
//! It links nothing of the platform, so that it compiles in seconds and can
//! build the rest.

mod apt;
mod cargo;
mod commands;
mod interrupts;
mod leftover;
mod ports;
mod process;
mod progress;
mod secrets;
mod server_user;
mod servers;
mod supervisor;
mod tools;
mod web;

use std::process::ExitCode;

use clap::Parser;

use crate::commands::{
    Command, bench, check, dev, faults, openapi, prices, serve, sim, test, up, web as web_command,
};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "The tasks of this repository")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Up(options) => up::run(&options),
        Command::Dev(options) => dev::run(&options),
        Command::Servers(options) => serve::run(&options),
        Command::Test(options) => test::run(&options),
        Command::Check => check::run(),
        Command::Fmt => check::format(),
        Command::Openapi(options) => openapi::run(&options, &openapi::OPENAPI),
        Command::Asyncapi(options) => openapi::run(&options, &openapi::ASYNCAPI),
        Command::Prices(options) => prices::run(&options),
        Command::Web(options) => web_command::run(&options),
        Command::Bench(options) => bench::run(&options),
        Command::Faults(options) => faults::run(&options),
        Command::Sim(options) => sim::run(&options),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
