//! Agents and crews: who works, with what, within which limits, and how tasks depend on each other.
//!
//! Reading order: [`domain`] has the rules, [`store`] the questions to the database, [`handlers`] put them in order.
//!
//! **Invariant:** a version of an agent or a crew never changes, and a crew's agents stay as long as it names them.

mod config;
mod error;
mod state;

mod domain;
mod handlers;
mod store;

mod embedding;
mod knowledge;
mod memory;
mod query;
mod ranking;

pub use config::Config;
pub use error::Error;
pub use state::State;
pub use store::MIGRATIONS;

/// The table of contents: everything this service answers.
pub fn service(state: State) -> kernel::Service<State> {
    kernel::Service::new("agent", state)
        .on(handlers::agents::create)
        .on(handlers::agents::get)
        .on(handlers::agents::list)
        .on(handlers::agents::update)
        .on(handlers::agents::delete)
        .on(handlers::agents::versions)
        .on(handlers::crews::create)
        .on(handlers::crews::get)
        .on(handlers::crews::list)
        .on(handlers::crews::update)
        .on(handlers::crews::delete)
        .on(handlers::crews::versions)
        .on(handlers::import::import)
        .on(handlers::resolve::resolve)
        .on(knowledge::handlers::create_base)
        .on(knowledge::handlers::get_base)
        .on(knowledge::handlers::list_bases)
        .on(knowledge::handlers::update_base)
        .on(knowledge::handlers::delete_base)
        .on(knowledge::handlers::reindex_base)
        .on(knowledge::handlers::add_document)
        .on(knowledge::handlers::list_documents)
        .on(knowledge::handlers::get_document)
        .on(knowledge::handlers::read_document)
        .on(knowledge::handlers::delete_document)
        .on(knowledge::handlers::search)
        .on(memory::handlers::recall)
        .on(memory::handlers::remember)
        .on(memory::handlers::list)
        .on(memory::handlers::forget)
        .task("indexer", knowledge::indexer::run)
}
