//! I6: what may not be left over on the bus once all is over.

use std::time::{Duration, Instant};

use anyhow::Result;
use async_nats::jetstream::{self, consumer::pull};
use futures::StreamExt;

use crate::report::Violation;

/// Nothing is left after this time.
const GONE: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(250);
const QUEUES: &str = "WORK_";
const EVENTS: &str = "INBOUND";
const DEAD: &str = "DEAD";
const LEASES: &str = "LEASES";
/// The one consumer of a queue.
const WORKERS: &str = "workers";

/// The streams of the platform, as its operator sees them.
pub(crate) struct Streams {
    context: jetstream::Context,
}

impl Streams {
    pub(crate) fn new(client: async_nats::Client) -> Self {
        let context = jetstream::new(client);
        Self { context }
    }

    /// Waits until no work is queued or given out; `dead` letters were there before.
    pub(crate) async fn check_left(&self, dead: Option<u64>) -> Result<Vec<Violation>> {
        let deadline = Instant::now() + GONE;
        loop {
            // While a server comes back, asking fails.
            let left = match self.left().await {
                Ok(left) => left,
                Err(error) if Instant::now() < deadline => vec![error.to_string()],
                Err(error) => return Err(error),
            };
            if left.is_empty() {
                break;
            }
            if Instant::now() > deadline {
                let violation = |text| Violation::new("I6", text);
                return Ok(left.into_iter().map(violation).collect());
            }
            tokio::time::sleep(POLL).await;
        }
        let found = self.dead().await?;
        Ok(match dead {
            Some(dead) if found > dead => {
                let text = format!("{} dead letters, and nothing was poisoned", found - dead);
                vec![Violation::new("I6", text)]
            }
            Some(_) | None => Vec::new(),
        })
    }

    /// Letters in the queue of the dead.
    pub(crate) async fn dead(&self) -> Result<u64> {
        let stream = self.context.get_stream(DEAD).await?;
        Ok(stream.get_info().await?.state.messages)
    }

    /// Stores a message on so many servers and takes it away again, in a stream of its own.
    pub(crate) async fn write(&self, replicas: usize) -> Result<()> {
        let config = jetstream::stream::Config {
            name: "ROOM".to_owned(),
            subjects: vec!["room".to_owned()],
            num_replicas: replicas,
            ..jetstream::stream::Config::default()
        };
        self.context.create_stream(config).await?;
        self.context.publish("room", "x".into()).await?.await?;
        self.context.delete_stream("ROOM").await?;
        Ok(())
    }

    /// Stores a lease and takes it away again: a bucket that met a full disk may stay as it is until the server is started
    /// again, while other streams are well.
    pub(crate) async fn lease(&self) -> Result<()> {
        let leases = self.context.get_key_value(LEASES).await?;
        leases.put("room", "x".into()).await?;
        leases.purge("room").await?;
        Ok(())
    }

    async fn left(&self) -> Result<Vec<String>> {
        let mut left = Vec::new();
        let events = self.context.get_stream(EVENTS).await?;
        let waiting = events.get_info().await?.state.messages;
        if waiting > 0 {
            left.push(format!("`{EVENTS}` holds {waiting} events"));
        }
        let mut names = self.context.stream_names();
        while let Some(name) = names.next().await {
            let name = name?;
            if !name.starts_with(QUEUES) {
                continue;
            }
            let stream = self.context.get_stream(&name).await?;
            let queued = stream.get_info().await?.state.messages;
            let mut consumers = stream.consumer_names();
            while let Some(consumer) = consumers.next().await {
                let consumer = consumer?;
                if consumer != WORKERS {
                    left.push(format!("`{name}` has a consumer `{consumer}`"));
                }
            }
            let workers = stream.get_consumer::<pull::Config>(WORKERS).await;
            let out = match workers {
                Ok(workers) => workers.get_info().await?.num_ack_pending,
                Err(_) => 0,
            };
            if queued > 0 || out > 0 {
                left.push(format!(
                    "`{name}` holds {queued} items, {out} of them given out"
                ));
            }
        }
        Ok(left)
    }
}
