//! The rules of flows, on the types of `contracts::flow`: node types, validation, expressions, scheduling, and the
//! view of an execution. Used by the flow service, the engine and the browser.
//!
//! **Invariant:** no I/O, no async, no clock. This crate compiles to `wasm32`.

pub mod expression;
mod node_types;
mod plan;
pub mod schedule;
mod validate;
pub mod view;

pub use node_types::node_types;
pub use plan::{EdgeRef, NodeIndex, Plan};
pub use validate::validate;
