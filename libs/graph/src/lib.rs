//! The rules of flows, on the types of `contracts::flow`: node types, validation, expressions, scheduling, and the
//! view of an execution. Used by the flow service, the engine and the browser.
//!
//! **Invariant:** no I/O, no async, no clock. This crate compiles to `wasm32`.
//! **Invariant:** whatever a tenant writes into a definition, reading, checking and evaluating it ends soon, within
//! bounded memory and stack.

mod node_types;
mod validate;

mod plan;
mod reads;
pub mod schedule;
mod upgrade;
mod versions;
mod visible;

pub mod expression;
pub mod path;
pub mod schema;
pub mod view;

pub use node_types::{ERROR_HANDLER, LOOP, MAP, SHOWING_PROGRESS, WORKING, node_types};
pub use plan::{EdgeRef, NodeIndex, Plan};
pub use reads::{Reads, reads};
pub use upgrade::{Upgrade, upgrade};
pub use validate::validate;
pub use versions::{UnknownType, current_version, lowered, outcome_version, pin_versions};
