//! PostgreSQL: the pool, the tenant transaction, migrations, paging.
//!
//! A store asks [`Pool::tenant`] for a transaction that can see one tenant's schema and nothing else, or
//! [`Pool::platform`] for the shared tables under row-level security. There is no third way to a connection.
//!
//! **Invariant:** every statement of a service runs inside a transaction that was bound to its tenant first.

mod config;
mod error;
mod migration;
mod owner;
mod paging;
mod pool;
mod roles;
mod safety;
mod schema;
mod search;

pub use config::{Config, password};
pub use error::Error;
pub use migration::{Migration, Migrations};
pub use owner::Owner;
pub use paging::{Cursor, page, page_after};
pub use pool::{Call, Platform, Pool, Prepared, Tenant};
pub use schema::SchemaName;
pub use search::Search;
