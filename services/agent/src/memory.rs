//! What agents remember from one run to the next, each memory with where it comes from.
//!
//! **Invariant:** a memory of the scope `user` is seen by the user whose run learnt it, and by nobody else.

pub(crate) mod handlers;

mod domain;
mod store;

pub(crate) use store::{MemoryStore, forget_agent};
