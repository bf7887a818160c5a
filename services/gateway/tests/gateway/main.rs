//! The gateway on a real NATS server, over real HTTP, in front of small services that answer for the others.

mod answers;
mod http;
mod limits;
mod live;
mod open;
mod platform;
mod refusals;
mod sessions;
mod surface;
