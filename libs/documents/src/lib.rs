//! MongoDB: the archive of what happened, and the texts of conversations.
//!
//! The archive comes after the truth (the partition log, PostgreSQL): a server that is down delays it and stops nothing.
//! The texts of conversations are kept here alone: without the server nobody chats.
//!
//! **Invariant:** values of users are stored as texts, never as keys or operators, and every read names its tenant.

mod archive;
mod bodies;
mod calls;
mod chats;
mod config;
mod definitions;
mod error;
mod events;
mod payloads;
mod usage;

pub use archive::Archive;
pub use bodies::ArchivedBodies;
pub use calls::{ArchivedCall, CallQuestion};
pub use chats::ChatText;
pub use config::Config;
pub use error::Error;
pub use events::{ArchivedFrame, ArchivedRecord};
pub use usage::UsageQuestion;
