//! What can go wrong on the bus, below the level of a request's own answer.

/// A failure of the bus itself.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot connect to NATS at `{url}`")]
    Connect {
        url: String,
        #[source]
        source: async_nats::ConnectError,
    },
    #[error("cannot {action} on the bus")]
    Nats {
        action: &'static str,
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    #[error("`{subject}` carries a message that cannot be read")]
    Decode {
        subject: String,
        #[source]
        source: serde_json::Error,
    },
    /// A file that is not taken, or not given whole.
    #[error("the file has more than `{limit}` bytes")]
    TooLarge { limit: u64 },
    /// A compare-and-set lost against someone else.
    #[error("`{key}` was changed by someone else")]
    Conflict { key: String },
}

impl Error {
    /// Wraps any NATS failure with what was being done.
    pub(crate) fn nats(
        action: &'static str,
    ) -> impl FnOnce(Box<dyn std::error::Error + Send + Sync>) -> Self {
        move |source| Self::Nats { action, source }
    }
}

/// `.map_err(during("publish"))?` for the many error types of the client.
pub(crate) fn during<E: Into<Box<dyn std::error::Error + Send + Sync>>>(
    action: &'static str,
) -> impl FnOnce(E) -> Error {
    move |error| Error::nats(action)(error.into())
}
