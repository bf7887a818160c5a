//! What can go wrong between a service and the archive.

use contracts::ErrorCode;
use mongodb::error::{Error as DriverError, ErrorKind};

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the archive is not available at present")]
    Unavailable(#[source] DriverError),
    #[error("the archive did not answer in time")]
    Timeout,
    #[error("the archive refused an operation")]
    Refused(#[source] DriverError),
    #[error("document `{id}` of the archive cannot be read")]
    Unreadable {
        id: String,
        #[source]
        source: serde_json::Error,
    },
    #[error("`TROUPE_MONGO_URL` is not a MongoDB URL")]
    Url(#[source] DriverError),
}

impl Error {
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::Unavailable(_) => ErrorCode::Unavailable,
            Self::Timeout => ErrorCode::Timeout,
            Self::Refused(_) | Self::Unreadable { .. } | Self::Url(_) => ErrorCode::Internal,
        }
    }
}

impl From<DriverError> for Error {
    fn from(error: DriverError) -> Self {
        match error.kind.as_ref() {
            ErrorKind::Io(_)
            | ErrorKind::ServerSelection { .. }
            | ErrorKind::ConnectionPoolCleared { .. }
            | ErrorKind::DnsResolve { .. }
            | ErrorKind::Shutdown => Self::Unavailable(error),
            _ if error.contains_label("RetryableWriteError") => Self::Unavailable(error),
            _ => Self::Refused(error),
        }
    }
}
