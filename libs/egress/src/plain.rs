//! Requests over plain HTTP: one connection for each that is under way, driven by the task that waits for its answer.

use std::{net::SocketAddr, time::Duration};

use bytes::Bytes;
use http_body_util::Full;
use hyper::{
    Method, Response, Uri,
    header::{ACCEPT, HOST, HeaderMap, HeaderValue, USER_AGENT},
};
use reqwest::Url;
use tokio::{net::TcpStream, time::timeout};

use crate::{
    Error,
    client::AGENT,
    lane::{Answer, Idle, Lane, Lost, Place, Request},
    resolver::{Lookup, find},
    target::Target,
};

/// Clones share connections.
#[derive(Clone)]
pub(crate) struct Plain {
    lookup: Lookup,
    connect_timeout: Duration,
    idle: Idle,
}

impl Plain {
    pub(crate) fn new(lookup: Lookup, connect_timeout: Duration) -> Self {
        Self {
            lookup,
            connect_timeout,
            idle: Idle::default(),
        }
    }

    /// Returns as soon as the head of the answer is there.
    pub(crate) async fn send(
        &self,
        target: &Target,
        method: Method,
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<Response<Answer>, Error> {
        let broken = || Error::Broken(target.host.clone());
        let place = Place {
            host: target.host.clone(),
            port: target.port,
            allowed: target.allowed,
        };
        let mut request = request(&target.url, method, headers, body)?;
        loop {
            let (mut lane, is_new) = match self.idle.take(&place) {
                Some(lane) => (lane, false),
                None => (self.connect(target).await?, true),
            };
            match lane.send(request).await {
                Ok(response) => {
                    let idle = self.idle.clone();
                    return Ok(response.map(|body| Answer::new(lane, body, place, idle)));
                }
                // The other side has closed it a moment ago.
                Err(Lost::Unsent(unsent)) if !is_new => request = *unsent,
                Err(Lost::Unsent(_) | Lost::Broken) => return Err(broken()),
            }
        }
    }

    async fn connect(&self, target: &Target) -> Result<Lane, Error> {
        let too_slow = |_| Error::Timeout(target.host.clone());
        let found = find(&self.lookup, &target.host, target.allowed);
        let found = timeout(self.connect_timeout, found).await;
        let found = found.map_err(too_slow)??;
        // One that does not answer leaves time for the others.
        let each = self.connect_timeout / u32::try_from(found.len()).unwrap_or(u32::MAX).max(1);
        let mut failed = Error::Connect(target.host.clone());
        for address in found {
            let connected = TcpStream::connect(SocketAddr::new(address, target.port));
            match timeout(each, connected).await {
                Ok(Ok(socket)) => {
                    let refused = |_| Error::Connect(target.host.clone());
                    socket.set_nodelay(true).map_err(refused)?;
                    let lane = Lane::over(socket).await;
                    return lane.map_err(|_| Error::Broken(target.host.clone()));
                }
                Ok(Err(_)) => {}
                Err(slow) => failed = too_slow(slow),
            }
        }
        Err(failed)
    }
}

fn request(
    url: &Url,
    method: Method,
    mut headers: HeaderMap,
    body: Bytes,
) -> Result<Request, Error> {
    let invalid = || Error::InvalidUrl("it cannot be asked for");
    let path = match url.query() {
        Some(query) => format!("{}?{query}", url.path()),
        None => url.path().to_owned(),
    };
    let host = match (url.host_str().unwrap_or_default(), url.port()) {
        (host, Some(port)) => format!("{host}:{port}"),
        (host, None) => host.to_owned(),
    };
    let host = HeaderValue::try_from(host).map_err(|_| invalid())?;
    headers.insert(HOST, host);
    headers
        .entry(ACCEPT)
        .or_insert(HeaderValue::from_static("*/*"));
    headers
        .entry(USER_AGENT)
        .or_insert(HeaderValue::from_static(AGENT));
    let mut request = Request::new(Full::new(body));
    *request.method_mut() = method;
    *request.uri_mut() = Uri::try_from(path).map_err(|_| invalid())?;
    *request.headers_mut() = headers;
    Ok(request)
}
