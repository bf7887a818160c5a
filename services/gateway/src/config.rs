//! The gateway's part of the configuration.

use std::{net::SocketAddr, num::NonZeroU32, path::PathBuf, str::FromStr, time::Duration};

use clap::Args;

/// Where the gateway listens and what it lets through.
#[derive(Clone, Debug, Args)]
#[group(skip)]
pub struct Config {
    /// Address and port of the HTTP listener.
    #[arg(
        long = "http-addr",
        env = "TROUPE_HTTP_ADDR",
        default_value = "127.0.0.1:8080"
    )]
    pub listen: SocketAddr,
    /// Origins whose pages may call the API, separated by commas; without one, no other site may.
    #[arg(
        long = "cors-origin",
        env = "TROUPE_CORS_ORIGINS",
        value_delimiter = ','
    )]
    pub cors_origins: Vec<Origin>,
    /// Largest request body in bytes; files may have 20 MiB, and what begins an execution 7 MiB.
    #[arg(long, env = "TROUPE_BODY_LIMIT", default_value_t = 2 * 1024 * 1024)]
    pub body_limit: usize,
    /// Requests per second of one organization; twice as many in a burst.
    #[arg(long, env = "TROUPE_RATE_PER_TENANT", default_value = "200")]
    pub rate_per_tenant: NonZeroU32,
    /// Requests per minute of one address without a valid token; as many in a burst.
    #[arg(long, env = "TROUPE_RATE_PER_ADDRESS", default_value = "300")]
    pub rate_per_address: NonZeroU32,
    /// Seconds until a request must have been answered; calls of tools have 11 minutes, completions 15.
    #[arg(long, env = "TROUPE_REQUEST_TIMEOUT_SECONDS", default_value_t = 30)]
    pub request_timeout_seconds: u64,
    /// Event streams open at the same time, and as many WebSockets.
    #[arg(long, env = "TROUPE_MAX_STREAMS", default_value_t = 10_000)]
    pub max_streams: usize,
    /// Seconds between two pings on a WebSocket; a client silent for two and a half times as long is let go.
    #[arg(long, env = "TROUPE_SOCKET_PING_SECONDS", default_value = "20")]
    pub socket_ping_seconds: NonZeroU32,
    /// Answer `/metrics` to every peer instead of loopback alone: for networks that only the operator reaches.
    #[arg(long, env = "TROUPE_METRICS_OPEN")]
    pub metrics_open: bool,
    /// Folder of the web app, as `cargo xtask web` makes it.
    #[arg(long, env = "TROUPE_WEB_DIR", default_value = "/usr/share/troupe/web")]
    pub web_dir: PathBuf,
}

impl Config {
    pub(crate) fn request_timeout(&self) -> Duration {
        Duration::from_secs(self.request_timeout_seconds)
    }

    pub(crate) fn socket_ping(&self) -> Duration {
        Duration::from_secs(self.socket_ping_seconds.get().into())
    }

    /// The defaults, on a port of loopback that the operating system chooses.
    pub fn loopback() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            cors_origins: Vec::new(),
            body_limit: 2 * 1024 * 1024,
            rate_per_tenant: NonZeroU32::new(200).expect("200 is not zero"),
            rate_per_address: NonZeroU32::new(300).expect("300 is not zero"),
            request_timeout_seconds: 30,
            max_streams: 10_000,
            socket_ping_seconds: NonZeroU32::new(20).expect("20 is not zero"),
            metrics_open: false,
            web_dir: PathBuf::from("/usr/share/troupe/web"),
        }
    }
}

/// `scheme://host[:port]`, as browsers write it in the header `Origin`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin(String);

impl Origin {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Origin {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let host = text
            .strip_prefix("https://")
            .or_else(|| text.strip_prefix("http://"));
        let plain = |c: char| c.is_ascii_graphic() && !matches!(c, '/' | '*' | '?' | '#' | '@');
        match host {
            Some(host) if !host.is_empty() && host.chars().all(plain) => {
                Ok(Self(text.to_ascii_lowercase()))
            }
            Some(_) | None => Err(format!(
                "`{text}` is not an origin: expected `https://host` or `https://host:port`"
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_a_scheme_and_a_host() {
        for text in ["https://app.example.com", "http://localhost:3000"] {
            assert_eq!(
                text.parse::<Origin>().as_ref().map(Origin::as_str),
                Ok(text)
            );
        }
        for text in [
            "*",
            "null",
            "app.example.com",
            "https://",
            "https://*.example.com",
            "https://a.example/",
            "https://ä.example",
        ] {
            assert!(text.parse::<Origin>().is_err(), "{text}");
        }
    }
}
