//! The connection to NATS.

use std::{sync::Arc, time::Duration};

use async_nats::{Client, ConnectOptions, jetstream};
use bytes::Bytes;
use clap::Args;
use futures::StreamExt;
use tokio::sync::OnceCell;

use crate::{
    error::{Error, during},
    owners::Owners,
    writes::Writes,
};

/// How long JetStream may take to acknowledge a message.
const ACK_TIMEOUT: Duration = Duration::from_secs(5);

/// Where NATS is and who we are there.
#[derive(Clone, Args)]
#[group(skip)]
pub struct Config {
    /// URL of the NATS server, for example `nats://127.0.0.1:4222`.
    #[arg(
        long = "nats-url",
        env = "TROUPE_NATS_URL",
        default_value = "nats://127.0.0.1:4222"
    )]
    pub url: String,
    /// User name; none where the server asks for none or the URL names it.
    #[arg(long = "nats-user", env = "TROUPE_NATS_USER")]
    pub user: Option<String>,
    /// Password of the user.
    #[arg(
        long = "nats-password",
        env = "TROUPE_NATS_PASSWORD",
        hide_env_values = true
    )]
    pub password: Option<String>,
    /// Servers that keep each stream and bucket: 3 in a cluster, so that what was acknowledged survives a lost disk.
    #[arg(long = "nats-replicas", env = "TROUPE_NATS_REPLICAS", default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=5))]
    pub replicas: u8,
    /// Prefix of the reply inboxes, where the user may only use their own.
    #[arg(skip)]
    pub inbox_prefix: Option<String>,
    /// Shown in the server's list of connections.
    #[arg(skip)]
    pub name: Option<String>,
}

impl Config {
    /// A connection without a user, as a server without users takes it.
    pub fn open(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            user: None,
            password: None,
            replicas: 1,
            inbox_prefix: None,
            name: None,
        }
    }

    /// The URL without a password, for messages.
    fn shown_url(&self) -> String {
        match self.url.split_once('@') {
            Some((_, host)) => format!("nats://{host}"),
            None => self.url.clone(),
        }
    }
}

/// A handle to the bus; clones share the connection.
#[derive(Clone)]
pub struct Bus {
    pub(crate) client: Client,
    pub(crate) jetstream: jetstream::Context,
    pub(crate) partitions: Arc<OnceCell<u16>>,
    /// Of the streams and buckets that this connection makes.
    pub(crate) replicas: usize,
    pub(crate) owners: Owners,
    pub(crate) writes: Writes,
}

impl Bus {
    /// Connects, and keeps reconnecting for ever once connected.
    ///
    /// # Errors
    /// [`Error::Connect`] when the first connection fails.
    pub async fn connect(config: &Config) -> Result<Self, Error> {
        let mut options = ConnectOptions::new()
            .name(config.name.clone().unwrap_or_else(|| "troupe".to_owned()))
            .connection_timeout(Duration::from_secs(5))
            .request_timeout(None)
            .max_reconnects(None)
            .reconnect_delay_callback(|attempts| {
                Duration::from_millis((50 * attempts as u64).min(2000))
            });
        if let (Some(user), Some(password)) = (&config.user, &config.password) {
            options = options.user_and_password(user.clone(), password.clone());
        }
        if let Some(prefix) = &config.inbox_prefix {
            options = options.custom_inbox_prefix(prefix);
        }
        let client = options
            .connect(&config.url)
            .await
            .map_err(|source| Error::Connect {
                url: config.shown_url(),
                source,
            })?;
        Ok(Self::over(client, config.replicas.into()))
    }

    fn over(client: Client, replicas: usize) -> Self {
        let jetstream = jetstream::ContextBuilder::new()
            .timeout(ACK_TIMEOUT)
            .ack_timeout(ACK_TIMEOUT)
            .build(client.clone());
        Self {
            client,
            jetstream,
            partitions: Arc::new(OnceCell::new()),
            replicas,
            owners: Owners::default(),
            writes: Writes::default(),
        }
    }

    /// Whether the connection stands at this moment.
    pub fn is_connected(&self) -> bool {
        self.client.connection_state() == async_nats::connection::State::Connected
    }

    /// Waits until the server has taken in all that was published and subscribed to before.
    ///
    /// The server handles what one connection sends in its order: a message to ourselves that comes back says so. For
    /// services: integrators may not publish to their inboxes.
    ///
    /// # Errors
    /// When it does not come back in time, as where the connection is lost meanwhile.
    pub async fn flush(&self) -> Result<(), Error> {
        let inbox = self.client.new_inbox();
        let subscribed = self.client.subscribe(inbox.clone()).await;
        let mut back = subscribed.map_err(during("flush"))?;
        let sent = self.client.publish(inbox, Bytes::new()).await;
        sent.map_err(during("flush"))?;
        match tokio::time::timeout(ACK_TIMEOUT, back.next()).await {
            Ok(Some(_)) => Ok(()),
            Ok(None) => Err(during("flush")("the connection has ended")),
            Err(_) => Err(during("flush")("the server did not answer in time")),
        }
    }

    /// Ends the connection after all subscriptions have been emptied.
    ///
    /// # Errors
    /// When the connection is gone already.
    pub async fn close(&self) -> Result<(), Error> {
        self.client
            .drain()
            .await
            .map_err(during("close the connection"))
    }
}
