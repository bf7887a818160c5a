//! The resolver that connections use: it gives out checked addresses alone.

use std::{
    collections::HashSet,
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use futures::{FutureExt, future::BoxFuture};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::{Config, address};

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

pub(crate) struct Guard {
    lookup: Lookup,
    /// Names that the operator allows, whatever their address.
    allowed: HashSet<String>,
}

impl Guard {
    pub(crate) fn new(config: &Config, lookup: Lookup) -> Self {
        // The port was compared before; a name that is allowed on one port is refused on others there.
        let allowed = config
            .allow
            .iter()
            .map(|allowed| allowed.host.clone())
            .collect();
        Self { lookup, allowed }
    }
}

/// Carried through the client's error, so that a refusal is told as one.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Refused(pub(crate) &'static str);

#[derive(Debug, thiserror::Error)]
#[error("no address")]
pub(crate) struct NoAddress;

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let name = name.as_str().trim_end_matches('.').to_ascii_lowercase();
        let allowed = self.allowed.contains(&name);
        let lookup = (self.lookup)(name);
        Box::pin(async move {
            let found = lookup.await.map_err(|_| NoAddress)?;
            if found.is_empty() {
                return Err(NoAddress.into());
            }
            // One bad address among good ones is a trick: the name as a whole is refused.
            if let Some(reason) = found
                .iter()
                .copied()
                .find_map(address::refusal)
                .filter(|_| !allowed)
            {
                return Err(Refused(reason).into());
            }
            let addresses: Vec<_> = found.into_iter().map(|ip| SocketAddr::new(ip, 0)).collect();
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}
