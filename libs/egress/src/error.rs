//! Why a request did not get an answer. No text contains a header, a body or a query.

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error("the URL is not valid: {0}")]
    InvalidUrl(&'static str),
    #[error("`{host}` is not reachable from here: {reason}")]
    Blocked { host: String, reason: &'static str },
    #[error("`{0}` has no address")]
    Resolve(String),
    #[error("no connection to `{0}`")]
    Connect(String),
    #[error("`{0}` did not answer in time")]
    Timeout(String),
    #[error("the answer of `{host}` is larger than {limit} bytes")]
    TooLarge { host: String, limit: usize },
    #[error("the credential belongs to `{expected}` and is not sent to `{actual}`")]
    CredentialHost { expected: String, actual: String },
    #[error("header `{0}` is not valid")]
    InvalidHeader(String),
    #[error("`{0}` is not an HTTP method")]
    InvalidMethod(String),
    #[error("the connection to `{0}` broke off")]
    Broken(String),
    #[error("the HTTP client cannot be made")]
    Setup,
}

impl Error {
    /// A stable word for programs.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::InvalidUrl(_) => "invalid_url",
            Self::Blocked { .. } => "blocked_address",
            Self::Resolve(_) => "unknown_host",
            Self::Connect(_) => "connect",
            Self::Timeout(_) => "timeout",
            Self::TooLarge { .. } => "response_too_large",
            Self::CredentialHost { .. } => "credential_host",
            Self::InvalidHeader(_) => "invalid_header",
            Self::InvalidMethod(_) => "invalid_method",
            Self::Broken(_) => "connection_broken",
            Self::Setup => "unavailable",
        }
    }

    /// Whether another attempt may help.
    pub const fn is_temporary(&self) -> bool {
        match self {
            Self::Resolve(_) | Self::Connect(_) | Self::Timeout(_) | Self::Broken(_) => true,
            Self::InvalidUrl(_)
            | Self::Blocked { .. }
            | Self::TooLarge { .. }
            | Self::CredentialHost { .. }
            | Self::InvalidHeader(_)
            | Self::InvalidMethod(_)
            | Self::Setup => false,
        }
    }
}
