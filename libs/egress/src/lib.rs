//! The only way out: the one HTTP client of the platform for addresses that users choose.
//!
//! **Invariant:** a connection is made only to an address that was checked at that moment, inside the resolver that
//! the connection uses, so a name that changes its mind between check and use gains nothing.
//! What is encrypted goes by way of `reqwest`, over HTTP/2 where the server speaks it, so that a crowd shares a connection.
//! Plain HTTP, as servers of models in the operator's own network speak it, goes over connections of our own ([`lane`]).
//!
//! **Invariant:** no redirect is followed, no proxy is taken from the environment, and every response has a size limit.

mod address;
mod client;
mod config;
mod error;
mod lane;
mod pause;
mod plain;
mod request;
mod resolver;
mod target;

pub use client::{Egress, ResponseStream};
pub use config::{Allowed, Config};
pub use error::Error;
pub use pause::{milliseconds, retry_after_ms};
pub use request::{Credential, Request, Response};
pub use target::host_and_port;

/// Chooses the TLS implementation of the process; calling it again does nothing.
pub fn install_tls() {
    // An error means that one is installed already, which is what is wanted.
    rustls::crypto::ring::default_provider()
        .install_default()
        .ok();
}
