//! Each user of a configured server can do what it must and nothing else.

mod inbound;
mod owners;
mod payloads;
mod services;
mod uploads;
mod wakes;
mod walls;

use std::time::Duration;

use bus::{
    Bus, Config,
    server_config::{ServerConfig, ServerUser, credentials},
};
use testkit::Nats;

const SECRET: &str = "a secret of this test";

/// A server with the platform's users, its streams and its buckets.
async fn platform() -> Nats {
    let nats = Nats::configured(|dir| {
        ServerConfig {
            ports_file_dir: Some(dir.to_owned()),
            partitions: 2,
            ..ServerConfig::loopback(SECRET, dir.join("store"))
        }
        .text()
    })
    .await;
    bus::topology::ensure(&connect(&nats, ServerUser::Admin).await, 2)
        .await
        .expect("the admin creates the topology");
    nats
}

async fn connect(nats: &Nats, user: impl Into<ServerUser>) -> Bus {
    Bus::connect(&Config::of(nats.url(), SECRET, user))
        .await
        .expect("a listed user connects")
}

/// The bare client, to try what the bus does not offer.
struct Raw {
    client: async_nats::Client,
    refusals: tokio::sync::mpsc::UnboundedReceiver<String>,
}

impl Raw {
    async fn connect(nats: &Nats, user: impl Into<ServerUser>) -> Self {
        let access = credentials(SECRET, user);
        let (sender, refusals) = tokio::sync::mpsc::unbounded_channel();
        let client =
            async_nats::ConnectOptions::with_user_and_password(access.user, access.password)
                .custom_inbox_prefix(access.inbox_prefix)
                .event_callback(move |event| {
                    let sender = sender.clone();
                    async move {
                        if let async_nats::Event::ServerError(error) = event {
                            // The test may have ended.
                            sender.send(error.to_string()).ok();
                        }
                    }
                })
                .connect(nats.url())
                .await
                .expect("a listed user connects");
        Self { client, refusals }
    }

    /// Whether the server refuses the subscription.
    async fn may_subscribe(&mut self, subject: &str) -> bool {
        let _subscription = self
            .client
            .subscribe(subject.to_owned())
            .await
            .expect("sent");
        !self.refused("Subscription", subject).await
    }

    async fn may_publish(&mut self, subject: &str) -> bool {
        self.client
            .publish(subject.to_owned(), "{}".into())
            .await
            .expect("sent");
        !self.refused("Publish", subject).await
    }

    /// The server answers a refusal before the pong of a later flush; what is not refused then is allowed. The refusal
    /// of a marker tells that all before it has been judged.
    async fn refused(&mut self, action: &str, subject: &str) -> bool {
        let marker = "no.such.permission";
        self.client.publish(marker, "".into()).await.expect("sent");
        let mut refused = false;
        loop {
            let refusal = tokio::time::timeout(Duration::from_secs(10), self.refusals.recv())
                .await
                .expect("the marker is refused")
                .expect("the connection stands");
            let refusal = refusal.to_lowercase();
            if refusal.contains(marker) {
                return refused;
            }
            let named = format!("{action} to \"{subject}\"").to_lowercase();
            assert!(refusal.contains(&named), "{refusal}: not about {named}");
            refused = true;
        }
    }
}
