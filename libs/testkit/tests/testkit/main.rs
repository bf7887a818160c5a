//! The kit against the servers it stands on.

mod databases;
mod nats;
