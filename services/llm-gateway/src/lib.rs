//! Language models: who answers for which organization, what an answer costs, and the answers themselves.
//!
//! One core ([`calls`]) with two faces: `llm.complete` and `llm.embed` over NATS, OpenAI's API over HTTP.
//!
//! **Invariant:** a provider's key leaves the database only to be sent to the server it was given for, and no text of
//! ours holds it.

mod config;
mod error;
mod state;

mod calls;
mod domain;
mod handlers;
mod http;
mod ledger;
mod prices;
mod provider;
mod records;
mod store;

pub use config::{Config, Settings};
pub use error::Error;
pub use http::http;
pub use state::State;
pub use store::MIGRATIONS;

/// Everything it answers over NATS.
pub fn service(state: State) -> kernel::Service<State> {
    handlers::budgets::on(kernel::Service::new("llm", state))
        .on_stream(handlers::complete)
        .on(handlers::embed)
        .on(handlers::models)
        .on(handlers::create_provider)
        .on(handlers::providers)
        .on(handlers::get_provider)
        .on(handlers::update_provider)
        .on(handlers::delete_provider)
        .on(handlers::test_provider)
        .on(handlers::usage)
        .on(handlers::calls)
        .on(handlers::get_call)
        .on(handlers::call_bodies)
        .on(handlers::create_route)
        .on(handlers::routes)
        .on(handlers::get_route)
        .on(handlers::update_route)
        .on(handlers::delete_route)
        .on(handlers::limits)
        .on(handlers::set_limits)
        .on(handlers::recording)
        .on(handlers::set_recording)
        .task("cancels", calls::follow_cancels)
        .task("records", records::store)
        .task("archive", records::archive)
        .task("words", records::words::archive)
        .task("ledger", ledger::book)
        .task("prices", prices::follow)
}
