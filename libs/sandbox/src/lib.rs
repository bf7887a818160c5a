//! JavaScript and Python of users, run in a locked-down child process of our own binary.
//!
//! No service process ever evaluates code of users: [`Sandbox`] hands each job to a
//! child that gave up its rights before it read its first byte, and ends a child
//! that does anything but answer in time. This is the only crate that links
//! engines for them, and it runs on Linux only.
//!
//! **Invariant:** a job is answered by a locked-down child or not at all; there is
//! no path that runs it in the calling process.

mod config;
mod error;
mod lockdown;
mod pool;
mod process;
mod protocol;
mod python;
mod script;
mod worker;

pub use config::{Config, WorkerCommand};
pub use error::Error;
pub use pool::Sandbox;
pub use worker::worker_main;
