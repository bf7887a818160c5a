//! Conversations of users with agents, crews and flows: sessions, the tree of messages, the queue of answers.
//!
//! Reading order: [`domain`] has the rules, [`turns`] brings a question to the run that answers it, [`settle`] the run's
//! end to the answer that stays, [`follow`] makes up for what broke down in between; [`store`] asks the database,
//! [`handlers`] put things in order, [`view`] shows messages.
//!
//! **Invariant:** a message that was acknowledged is stored, and its answer comes to an end, whatever process dies.

mod config;
mod error;
mod state;

mod handlers;
mod view;

mod follow;
mod settle;
mod turns;

mod domain;
mod store;

pub use config::{Config, Settings};
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
        .on(handlers::stop::delete)
        .on(handlers::messages::send)
        .on(handlers::messages::regenerate)
        .on(handlers::messages::list)
        .on(handlers::messages::get)
        .on(handlers::stop::stop)
        .on(handlers::attachments::add)
        .on(handlers::attachments::read_back)
        .task("asked", follow::asked)
        .task("finished", follow::finished)
}
