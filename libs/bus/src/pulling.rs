//! Reading by a durable consumer, and seeing that it does not fall silent while it has something.
//!
//! **Invariant:** a reader that asks and gets nothing although messages are there says so in the log, and asks anew.

use std::time::Duration;

use async_nats::jetstream::consumer::{self, Consumer, pull};
use futures::{Stream, StreamExt};

use crate::{Bus, Delivery, Error, error::during};

/// How long nothing may come before it is looked whether something should have; after twice as long the alarm is given.
const LOOK: Duration = Duration::from_secs(15);

impl Bus {
    pub(crate) async fn pull(
        &self,
        consumer: Consumer<pull::Config>,
        batch: usize,
    ) -> Result<impl Stream<Item = Result<Delivery, Error>> + Send + use<>, Error> {
        let reading = Reading::open(consumer, batch).await?;
        let bus = self.clone();
        Ok(futures::stream::unfold(reading, move |mut reading| {
            let bus = bus.clone();
            async move {
                let message = reading.next().await?;
                let delivery = message
                    .map(|message| Delivery::new(message, bus))
                    .map_err(during("receive work"));
                Some((delivery, reading))
            }
        }))
    }
}

struct Reading {
    consumer: Consumer<pull::Config>,
    batch: usize,
    messages: pull::Stream,
    silence: Silence,
}

impl Reading {
    async fn open(consumer: Consumer<pull::Config>, batch: usize) -> Result<Self, Error> {
        Ok(Self {
            messages: ask(&consumer, batch).await?,
            consumer,
            batch,
            silence: Silence::default(),
        })
    }

    async fn next(
        &mut self,
    ) -> Option<Result<async_nats::jetstream::Message, pull::MessagesError>> {
        loop {
            match tokio::time::timeout(LOOK, self.messages.next()).await {
                Ok(next) => {
                    self.silence = Silence::default();
                    return next;
                }
                Err(_) => self.look().await,
            }
        }
    }

    async fn look(&mut self) {
        // A server that does not answer is not the consumer's fault.
        let Ok(info) = self.consumer.get_info().await else {
            return;
        };
        if !self.silence.is_stuck(&info) {
            return;
        }
        tracing::error!(
            alarm = "stuck_queue",
            stream = info.stream_name,
            consumer = info.name,
            waiting = info.num_pending,
            in_hand = info.num_ack_pending,
            is_paused = info.paused,
            "messages wait for a reader that asks for them, and does not get them"
        );
        match ask(&self.consumer, self.batch).await {
            Ok(messages) => self.messages = messages,
            Err(error) => tracing::warn!(%error, "a reader cannot ask anew"),
        }
    }
}

/// What the last look found, since anything came.
#[derive(Default)]
struct Silence {
    /// How many had been delivered when messages waited.
    delivered: Option<u64>,
}

impl Silence {
    /// Whether nothing was delivered to anybody since the last look, although messages wait and more may be in hand.
    fn is_stuck(&mut self, info: &consumer::Info) -> bool {
        let most = usize::try_from(info.config.max_ack_pending).unwrap_or(usize::MAX);
        let waits = info.num_pending > 0 && info.num_ack_pending < most.max(1);
        let now = waits.then_some(info.delivered.consumer_sequence);
        let before = std::mem::replace(&mut self.delivered, now);
        now.is_some() && before == now
    }
}

async fn ask(consumer: &Consumer<pull::Config>, batch: usize) -> Result<pull::Stream, Error> {
    consumer
        .stream()
        .max_messages_per_batch(batch)
        .expires(Duration::from_secs(5))
        .heartbeat(Duration::from_secs(1))
        .messages()
        .await
        .map_err(during("receive work"))
}

#[cfg(test)]
mod tests {
    use async_nats::jetstream::{self, stream};
    use testkit::Nats;

    use super::*;
    use crate::Config;

    #[tokio::test]
    async fn a_reader_that_gets_nothing_of_what_waits_asks_anew() {
        let nats = Nats::start().await;
        let bus = Bus::connect(&Config::open(nats.url())).await.unwrap();
        let stream = stream::Config {
            name: "S".to_owned(),
            subjects: vec!["s".to_owned()],
            ..stream::Config::default()
        };
        let stream = bus.jetstream.create_stream(stream).await.unwrap();
        let reader = pull::Config {
            durable_name: Some("reader".to_owned()),
            ..pull::Config::default()
        };
        let consumer = stream.create_consumer(reader).await.unwrap();
        let mut silence = Silence::default();
        assert!(!silence.is_stuck(&consumer.get_info().await.unwrap()));
        // Of all ways to fall silent the one that a server offers.
        let until = (chrono::Utc::now() + chrono::TimeDelta::hours(1)).to_rfc3339();
        let pause = serde_json::json!({"pause_until": until});
        let _: jetstream::response::Response<serde_json::Value> = bus
            .jetstream
            .request("CONSUMER.PAUSE.S.reader", &pause)
            .await
            .unwrap();
        bus.jetstream.publish("s", "1".into()).await.unwrap();
        let info = testkit::eventually(Duration::from_secs(10), async || {
            let info = consumer.get_info().await.unwrap();
            (info.num_pending == 1).then_some(info)
        })
        .await;
        assert!(!silence.is_stuck(&info), "it may come any moment");
        assert!(silence.is_stuck(&info));
        let mut other = info.clone();
        other.delivered.consumer_sequence += 1;
        assert!(!silence.is_stuck(&other), "another reader gets some");
        other.num_ack_pending = 1_000_000;
        assert!(!silence.is_stuck(&other), "nobody may have more");

        let mut reading = Reading::open(consumer, 1).await.unwrap();
        reading.look().await;
        assert_eq!(reading.silence.delivered, Some(0));
        // Now it asks anew.
        reading.look().await;
        stream.resume_consumer("reader").await.unwrap();
        let next = reading.next().await.unwrap().unwrap();
        assert_eq!(next.payload.as_ref(), b"1");
    }
}
