//! Many WebSockets that follow one execution, or several, each as many: from the moment an event is recorded, the commit
//! included, until its frame is there.

use std::time::{Duration, Instant, SystemTime};

use anyhow::{Result, bail, ensure};
use chrono::DateTime;
use serde_json::json;
use testkit::{Heard, WebSocket};
use tokio::task::JoinSet;

use super::Client;
use crate::order::{Spread, Told};

impl Client {
    pub(super) async fn watch(
        &self,
        gateway: &str,
        watchers: usize,
        executions: usize,
    ) -> Result<Told> {
        let mut sockets = Vec::new();
        for _ in 0..watchers {
            match WebSocket::open(gateway, "/api/v1/ws?ticket=bench", &[]).await {
                Ok(socket) => sockets.push(socket),
                Err(refused) => bail!("{refused:?}"),
            }
        }
        let begun = Instant::now();
        let mut watched = Vec::new();
        for _ in 0..executions {
            let start = self.start_with(json!({}));
            self.ask(&start).await?;
            watched.push(start.execution_id);
        }
        let mut tasks = JoinSet::new();
        for (mut socket, id) in sockets.into_iter().zip(watched.into_iter().cycle()) {
            let to = json!({"execution": id});
            tasks.spawn(async move {
                socket.send(&json!({"id": "w", "subscribe": to})).await;
                times(&mut socket).await
            });
        }
        let mut all = Vec::new();
        while let Some(times) = tasks.join_next().await {
            // The first events are history by the time the last socket subscribes.
            let times = times??;
            all.extend(times.into_iter().skip(40));
        }
        Ok(Told {
            seconds: begun.elapsed().as_secs_f64(),
            done: Spread::of(all),
            ..Told::default()
        })
    }
}

/// From each event's moment until it came in.
async fn times(socket: &mut WebSocket) -> Result<Vec<Duration>> {
    let (mut times, mut expected) = (Vec::new(), 1);
    loop {
        match socket.hear().await {
            Heard::Frame(frame) if frame["end"] == true => return Ok(times),
            Heard::Frame(frame) => {
                let event = &frame["event"];
                ensure!(
                    event["n"].as_u64() == Some(expected),
                    "event {expected} is missing: {frame}"
                );
                expected += 1;
                let at = DateTime::parse_from_rfc3339(event["ts"].as_str().unwrap_or_default())?;
                // Written in whole milliseconds it may lie ahead of the clock by less than one.
                let took = SystemTime::now()
                    .duration_since(at.into())
                    .unwrap_or_default();
                times.push(took);
            }
            Heard::Ping => {}
            Heard::Closed(code) => bail!("the socket is closed: {code:?}"),
        }
    }
}
