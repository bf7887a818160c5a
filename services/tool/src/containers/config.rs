//! The operator's settings of containers.

use clap::{Args, value_parser};

/// Where containers run, and how many.
#[derive(Args, Clone, Debug)]
#[group(skip)]
pub struct Config {
    /// Socket of the container engine that runs tools, `unix://…`.
    #[arg(
        long,
        env = "DOCKER_HOST",
        default_value = "unix:///var/run/docker.sock"
    )]
    pub container_engine: String,
    /// Name that tells the containers of this installation from those of others on the same engine.
    #[arg(long, env = "TROUPE_CONTAINER_GROUP", default_value = "1")]
    pub container_group: String,
    /// Containers that run at the same time.
    #[arg(long, env = "TROUPE_CONTAINERS", default_value_t = 8, value_parser = value_parser!(u16).range(1..=256))]
    pub containers: u16,
    /// Started containers that wait for a call, for each image in use; 0 starts one at each call.
    #[arg(long, env = "TROUPE_CONTAINERS_WARM", default_value_t = 2, value_parser = value_parser!(u16).range(0..=16))]
    pub containers_warm: u16,
    /// Started containers that wait for a call, for all images together.
    #[arg(long, env = "TROUPE_CONTAINERS_WARM_TOTAL", default_value_t = 8, value_parser = value_parser!(u16).range(0..=256))]
    pub containers_warm_total: u16,
}

impl Config {
    /// The defaults for an engine, `unix://…`, and a group of containers.
    pub fn of(engine: impl Into<String>, group: impl Into<String>) -> Self {
        Self {
            container_engine: engine.into(),
            container_group: group.into(),
            containers: 8,
            containers_warm: 2,
            containers_warm_total: 8,
        }
    }
}
