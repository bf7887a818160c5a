//! The gateway on a real NATS server, over real HTTP, in front of small services that answer for the others.

#![allow(clippy::unwrap_used, reason = "a test may panic, and its helpers too")]

mod agents;
mod answers;
mod chat;
mod hooks;
mod http;
mod knowledge;
mod limits;
mod live;
mod open;
mod platform;
mod refusals;
mod sessions;
mod socket;
mod surface;
mod tools;
mod web;
