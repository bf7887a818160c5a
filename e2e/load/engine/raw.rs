//! What the same NATS server does with plain publishes of 512 bytes, each acknowledged after the write to the disk.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use async_nats::jetstream;
use futures::{StreamExt, stream};
use serde::Serialize;

const TIME: Duration = Duration::from_secs(3);
const BYTES: usize = 512;
/// Publishes under way at the same time, on each stream.
const WINDOW: usize = 100;

#[derive(Debug, Default, Serialize)]
pub(crate) struct Raw {
    pub(crate) publish_1by1_per_s: f64,
    /// On one stream.
    pub(crate) publish_pipelined_per_s: f64,
    /// On as many streams as there are partitions.
    pub(crate) publish_pipelined_streams_per_s: f64,
}

impl Raw {
    pub(crate) async fn measure(jetstream: &jetstream::Context, partitions: usize) -> Result<Self> {
        Ok(Self {
            publish_1by1_per_s: rate(jetstream, 1, 1).await?,
            publish_pipelined_per_s: rate(jetstream, 1, WINDOW).await?,
            publish_pipelined_streams_per_s: rate(jetstream, partitions, WINDOW).await?,
        })
    }
}

async fn rate(jetstream: &jetstream::Context, streams: usize, window: usize) -> Result<f64> {
    for stream in 0..streams {
        let config = jetstream::stream::Config {
            name: format!("RAW_{stream}"),
            subjects: vec![format!("raw.{stream}")],
            ..jetstream::stream::Config::default()
        };
        jetstream.create_stream(config).await?;
    }
    let (begun, until) = (Instant::now(), Instant::now() + TIME);
    let (done, failed) = stream::iter(0..)
        .take_while(|_| std::future::ready(Instant::now() < until))
        .map(|n: usize| async move {
            let subject = format!("raw.{}", n % streams);
            let sent = jetstream.publish(subject, vec![b'x'; BYTES].into()).await;
            sent?.await?;
            Ok::<_, async_nats::Error>(())
        })
        .buffer_unordered(window * streams)
        .fold((0_u32, 0_u32), async |(done, failed), sent| match sent {
            Ok(()) => (done + 1, failed),
            Err(_) => (done, failed + 1),
        })
        .await;
    let took = begun.elapsed().as_secs_f64();
    ensure!(failed == 0, "{failed} raw publishes failed");
    for stream in 0..streams {
        let deleted = jetstream.delete_stream(format!("RAW_{stream}")).await;
        deleted.context("the raw streams go away again")?;
    }
    Ok(f64::from(done) / took)
}
