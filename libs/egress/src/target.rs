//! Where a URL leads, checked as far as the text tells.

use std::net::IpAddr;

use reqwest::Url;

use crate::{Config, Error, Request, address};

const MAX_URL: usize = 16 * 1024;

/// A URL that may be asked; its name is checked again when it is resolved.
#[derive(Debug)]
pub(crate) struct Target {
    pub(crate) url: Url,
    /// Lowercase, without brackets and without a final dot.
    pub(crate) host: String,
}

impl Target {
    pub(crate) fn new(request: &Request, config: &Config) -> Result<Self, Error> {
        if request.url.len() > MAX_URL {
            return Err(Error::InvalidUrl("longer than 16 KiB"));
        }
        let url = Url::parse(&request.url).map_err(|_| Error::InvalidUrl("it cannot be read"))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(Error::InvalidUrl("only `http` and `https` are possible"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Error::InvalidUrl(
                "a user name or password in it is not allowed",
            ));
        }
        let host = host_of(&url).ok_or(Error::InvalidUrl("it has no host"))?;
        let port = url
            .port_or_known_default()
            .ok_or(Error::InvalidUrl("it has no port"))?;
        if !config.allows(&host, port) {
            check(&host, port)?;
        }
        if let Some(credential) = &request.credential
            && credential.host != host
        {
            return Err(Error::CredentialHost {
                expected: credential.host.clone(),
                actual: host,
            });
        }
        Ok(Self { url, host })
    }
}

/// The host as it is compared: `EXAMPLE.com.` and `example.com` are the same.
pub(crate) fn host_of(url: &Url) -> Option<String> {
    let host = url
        .host_str()?
        .trim_start_matches('[')
        .trim_end_matches(']')
        .trim_end_matches('.')
        .to_ascii_lowercase();
    (!host.is_empty()).then_some(host)
}

fn check(host: &str, port: u16) -> Result<(), Error> {
    let blocked = |reason| {
        Err(Error::Blocked {
            host: host.to_owned(),
            reason,
        })
    };
    // A literal address never meets the resolver, so it is checked here.
    if let Some(reason) = host.parse::<IpAddr>().ok().and_then(address::refusal) {
        return blocked(reason);
    }
    if host == "localhost"
        || host.ends_with(".localhost")
        || host.ends_with(".internal")
        || host.ends_with(".local")
    {
        return blocked("a local name");
    }
    if address::refused_port(port) {
        return blocked("a port where no web server is");
    }
    Ok(())
}
