//! The client.

use std::{error::Error as _, sync::Arc, time::Duration};

use bytes::{Bytes, BytesMut};
use futures::{Stream, StreamExt};
use reqwest::{
    Client, Method, Url,
    header::{HeaderMap, HeaderName, HeaderValue},
    redirect::Policy,
};
use secrecy::ExposeSecret;

use crate::{
    Config, Error, Request, Response,
    resolver::{self, Guard, Lookup, NoAddress, Refused},
    target::Target,
};

/// Sends requests to the outside. Clones share connections.
#[derive(Clone)]
pub struct Egress {
    client: Client,
    config: Arc<Config>,
}

/// An answer whose body arrives in pieces. Dropping it closes the connection.
pub struct ResponseStream {
    pub status: u16,
    /// Names in lowercase, in the order of arrival.
    pub headers: Vec<(String, String)>,
    response: reqwest::Response,
    host: String,
    limit: usize,
}

impl Egress {
    /// # Errors
    /// [`Error::Setup`].
    pub fn new(config: &Config) -> Result<Self, Error> {
        Self::with_lookup(config, resolver::system())
    }

    /// With another way of finding addresses: what it finds is checked all the same.
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one place that may make a client"
    )]
    pub(crate) fn with_lookup(config: &Config, lookup: Lookup) -> Result<Self, Error> {
        crate::install_tls();
        let client = Client::builder()
            .dns_resolver(Arc::new(Guard::new(config, lookup)))
            .redirect(Policy::none())
            .no_proxy()
            .tcp_nodelay(true)
            .connect_timeout(config.connect_timeout())
            .pool_max_idle_per_host(32)
            .pool_idle_timeout(Duration::from_secs(60))
            .user_agent(concat!("troupe/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|_| Error::Setup)?;
        Ok(Self {
            client,
            config: Arc::new(config.clone()),
        })
    }

    /// Sends a request and reads the whole answer.
    ///
    /// # Errors
    /// See [`Error`]; a status such as 500 is no error.
    pub async fn request(&self, request: Request) -> Result<Response, Error> {
        let timeout = request.timeout;
        let host = Target::new(&request, &self.config)?.host;
        let whole = async {
            let stream = self.stream(request).await?;
            let (status, headers) = (stream.status, stream.headers.clone());
            let mut body = BytesMut::new();
            let mut pieces = std::pin::pin!(stream.into_body());
            while let Some(piece) = pieces.next().await {
                body.extend_from_slice(&piece?);
            }
            Ok(Response {
                status,
                headers,
                body: body.freeze(),
            })
        };
        tokio::time::timeout(timeout, whole)
            .await
            .map_err(|_| Error::Timeout(host))?
    }

    /// Sends a request and returns as soon as the head of the answer is there.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn stream(&self, request: Request) -> Result<ResponseStream, Error> {
        let target = Target::new(&request, &self.config)?;
        let method = Method::from_bytes(request.method.as_bytes())
            .map_err(|_| Error::InvalidMethod(request.method.chars().take(32).collect()))?;
        let headers = headers(&request)?;
        let sent = self
            .client
            .request(method, Url::clone(&target.url))
            .headers(headers)
            .body(request.body)
            .send();
        let response = tokio::time::timeout(request.timeout, sent)
            .await
            .map_err(|_| Error::Timeout(target.host.clone()))?
            .map_err(|error| failure(&error, &target.host))?;
        if response
            .content_length()
            .is_some_and(|length| length > request.max_response_bytes as u64)
        {
            return Err(Error::TooLarge {
                host: target.host,
                limit: request.max_response_bytes,
            });
        }
        let value = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        Ok(ResponseStream {
            status: response.status().as_u16(),
            headers: response
                .headers()
                .iter()
                .map(|(name, text)| (name.as_str().to_owned(), value(text)))
                .collect(),
            response,
            host: target.host,
            limit: request.max_response_bytes,
        })
    }
}

impl ResponseStream {
    /// The first header of that lowercase name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }

    /// The pieces of the body, up to the size limit. It has no time limit of its own.
    pub fn into_body(self) -> impl Stream<Item = Result<Bytes, Error>> + Send {
        let (host, limit) = (self.host, self.limit);
        let mut read = 0usize;
        self.response.bytes_stream().map(move |piece| {
            let piece = piece.map_err(|error| failure(&error, &host))?;
            read = read.saturating_add(piece.len());
            if read > limit {
                return Err(Error::TooLarge {
                    host: host.clone(),
                    limit,
                });
            }
            Ok(piece)
        })
    }
}

fn headers(request: &Request) -> Result<HeaderMap, Error> {
    let mut headers = HeaderMap::new();
    for (name, value) in &request.headers {
        insert(&mut headers, name, value, false)?;
    }
    if let Some(credential) = &request.credential {
        insert(
            &mut headers,
            &credential.header,
            credential.value.expose_secret(),
            true,
        )?;
    }
    Ok(headers)
}

fn insert(headers: &mut HeaderMap, name: &str, value: &str, secret: bool) -> Result<(), Error> {
    let invalid = || Error::InvalidHeader(name.chars().take(64).collect());
    let key = HeaderName::from_bytes(name.as_bytes()).map_err(|_| invalid())?;
    // The connection's own headers are the client's business; `Host` must be that of the checked URL.
    if matches!(
        key.as_str(),
        "host"
            | "connection"
            | "content-length"
            | "transfer-encoding"
            | "upgrade"
            | "te"
            | "proxy-authorization"
    ) {
        return Err(invalid());
    }
    let mut value = HeaderValue::from_str(value).map_err(|_| invalid())?;
    value.set_sensitive(secret);
    headers.append(key, value);
    Ok(())
}

/// The client's error as ours: what it says may contain the URL's query, so only its kind is taken.
fn failure(error: &reqwest::Error, host: &str) -> Error {
    let mut cause = error.source();
    while let Some(inner) = cause {
        if let Some(Refused(reason)) = inner.downcast_ref::<Refused>() {
            return Error::Blocked {
                host: host.to_owned(),
                reason,
            };
        }
        if inner.is::<NoAddress>() {
            return Error::Resolve(host.to_owned());
        }
        cause = inner.source();
    }
    if error.is_timeout() {
        Error::Timeout(host.to_owned())
    } else if error.is_connect() {
        Error::Connect(host.to_owned())
    } else {
        Error::Broken(host.to_owned())
    }
}

#[cfg(test)]
mod tests;
