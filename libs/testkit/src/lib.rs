//! Real dependencies for tests, a private copy each: a NATS server, a
//! PostgreSQL database, a MongoDB database; and servers that stand for third
//! parties, over real HTTP.
//!
//! PostgreSQL and MongoDB are started once for a whole run by
//! `cargo xtask test`, which hands their URLs over in the environment. A
//! missing one is a panic that says so: a test is never skipped.

pub mod containers;
mod eventually;
pub mod fake_llm;
pub mod ledger;
mod local_http;
pub mod mcp_server;
mod mongo;
mod nats;
mod postgres;
mod servers;
mod tokens;
mod web_socket;

pub use containers::ContainerEngine;
pub use eventually::eventually;
pub use fake_llm::FakeLlm;
pub use ledger::Ledger;
pub use mcp_server::McpServer;
pub use mongo::Mongo;
pub use nats::Nats;
pub use postgres::Postgres;
pub use tempfile::TempDir;
pub use tokens::{bus, principal, runtime, token, token_of_age};
pub use web_socket::{Heard, NotUpgraded, WebSocket};
