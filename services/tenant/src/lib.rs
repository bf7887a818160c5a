//! Organizations and who belongs to them.
//!
//! An organization is a tenant. This service makes its schema, keeps its name and its members, and tells every other
//! service when what a member may do has changed.
//!
//! **Invariant:** an organization has an owner, always; nobody gives or changes a role above their own.

mod config;
mod domain;
mod error;
mod handlers;
mod state;
mod store;

pub use config::Config;
pub use error::Error;
pub use state::State;
pub use store::MIGRATIONS;

/// Everything it answers.
pub fn service(state: State) -> kernel::Service<State> {
    kernel::Service::new("tenant", state)
        .on(handlers::provision)
        .on(handlers::memberships_of)
        .on(handlers::join)
        .on(handlers::list)
        .on(handlers::get)
        .on(handlers::update)
        .on(handlers::members)
        .on(handlers::update_member)
        .on(handlers::remove_member)
}
