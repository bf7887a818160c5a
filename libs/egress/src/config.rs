//! What the operator allows.

use std::{str::FromStr, time::Duration};

use reqwest::Url;

#[derive(clap::Args, Clone, Debug)]
#[group(skip)]
pub struct Config {
    /// Private addresses that may be reached all the same, as `host:port`, separated by commas: for local model servers.
    /// Only the operator can set this; a tenant never can.
    #[arg(
        long = "egress-allow",
        env = "TROUPE_EGRESS_ALLOW",
        value_delimiter = ','
    )]
    pub allow: Vec<Allowed>,
    /// How long a connection may take to be made, in milliseconds.
    #[arg(
        long = "egress-connect-timeout-ms",
        env = "TROUPE_EGRESS_CONNECT_TIMEOUT_MS",
        default_value_t = 5_000
    )]
    pub connect_timeout_ms: u64,
    /// How many requests one service may have open at a time; more wait for their turn within their time.
    #[arg(
        long = "egress-max-open",
        env = "TROUPE_EGRESS_MAX_OPEN",
        default_value_t = 4096
    )]
    pub max_open: u32,
}

impl Config {
    /// Nothing private is allowed.
    pub fn closed() -> Self {
        Self {
            allow: Vec::new(),
            connect_timeout_ms: 5_000,
            max_open: 4096,
        }
    }

    /// These private `host:port` are allowed.
    pub fn allowing(allow: impl IntoIterator<Item = Allowed>) -> Self {
        Self {
            allow: allow.into_iter().collect(),
            ..Self::closed()
        }
    }

    pub(crate) fn connect_timeout(&self) -> Duration {
        Duration::from_millis(self.connect_timeout_ms)
    }

    pub(crate) fn allows(&self, host: &str, port: u16) -> bool {
        self.allow
            .iter()
            .any(|allowed| allowed.host == host && allowed.port == port)
    }
}

/// One `host:port` of the operator's list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Allowed {
    /// Lowercase, without brackets and without a final dot.
    pub host: String,
    pub port: u16,
}

impl FromStr for Allowed {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is not `host:port`");
        let (host, port) = text.trim().rsplit_once(':').ok_or_else(wrong)?;
        let port = port.parse().map_err(|_| wrong())?;
        // The URL parser would take a second port for that of the scheme and drop it.
        if host.contains(':') && !host.ends_with(']') {
            return Err(wrong());
        }
        // Read as part of a URL, it gets the form in which hosts of requests are compared.
        let url = Url::parse(&format!("http://{host}/")).map_err(|_| wrong())?;
        let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
        if !bare || !url.username().is_empty() || url.password().is_some() {
            return Err(wrong());
        }
        let host = crate::target::host_of(&url).ok_or_else(wrong)?;
        Ok(Self { host, port })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_allowed_place_is_one_host_and_one_port() {
        for (text, expect) in [
            ("localhost:11434", Some(("localhost", 11434))),
            (" OLLAMA.internal.:80", Some(("ollama.internal", 80))),
            ("127.1:8000", Some(("127.0.0.1", 8000))),
            ("[::1]:8000", Some(("::1", 8000))),
            ("localhost", None),
            ("localhost:", None),
            ("localhost:0x50", None),
            ("http://localhost:80", None),
            ("a@localhost:80", None),
            ("localhost/x:80", None),
            ("localhost:80:80", None),
            (":80", None),
        ] {
            let allowed = text.parse().ok();
            let expect = expect.map(|(host, port)| Allowed {
                host: host.to_owned(),
                port,
            });
            assert_eq!(allowed, expect, "{text}");
        }
    }
}
