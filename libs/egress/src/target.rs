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
    pub(crate) port: u16,
    /// The operator allows this host at this port: its addresses are not checked.
    pub(crate) allowed: bool,
}

impl Target {
    pub(crate) fn new(request: &Request, config: &Config) -> Result<Self, Error> {
        let (url, host, port) = parse(&request.url)?;
        let allowed = config.allows(&host, port);
        if !allowed {
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
        let is_secret = request.credential.is_some() || request.confidential;
        if is_secret && url.scheme() != "https" && !allowed {
            return Err(Error::Blocked {
                host,
                reason: "a credential is sent over `https` alone",
            });
        }
        Ok(Self {
            url,
            host,
            port,
            allowed,
        })
    }
}

/// Host and port of an `http` or `https` URL, as they are compared: the host in lowercase, without brackets and without a
/// final dot.
///
/// # Errors
/// [`Error::InvalidUrl`].
pub fn host_and_port(url: &str) -> Result<(String, u16), Error> {
    let (_, host, port) = parse(url)?;
    Ok((host, port))
}

fn parse(text: &str) -> Result<(Url, String, u16), Error> {
    if text.len() > MAX_URL {
        return Err(Error::InvalidUrl("longer than 16 KiB"));
    }
    let url = Url::parse(text).map_err(|_| Error::InvalidUrl("it cannot be read"))?;
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
    Ok((url, host, port))
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
    if address::is_local_name(host) {
        return blocked("a local name");
    }
    if address::refused_port(port) {
        return blocked("a port where no web server is");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Credential;

    /// What becomes of a request to `url`: "ok", or the code of the error.
    fn outcome(url: &str, config: &Config) -> &'static str {
        match Target::new(&Request::new("GET", url), config) {
            Ok(_) => "ok",
            Err(error) => error.code(),
        }
    }

    #[test]
    fn every_spelling_of_a_private_place_is_blocked() {
        for host in [
            "127.0.0.1",
            "127.0.0.1.",
            "127.1",
            "0",
            "2130706433",
            "0x7f000001",
            "0x7f.1",
            "0177.0.0.1",
            "%31%32%37.0.0.1",
            "①②⑦.⓪.⓪.①",
            "１２７.0.0.1",
            "127。0。0。1",
            "[::1]",
            "[::]",
            "[0:0:0:0:0:0:0:1]",
            "[::ffff:127.0.0.1]",
            "[::ffff:a9fe:a9fe]",
            "[64:ff9b::7f00:1]",
            "[2002:7f00:1::]",
            "[fd12:3456::1]",
            "169.254.169.254",
            "100.100.100.200",
            "metadata.google.internal.",
            "localhost..",
            "LOCALHOST",
        ] {
            for url in [
                format!("http://{host}/x"),
                format!("https://{host}:8443/x?y=1"),
                format!("http:\\\\{host}\\x"),
                format!("http:{host}"),
                format!("http:///{host}/"),
                format!("http://{host}#@example.com/"),
                format!("http://{host}\\@example.com/"),
                format!("http://\t{host}/"),
            ] {
                assert_eq!(
                    outcome(&url, &Config::closed()),
                    "blocked_address",
                    "{url:?}"
                );
            }
        }
    }

    #[test]
    fn tricks_with_the_form_of_a_url_lead_nowhere() {
        for (url, expect) in [
            ("http://ok@127.0.0.1/", "invalid_url"),
            ("http://ok:pass@example.com/", "invalid_url"),
            ("http://[::1%25lo]/", "invalid_url"),
            ("http://256.256.256.256/", "invalid_url"),
            ("http://./", "invalid_url"),
            ("http://example.com:65536/", "invalid_url"),
            ("http://example.com:0/", "blocked_address"),
            ("http://example.com#@127.0.0.1/", "ok"),
            ("https://example.com.:8443/", "ok"),
            ("http://1.1.1.1/", "ok"),
            ("http://[2606:4700:4700::1111]/", "ok"),
        ] {
            assert_eq!(outcome(url, &Config::closed()), expect, "{url}");
        }
        let long = format!("http://example.com/{}", "a".repeat(MAX_URL));
        assert_eq!(outcome(&long, &Config::closed()), "invalid_url");
    }

    #[test]
    fn the_operator_allows_one_host_at_one_port() {
        let places = ["127.0.0.1:11434", "localhost:5432"];
        let config = Config::allowing(places.map(|place| place.parse().unwrap()));
        for (url, expect) in [
            ("http://127.0.0.1:11434/v1", "ok"),
            ("http://2130706433:11434/v1", "ok"),
            ("http://localhost.:5432/", "ok"),
            ("http://127.0.0.1:11435/", "blocked_address"),
            ("http://localhost:11434/", "blocked_address"),
            ("http://127.0.0.2:11434/", "blocked_address"),
            ("http://u@127.0.0.1:11434/", "invalid_url"),
            ("ftp://127.0.0.1:11434/", "invalid_url"),
        ] {
            assert_eq!(outcome(url, &config), expect, "{url}");
        }
    }

    #[test]
    fn a_credential_goes_to_its_host_alone_and_encrypted() {
        let config = Config::allowing(["127.0.0.1:8000".parse().unwrap()]);
        for (url, host, expect) in [
            ("https://api.example.com/v1", "api.example.com", "ok"),
            ("https://API.example.com./", "api.example.com", "ok"),
            ("http://127.0.0.1:8000/", "127.0.0.1", "ok"),
            (
                "https://evil.example/",
                "api.example.com",
                "credential_host",
            ),
            (
                "https://api.example.com.evil.example/",
                "api.example.com",
                "credential_host",
            ),
            ("https://api.example.com/", "", "credential_host"),
            (
                "http://api.example.com/",
                "api.example.com",
                "blocked_address",
            ),
        ] {
            let credential = Credential {
                header: "authorization".to_owned(),
                value: "Bearer sk".into(),
                host: host.to_owned(),
            };
            let request = Request {
                credential: Some(credential),
                ..Request::new("GET", url)
            };
            let outcome =
                Target::new(&request, &config).map_or_else(|error| error.code(), |_| "ok");
            assert_eq!(outcome, expect, "{url} for {host}");
        }
    }
}
