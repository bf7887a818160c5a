//! The kit against the servers it stands on, and its own servers against a
//! plain HTTP client.

mod databases;
mod fake_llm;
mod http;
mod ledger;
mod nats;
