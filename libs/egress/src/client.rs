//! The client.

use std::{error::Error as _, sync::Arc};

use bytes::{Bytes, BytesMut};
use futures::{Stream, StreamExt, future::Either};
use reqwest::{
    Client, ClientBuilder, Method,
    header::{HeaderMap, HeaderName, HeaderValue},
    redirect::Policy,
};
use secrecy::ExposeSecret;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::{
    Config, Error, Request, Response,
    lane::{Answer, IDLE, MAX_IDLE},
    plain::Plain,
    resolver::{self, Guard, Lookup, NoAddress, Open, Refused},
    target::Target,
};

/// More headers of a request are refused.
const MAX_HEADERS: usize = 128;

/// What servers are told of who asks.
pub(crate) const AGENT: &str = concat!("troupe/", env!("CARGO_PKG_VERSION"));

/// Sends requests to the outside. Clones share connections.
#[derive(Clone)]
pub struct Egress {
    plain: Plain,
    /// For the world, encrypted: its resolver gives out public addresses alone.
    public: Client,
    /// For the places the operator allows. Two clients, because a resolver is told a name without its port: with one,
    /// a name that is allowed at one port could be reached at all of them.
    allowed: Client,
    config: Arc<Config>,
    open: Arc<Semaphore>,
}

/// An answer whose body arrives in pieces. Dropping it closes the connection.
pub struct ResponseStream {
    pub status: u16,
    /// Names in lowercase, in the order of arrival.
    pub headers: Vec<(String, String)>,
    body: Pieces,
    host: String,
    limit: usize,
    permit: OwnedSemaphorePermit,
}

enum Pieces {
    Plain(Answer),
    Encrypted(reqwest::Response),
}

impl Egress {
    /// # Errors
    /// [`Error::Setup`].
    pub fn new(config: &Config) -> Result<Self, Error> {
        Self::with_lookup(config, resolver::system())
    }

    /// With another way of finding addresses: what it finds is checked all the same.
    pub(crate) fn with_lookup(config: &Config, lookup: Lookup) -> Result<Self, Error> {
        crate::install_tls();
        let plain = Plain::new(lookup.clone(), config.connect_timeout());
        let public = builder(config).dns_resolver(Arc::new(Guard(lookup.clone())));
        let allowed = builder(config).dns_resolver(Arc::new(Open(lookup)));
        Ok(Self {
            plain,
            public: public.build().map_err(|_| Error::Setup)?,
            allowed: allowed.build().map_err(|_| Error::Setup)?,
            config: Arc::new(config.clone()),
            open: Arc::new(Semaphore::new(config.max_open as usize)),
        })
    }

    /// Sends a request and reads the whole answer.
    ///
    /// # Errors
    /// See [`Error`]; a status such as 500 is no error.
    pub async fn request(&self, request: Request) -> Result<Response, Error> {
        self.request_heard(request, || {}).await
    }

    /// The same; `heard` is called when the head of the answer is there, and at each piece of its body.
    ///
    /// # Errors
    /// As [`Egress::request`].
    pub async fn request_heard(
        &self,
        request: Request,
        heard: impl Fn() + Send,
    ) -> Result<Response, Error> {
        let timeout = request.timeout;
        let host = Target::new(&request, &self.config)?.host;
        let whole = async {
            let stream = self.stream(request).await?;
            heard();
            let (status, headers) = (stream.status, stream.headers.clone());
            let mut body = BytesMut::new();
            let mut pieces = std::pin::pin!(stream.into_body());
            while let Some(piece) = pieces.next().await {
                body.extend_from_slice(&piece?);
                heard();
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
        let request_body = request.body;
        let sent = async {
            let permit = Arc::clone(&self.open).acquire_owned().await;
            let permit = permit.expect("the semaphore is never closed");
            let sent = match target.url.scheme() {
                "http" => {
                    let sent = self.plain.send(&target, method, headers, request_body);
                    of_plain(sent.await?)
                }
                _ => of_encrypted(self.send(&target, method, headers, request_body).await?),
            };
            Ok::<_, Error>((sent, permit))
        };
        let (sent, permit) = tokio::time::timeout(request.timeout, sent)
            .await
            .map_err(|_| Error::Timeout(target.host.clone()))??;
        let limit = request.max_response_bytes;
        if sent.length.is_some_and(|length| length > limit as u64) {
            let host = target.host;
            return Err(Error::TooLarge { host, limit });
        }
        Ok(ResponseStream {
            status: sent.status,
            headers: sent.headers,
            body: sent.body,
            host: target.host,
            limit,
            permit,
        })
    }

    async fn send(
        &self,
        target: &Target,
        method: Method,
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<reqwest::Response, Error> {
        let client = if target.allowed {
            &self.allowed
        } else {
            &self.public
        };
        let request = client.request(method, target.url.clone()).headers(headers);
        let response = request.body(body).send().await;
        response.map_err(|error| failure(&error, &target.host))
    }
}

/// An answer whose head is there.
struct Sent {
    status: u16,
    headers: Vec<(String, String)>,
    /// As it was announced.
    length: Option<u64>,
    body: Pieces,
}

fn of_plain(response: hyper::Response<Answer>) -> Sent {
    let (head, body) = response.into_parts();
    Sent {
        status: head.status.as_u16(),
        headers: texts(&head.headers),
        length: body.length(),
        body: Pieces::Plain(body),
    }
}

fn of_encrypted(response: reqwest::Response) -> Sent {
    Sent {
        status: response.status().as_u16(),
        headers: texts(response.headers()),
        length: response.content_length(),
        body: Pieces::Encrypted(response),
    }
}

fn texts(headers: &HeaderMap) -> Vec<(String, String)> {
    let value = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let headers = headers.iter();
    headers
        .map(|(name, text)| (name.as_str().to_owned(), value(text)))
        .collect()
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
        let (host, limit, permit) = (self.host, self.limit, self.permit);
        let pieces = match self.body {
            Pieces::Plain(answer) => Either::Left(answer.map(|piece| piece.map_err(|_| None))),
            Pieces::Encrypted(response) => {
                let pieces = response.bytes_stream();
                Either::Right(pieces.map(|piece| piece.map_err(Some)))
            }
        };
        let mut read = 0usize;
        pieces.map(move |piece| {
            // Held as long as the stream: it counts as open until it is dropped.
            let _open = &permit;
            let piece = piece.map_err(|error| match error {
                Some(error) => failure(&error, &host),
                None => Error::Broken(host.clone()),
            })?;
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
    if let Some((name, _)) = request.headers.get(MAX_HEADERS) {
        return Err(Error::InvalidHeader(name.chars().take(64).collect()));
    }
    let mut headers = HeaderMap::new();
    for (name, value) in &request.headers {
        insert(&mut headers, name, value, request.confidential)?;
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
            | "expect"
            | "http2-settings"
            | "keep-alive"
            | "proxy-authorization"
            | "proxy-connection"
            | "te"
            | "trailer"
            | "transfer-encoding"
            | "upgrade"
    ) {
        return Err(invalid());
    }
    let mut value = HeaderValue::from_str(value).map_err(|_| invalid())?;
    value.set_sensitive(secret);
    headers.append(key, value);
    Ok(())
}

#[expect(
    clippy::disallowed_methods,
    reason = "this is the one place that may make a client"
)]
fn builder(config: &Config) -> ClientBuilder {
    Client::builder()
        .redirect(Policy::none())
        .no_proxy()
        .retry(reqwest::retry::never())
        .referer(false)
        .tcp_nodelay(true)
        .connect_timeout(config.connect_timeout())
        .pool_max_idle_per_host(MAX_IDLE)
        .pool_idle_timeout(IDLE)
        .user_agent(AGENT)
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
