//! Owns flows: drafts, revisions, variables, triggers, and the decision to execute. Reading order: [`domain`], [`store`], [`handlers`]; [`wakes`] and [`fires`] of triggers; [`launch`] and [`places`] of starts.

mod domain;
mod error;
mod fires;
mod handlers;
mod launch;
mod places;
mod store;
mod wakes;

pub use store::{FlowStore, MIGRATIONS};

/// The table of contents: everything this service answers and does.
pub fn service(pool: sql::Pool, vault: vault::Vault) -> kernel::Service<FlowStore> {
    kernel::Service::new("flow", FlowStore::new(pool, vault))
        .on(handlers::flows::create)
        .on(handlers::flows::get)
        .on(handlers::flows::list)
        .on(handlers::flows::update)
        .on(handlers::flows::delete)
        .on(handlers::flows::validate)
        .on(handlers::upgrades::upgrade)
        .on(handlers::flows::node_types)
        .on(handlers::agents::list)
        .on(handlers::agents::create)
        .on(handlers::revisions::publish)
        .on(handlers::revisions::list)
        .on(handlers::revisions::get)
        .on(handlers::revisions::restore)
        .on(handlers::variables::get)
        .on(handlers::variables::set)
        .on(handlers::concurrency::get)
        .on(handlers::concurrency::set)
        .on(handlers::execute::execute)
        .on(handlers::again::retry)
        .on(handlers::again::continue_)
        .on(handlers::again::fork)
        .on(handlers::again::test)
        .on(handlers::regressions::start)
        .on(handlers::regressions::get)
        .on(handlers::execute::run_agent)
        .on(handlers::execute::run_crew)
        .on(handlers::execute::test_crew)
        .on(handlers::execute::run_turn)
        .on(handlers::triggers::create)
        .on(handlers::triggers::list)
        .on(handlers::triggers::get)
        .on(handlers::triggers::update)
        .on(handlers::triggers::enable)
        .on(handlers::triggers::disable)
        .on(handlers::triggers::delete)
        .on(handlers::triggers::fires)
        .on(handlers::triggers::rotate)
        .on(handlers::webhooks::receive)
        .task("triggers", wakes::due)
        .task("door", wakes::arriving)
        .task("events", wakes::inbound)
        .task("places", places::keep)
}
