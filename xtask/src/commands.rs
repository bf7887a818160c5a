//! The table of tasks.

pub(crate) mod bench;
pub(crate) mod check;
pub(crate) mod dev;
pub(crate) mod faults;
pub(crate) mod openapi;
pub(crate) mod prices;
pub(crate) mod serve;
pub(crate) mod sim;
pub(crate) mod test;
pub(crate) mod up;
pub(crate) mod web;

#[derive(clap::Subcommand)]
pub(crate) enum Command {
    /// Start the whole platform on this machine, until Ctrl-C
    Up(up::Options),
    /// The same while the web app is worked on: what is saved is seen at once
    Dev(up::Options),
    /// Start NATS, PostgreSQL and MongoDB only, and print where they are
    Servers(serve::Options),
    /// Run everything that must pass: formatting, lints, drift, tests
    Test(test::Options),
    /// Run what needs no server: formatting, lints, the architecture test
    Check,
    /// Format the source
    Fmt,
    /// Write docs/openapi.json as the gateway describes itself
    Openapi(openapi::Options),
    /// Write nats/asyncapi.yaml as the contract describes the public bus
    Asyncapi(openapi::Options),
    /// Convert the public price table of models for the LLM gateway
    Prices(prices::Options),
    /// Build the web app for the gateway to serve
    Web(web::Options),
    /// Run a load test against real servers, in a release build
    Bench(bench::Options),
    /// Harm a running platform in every way, and check what it has promised
    Faults(faults::Options),
    /// Simulate the engine under faults, over many seeds
    Sim(sim::Options),
}
