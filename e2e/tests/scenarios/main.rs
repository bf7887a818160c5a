//! The platform as a whole, from outside.

#![allow(clippy::unwrap_used, reason = "a test may panic, and its helpers too")]

mod agents;
mod bad_input;
mod concurrency;
mod conversations;
mod crash;
mod integrators;
mod journey_chat;
mod journey_tools;
mod live;
mod main_job;
mod mcp;
mod nats_tools;
mod serving;
mod tools;
mod walls;
mod worst_case;
