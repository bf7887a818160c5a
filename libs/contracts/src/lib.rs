//! Everything that crosses a process boundary: ids, subjects, messages, the error shape.
//!
//! **Invariant:** no I/O, no async, no clock, no transport crate. This crate compiles to `wasm32`.

pub mod agent;
pub mod auth;
pub mod chat;
pub mod crew;
pub mod dead_letter;
pub mod execution;
mod fields;
pub mod file;
pub mod flow;
pub mod id;
pub mod knowledge;
pub mod live;
pub mod llm;
pub mod message;
pub mod node;
#[cfg(feature = "openapi")]
mod openapi;
pub mod operations;
pub mod owner;
pub mod page;
pub mod payload;
pub mod principal;
pub mod problem;
pub mod service;
pub mod subject;
pub mod tenant;
pub mod tool;
pub mod trigger;
pub mod work;

/// BLAKE3 of the bytes, hexadecimal: what names a definition, and what an approval is bound to.
pub fn hash(bytes: &[u8]) -> String {
    blake3::hash(bytes).to_hex().to_string()
}

pub use message::{Access, Event, Request, StreamRequest};
pub use principal::{Permission, Principal, Role};
pub use problem::{ErrorCode, FieldProblem, Problem};
pub use service::Service;
pub use subject::Subject;
