//! Tools: what agents, flows and people may call, their versions and secrets, and the calls themselves.
//!
//! Reading order: [`domain`] has the rules, [`kinds`] what each kind of tool does, [`calls`] one call from its arguments
//! to its record, [`store`] the questions to the database, [`handlers`] put them in order.
//!
//! **Invariant:** a secret leaves the database only to be sent to a host it was given for, and no text or reply of ours
//! holds it.

mod config;
mod containers;
mod error;
mod failure;
mod state;

mod handlers;

mod calls;
mod imports;
mod mcp;
mod pulse;
mod records;
mod slots;

mod domain;
mod kinds;
mod store;

pub use config::{Config, Settings};
pub use containers::Config as ContainersConfig;
pub use error::Error;
pub use state::State;
pub use store::MIGRATIONS;

/// The table of contents: everything this service answers.
pub fn service(state: State) -> kernel::Service<State> {
    kernel::Service::new("tool", state)
        .on(handlers::tools::create)
        .on(handlers::tools::get)
        .on(handlers::tools::list)
        .on(handlers::tools::update)
        .on(handlers::tools::delete)
        .on(handlers::tools::versions)
        .on(handlers::tools::validate)
        .on(handlers::resolve::resolve)
        .on(handlers::calls::invoke)
        .on(handlers::calls::list)
        .on(handlers::imports::openapi)
        .on(handlers::imports::mcp)
        .on(handlers::imports::discover)
        .on(handlers::secrets::set)
        .on(handlers::secrets::list)
        .on(handlers::secrets::delete)
        .task("cancels", |task: kernel::TaskCtx<State>| async move {
            task.state.cancels.follow(&task.bus, &task.stop).await;
        })
        .task("records", records::write)
        .task("containers", |task: kernel::TaskCtx<State>| async move {
            task.state.containers.keep(task.stop.cancelled()).await;
        })
}
