//! What the operator allows.

use std::{str::FromStr, time::Duration};

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
}

impl Config {
    /// Nothing private is allowed.
    pub fn closed() -> Self {
        Self {
            allow: Vec::new(),
            connect_timeout_ms: 5_000,
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
    pub host: String,
    pub port: u16,
}

impl FromStr for Allowed {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is not `host:port`");
        let (host, port) = text.trim().rsplit_once(':').ok_or_else(wrong)?;
        let host = host
            .trim_start_matches('[')
            .trim_end_matches(']')
            .to_ascii_lowercase();
        let port = port.parse().map_err(|_| wrong())?;
        if host.is_empty() {
            Err(wrong())
        } else {
            Ok(Self { host, port })
        }
    }
}
