//! MongoDB: the archive of what happened.
//!
//! The archive comes after the truth (the partition log, PostgreSQL): a server that is down delays it and stops nothing.
//!
//! **Invariant:** values of users are stored as JSON text, never as keys or operators, and every read names its tenant.

mod archive;
mod calls;
mod config;
mod error;
mod events;

pub use archive::Archive;
pub use calls::ArchivedCall;
pub use config::Config;
pub use error::Error;
pub use events::ArchivedFrame;
