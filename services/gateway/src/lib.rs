//! The HTTP face of the platform: REST, server-sent events, WebSocket, documentation, the first page.
//!
//! The gateway owns no data. It finds out who asks, checks form and measure, asks the owning service over the bus in the
//! caller's name, and shapes the answer.
//!
//! **Invariant:** it decides nothing that the owning service does not decide again: tenant, permission and object are
//! checked behind the bus.

mod config;
mod error;
mod listener;
mod server;

mod edge;
mod problem;

mod api;
mod caller;
mod download;
mod gate;
mod payload;
mod upload;
mod web;

mod hooks;
mod live;
mod mcp;
mod socket;

mod asyncapi;
mod docs;
mod spec;

pub use asyncapi::asyncapi_yaml;
pub use config::{Config, Origin};
pub use error::Error;
pub use server::{Extra, Serving, serve};
pub use spec::openapi_json;
