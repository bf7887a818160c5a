//! The whole platform as its users have it: the binary in a process of its own, real servers, HTTP and NATS from outside.

mod client;
mod events;
mod platform;

pub use client::{Answer, Client};
pub use events::Events;
pub use platform::{NATS_SECRET, Platform, Served, binary, free_port, settings};
