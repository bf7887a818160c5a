//! Owns flows: drafts, revisions, variables, and the decision to execute.
//!
//! Reading order: [`domain`] has the rules, [`store`] the questions to the database, [`handlers`] put them in order.

mod domain;
mod error;
mod handlers;
mod store;

use sql::{Migration, Migrations, Pool};

pub use store::FlowStore;

/// The tables of this service, in each tenant's schema.
pub const MIGRATIONS: Migrations = Migrations {
    service: "flow",
    platform: &[],
    tenant: &[
        Migration {
            name: "0001_flows",
            sql: include_str!("../migrations/0001_flows.sql"),
        },
        Migration {
            name: "0002_executables",
            sql: include_str!("../migrations/0002_executables.sql"),
        },
        Migration {
            name: "0003_agents_of_flows",
            sql: include_str!("../migrations/0003_agents_of_flows.sql"),
        },
    ],
};

/// The table of contents: everything this service answers.
pub fn service(pool: Pool) -> kernel::Service<FlowStore> {
    kernel::Service::new("flow", FlowStore::new(pool))
        .on(handlers::flows::create)
        .on(handlers::flows::get)
        .on(handlers::flows::list)
        .on(handlers::flows::update)
        .on(handlers::flows::delete)
        .on(handlers::flows::validate)
        .on(handlers::flows::node_types)
        .on(handlers::agents::list)
        .on(handlers::agents::create)
        .on(handlers::revisions::publish)
        .on(handlers::revisions::list)
        .on(handlers::revisions::get)
        .on(handlers::revisions::restore)
        .on(handlers::variables::get)
        .on(handlers::variables::set)
        .on(handlers::execute::execute)
        .on(handlers::execute::run_agent)
        .on(handlers::execute::run_crew)
        .on(handlers::execute::test_crew)
        .on(handlers::execute::run_turn)
}
