//! The resolver that connections use: it gives out checked addresses alone.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use futures::{FutureExt, future::BoxFuture};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::{Error, address};

/// Asks for the addresses of a name.
pub(crate) type Lookup =
    Arc<dyn Fn(String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> + Send + Sync>;

/// The resolver of the operating system.
pub(crate) fn system() -> Lookup {
    Arc::new(|name| {
        async move {
            Ok(tokio::net::lookup_host((name, 0))
                .await?
                .map(|address| address.ip())
                .collect())
        }
        .boxed()
    })
}

/// Gives out public addresses alone.
pub(crate) struct Guard(pub(crate) Lookup);

/// For the places that the operator allows: no client but theirs may use it.
pub(crate) struct Open(pub(crate) Lookup);

/// Carried through the client's error, so that a refusal is told as one.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Refused(pub(crate) &'static str);

#[derive(Debug, thiserror::Error)]
#[error("no address")]
pub(crate) struct NoAddress;

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let lookup = (self.0)(plain(&name));
        Box::pin(async move {
            let found = lookup.await.map_err(|_| NoAddress)?;
            if let Some(reason) = refusal(&found) {
                return Err(Refused(reason).into());
            }
            addresses(found)
        })
    }
}

impl Resolve for Open {
    fn resolve(&self, name: Name) -> Resolving {
        let lookup = (self.0)(plain(&name));
        Box::pin(async move { addresses(lookup.await.map_err(|_| NoAddress)?) })
    }
}

/// The addresses of a host; where the operator does not allow it, public ones alone.
pub(crate) async fn find(lookup: &Lookup, host: &str, allowed: bool) -> Result<Vec<IpAddr>, Error> {
    let found = match host.parse() {
        Ok(address) => vec![address],
        Err(_) => lookup(host.to_owned()).await.unwrap_or_default(),
    };
    if found.is_empty() {
        return Err(Error::Resolve(host.to_owned()));
    }
    match refusal(&found).filter(|_| !allowed) {
        None => Ok(found),
        Some(reason) => Err(Error::Blocked {
            host: host.to_owned(),
            reason,
        }),
    }
}

/// One bad address among good ones is a trick: the name as a whole is refused.
fn refusal(found: &[IpAddr]) -> Option<&'static str> {
    found.iter().copied().find_map(address::refusal)
}

fn plain(name: &Name) -> String {
    name.as_str().trim_end_matches('.').to_ascii_lowercase()
}

fn addresses(found: Vec<IpAddr>) -> Result<Addrs, Box<dyn std::error::Error + Send + Sync>> {
    if found.is_empty() {
        return Err(NoAddress.into());
    }
    // The client replaces port 0 by that of the URL.
    let addresses = found.into_iter().map(|address| SocketAddr::new(address, 0));
    Ok(Box::new(addresses))
}
