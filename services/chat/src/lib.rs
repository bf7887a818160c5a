//! Conversations of users with agents, crews and flows: sessions, the tree of messages, the queue of answers.
//!
//! Reading order: [`domain`] has the rules, [`store`] the questions to the database, [`handlers`] put them in order.

mod config;
mod error;
mod state;

mod domain;
mod handlers;
mod store;

pub use config::Config;
pub use error::Error;
pub use state::State;
pub use store::MIGRATIONS;

/// The table of contents: everything this service answers.
pub fn service(state: State) -> kernel::Service<State> {
    kernel::Service::new("chat", state)
        .on(handlers::sessions::create)
        .on(handlers::sessions::get)
        .on(handlers::sessions::list)
        .on(handlers::sessions::update)
}
