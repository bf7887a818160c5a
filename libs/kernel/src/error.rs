//! How errors of services become problems.

use contracts::{ErrorCode, Problem};

/// How a service's own error becomes a [`Problem`]. `Display` of the error is public text; its `source()` is only logged.
pub trait ServiceError: std::error::Error + Send + Sync + 'static {
    fn code(&self) -> ErrorCode;

    /// Override to add a reason, a finer status or field errors.
    fn problem(&self) -> Problem {
        Problem::new(self.code(), self.to_string())
    }
}

/// A problem passed on from another service is answered as it came.
impl ServiceError for Problem {
    fn code(&self) -> ErrorCode {
        self.code
    }
    fn problem(&self) -> Problem {
        self.clone()
    }
}

/// Why the kernel cannot run a service.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the service cannot use the bus")]
    Bus(#[from] bus::Error),
    #[error("telemetry cannot be set up: {0}")]
    Telemetry(String),
    #[error("cannot listen on `{address}`")]
    Listen {
        address: String,
        #[source]
        source: std::io::Error,
    },
}

/// The error with all its causes, for the log.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
