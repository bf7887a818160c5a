//! Typed NATS: the only crate that depends on `async-nats` (kept so by `deny.toml`).
//!
//! Read [`connection`] for connecting, [`request`] for asking, [`files`] for what comes in pieces, [`outside`] and [`tools`] for asking integrators, [`beats`] for who
//! takes long, [`paces`] for who reads slowly, [`serve`] for answering, [`log`], [`work`], [`dead`], [`event`], [`kv`], [`payloads`],
//! [`inbound`], [`pulling`], [`records`], [`uploads`], [`wakes`] and [`writes`] for JetStream, [`topology`] for the streams and buckets that exist.
//!
//! **Invariant:** subjects come from `contracts::Subject` alone, and every wait has an end.

mod beats;
mod connection;
mod dead;
mod error;
mod event;
mod files;
mod headers;
mod inbound;
mod kv;
mod log;
mod outside;
mod owners;
mod paces;
mod payloads;
mod pulling;
mod records;
mod request;
mod serve;
pub mod server_config;
mod tools;
pub mod topology;
mod uploads;
mod wakes;
mod work;
mod writes;

pub use beats::{Heard, heartbeat_in};
pub use connection::{Bus, Config};
pub use dead::Death;
pub use error::Error;
pub use event::EVENT_ACK_WAIT;
pub use headers::{HeaderMap, extract_trace, timeout_in};
pub use inbound::{MAX_EVENT, NewEvent, NotKept};
pub use kv::{Bucket, Change, Kv, Revised};
pub use log::{AppendError, LogEntry};
pub use outside::NodeCall;
pub use paces::{Pace, PaceWord, PaceWords};
pub use request::{Call, DEFAULT_DEADLINE};
pub use serve::{Incoming, Micro, Reply, Subscription};
pub use tools::{MicroEndpoint, ToolCall, ToolError};
pub use uploads::{MAX_UPLOAD, Uploads};
pub use work::{Delivery, Dispatched};
