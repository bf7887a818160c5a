//! What can go wrong; deliberately without detail.

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum Error {
    #[error("`{variable}` must be 32 bytes in base64")]
    InvalidMasterKey { variable: &'static str },
    #[error("the operating system gives no random bytes")]
    Random,
    /// Another key, other associated data, or damaged bytes.
    #[error("a sealed value cannot be opened")]
    Open,
    #[error("a value is too large to be sealed")]
    Seal,
}
