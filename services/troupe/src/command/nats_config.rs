//! `troupe nats-config`: the configuration that nats-server needs, on standard output.

use std::path::PathBuf;

use bus::server_config::ServerConfig;
use clap::Args;

#[derive(Args)]
pub(crate) struct Options {
    /// The secret that the users' passwords are derived from; the same as the services'.
    #[arg(long, env = "TROUPE_NATS_SECRET", hide_env_values = true)]
    nats_secret: String,
    /// Where JetStream stores its files.
    #[arg(long)]
    store_dir: PathBuf,
    /// Address to listen on.
    #[arg(long, default_value = "127.0.0.1")]
    host: std::net::IpAddr,
    /// Port for clients.
    #[arg(long, default_value_t = 4222)]
    port: u16,
    /// Port of the server's monitoring pages; none when absent.
    #[arg(long)]
    monitor_port: Option<u16>,
}

pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    let config = ServerConfig {
        host: options.host,
        port: Some(options.port),
        monitor_port: options.monitor_port,
        ..ServerConfig::loopback(&options.nats_secret, &options.store_dir)
    };
    print!("{}", config.text());
    Ok(())
}
