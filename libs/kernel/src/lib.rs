//! The one way to run a service: subscribe, decode, check who asks, answer, observe, drain.
//!
//! A service describes itself with [`Service::on`] lines; everything that all services need happens here, once.
//!
//! **Invariant:** a handler runs only after tenant, token and permission have been checked against the contract.

mod cancels;
mod ctx;
mod endpoint;
mod engine_metrics;
mod error;
pub mod health;
mod metrics;
mod model_metrics;
mod running;
mod serve;
mod service;
mod stream;
pub mod telemetry;
mod verifier;

pub use cancels::{Cancels, Ear};
pub use ctx::{Ctx, TaskCtx};
pub use engine_metrics::parked_executions;
pub use error::{Error, ServiceError};
pub use health::Readiness;
pub use model_metrics::{ModelCall, model_call};
pub use running::{Running, keep_up};
pub use service::{Runtime, Service};
pub use stream::{Chunks, Gone};
pub use verifier::Verifier;
