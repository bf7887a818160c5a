//! Sealed credentials: a data key per tenant, wrapped by the platform's master key (envelope encryption).
//!
//! AES-256-GCM (NIST SP 800-38D) with random 96-bit nonces. What is sealed is bound to what it is for: opening needs
//! the same associated data, so a ciphertext moved to another tenant, record or field does not open.
//!
//! The data keys of organizations are in tables of the services that use them: see [`Vault::tenant_key`].
//!
//! **Invariant:** an error says nothing about keys or contents, and there is no second, weaker way.

mod config;
mod error;
mod key;
mod sealed;
mod tenant;

pub use config::Config;
pub use error::Error;
pub use key::{DataKey, Vault};
pub use tenant::{KeyError, wrapped_key};
