//! The one binary: every service as a role, and the commands around them.

mod command;
mod memory;
mod roles;
mod settings;

use clap::{Parser, Subcommand};

use crate::{
    command::{check_archive, migrate, nats_config, restore_log, seed, up},
    settings::Settings,
};

/// Build, run and watch AI agents, crews and flows.
#[derive(Parser)]
#[command(version, about)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run every service in this process.
    Up(Settings),
    /// Run one service.
    Serve {
        role: roles::Role,
        #[command(flatten)]
        settings: Settings,
    },
    /// Bring streams, shared tables and all tenants' schemas up to date.
    Migrate(Settings),
    /// Hold the archive against the engine's logs, and print what differs; it changes nothing.
    CheckArchive(Settings),
    /// Make the engine's logs anew from the archive, and print what goes on; no engine may run meanwhile.
    RestoreLog(restore_log::Options),
    /// Create the first account and the example flows, where they are missing, and print the account.
    Seed(seed::Options),
    /// Print the configuration that nats-server needs.
    NatsConfig(nats_config::Options),
    /// Print the OpenAPI document.
    Openapi,
    /// Print the AsyncAPI document of the public bus.
    Asyncapi,
    /// Run code nodes: a child process of the execution service.
    #[command(hide = true)]
    CodeWorker,
}

fn main() -> anyhow::Result<()> {
    memory::set_up();
    #[cfg(feature = "failpoints")]
    execution::failpoint::set_up();
    match Cli::parse().command {
        // Locked down before anything else: no runtime, no telemetry, no TLS.
        Command::CodeWorker => sandbox::worker_main(),
        Command::NatsConfig(options) => nats_config::run(&options),
        Command::Openapi => {
            println!("{:#}", gateway::openapi_json());
            Ok(())
        }
        Command::Asyncapi => {
            print!("{}", gateway::asyncapi_yaml());
            Ok(())
        }
        Command::Up(settings) => {
            settings::run("troupe", up::run(settings, roles::Role::ALL.to_vec()))
        }
        Command::Serve { role, settings } => {
            settings::run(role.name(), up::run(settings, vec![role]))
        }
        Command::Migrate(settings) => settings::run("troupe-migrate", migrate::run(settings)),
        Command::RestoreLog(options) => {
            settings::run("troupe-restore-log", restore_log::run(options))
        }
        Command::CheckArchive(settings) => {
            settings::run("troupe-check-archive", check_archive::run(settings))
        }
        Command::Seed(options) => settings::run("troupe-seed", seed::run(options)),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_well_formed() {
        super::Cli::command().debug_assert();
    }
}
