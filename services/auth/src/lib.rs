//! Users, sessions, access tokens: who someone is, and how everyone else can check it.
//!
//! Read [`handlers`] for the requests, [`domain`] for the rules, [`callout`] for how integrators get into NATS.
//!
//! **Invariant:** only this service sees passwords and private keys.

mod callout;
mod config;
mod domain;
mod error;
mod handlers;
mod housekeeping;
mod keys;
mod kick;
mod opaque;
mod passwords;
mod state;
mod store;

pub use config::Config;
pub use error::Error;
pub use state::{State, Wiring};
pub use store::MIGRATIONS;

/// All that this service answers and does.
pub fn service(state: State) -> kernel::Service<State> {
    kernel::Service::new("auth", state)
        .on(handlers::register)
        .on(handlers::login)
        .on(handlers::refresh)
        .on(handlers::logout)
        .on(handlers::ws_ticket)
        .on(handlers::redeem_ticket)
        .on(handlers::me)
        .on(handlers::update_me)
        .on(handlers::add_member)
        .on(handlers::run_token)
        .on(handlers::role_of)
        .task("callout", callout::run)
        .task("kick", kick::run)
        .task("housekeeping", housekeeping::run)
}
