//! The durable engine: runs flows, and every step of every run survives a crash.
//! Read [`domain`] for what an execution does next, [`record`] and [`log`] for how that is stored, [`workers`] for the
//! steps that leave the core, [`dead_letters`] for those that nobody could do, [`handlers`] for the questions, [`store`], [`headers`] and [`archive`] for what stays.
//!
//! **Invariant:** nobody hears of a record before it is stored.

mod archive;
mod config;
mod dead_letters;
mod domain;
mod error;
pub mod failpoint;
mod handlers;
mod headers;
mod history;
mod integrity;
mod log;
pub mod measure;
mod payloads;
mod plans;
mod record;
mod restore;
mod retention;
mod state;
mod store;
mod workers;

pub use config::{Config, EngineConfig};
pub use error::Error;
pub use integrity::{Difference, Integrity, What, check as check_integrity};
pub use restore::{Lost, Restored, restore};
pub use state::State;
pub use store::MIGRATIONS;

/// All that this service answers and does.
pub fn service(state: State) -> kernel::Service<State> {
    handlers::looking_back::on(kernel::Service::new("execution", state))
        .on(handlers::get)
        .on(handlers::list)
        .on(handlers::events)
        .on(handlers::payloads::get)
        .on(handlers::cancel)
        .on(handlers::holding::pause)
        .on(handlers::holding::resume)
        .on(handlers::keeping::delete)
        .on(handlers::keeping::retention)
        .on(handlers::keeping::set_retention)
        .on(handlers::approve)
        .on(handlers::answer)
        .on(handlers::read)
        .on(handlers::payloads::read)
        .on(handlers::events::deliver)
        .on(handlers::dead_letters::list)
        .on(handlers::dead_letters::redrive)
        .task("owners", log::own_partitions)
        .task("workers", workers::run)
        .task("dead letters", dead_letters::collect)
}
