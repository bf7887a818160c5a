//! What is asked and what comes back.

use std::{fmt, time::Duration};

use bytes::Bytes;
use secrecy::SecretString;

/// A request to the outside.
#[derive(Clone)]
pub struct Request {
    pub method: String,
    pub url: String,
    pub headers: Vec<(String, String)>,
    pub body: Bytes,
    /// From the first byte sent to the last byte received; for a stream, to the response's head.
    pub timeout: Duration,
    pub max_response_bytes: usize,
    pub credential: Option<Credential>,
    /// A secret stands in the URL or a header: as with a credential, it goes over `https` alone, but to places that the
    /// operator allows.
    pub confidential: bool,
}

impl Request {
    /// Thirty seconds, eight MiB.
    pub fn new(method: &str, url: impl Into<String>) -> Self {
        Self {
            method: method.to_owned(),
            url: url.into(),
            headers: Vec::new(),
            body: Bytes::new(),
            timeout: Duration::from_secs(30),
            max_response_bytes: 8 * 1024 * 1024,
            credential: None,
            confidential: false,
        }
    }
}

/// A secret header that goes to one host alone.
#[derive(Clone)]
pub struct Credential {
    pub header: String,
    pub value: SecretString,
    /// The host it belongs to, lowercase, without port.
    pub host: String,
}

/// A whole answer. A redirect is an answer like any other.
#[derive(Clone, PartialEq, Eq)]
pub struct Response {
    pub status: u16,
    /// Names in lowercase, in the order of arrival.
    pub headers: Vec<(String, String)>,
    pub body: Bytes,
}

impl Response {
    /// The first header of that lowercase name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Response")
            .field("status", &self.status)
            .field("bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}
