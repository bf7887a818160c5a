//! Messages that come more than once, out of order, or cannot be read.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use async_nats::Client;
use contracts::{
    Service, Subject,
    id::{ExecutionId, TenantId},
    owner::OwnerKind,
    subject::{Token, WorkAddress},
    work::WorkClass,
};
use futures::{FutureExt, StreamExt, stream::select_all};
use tokio::{task::JoinSet, time::sleep};

use crate::{check::Streams, random::Random, servers};

/// A repeated message comes at most so much later.
const LATER_MS: u64 = 3000;
/// Five deliveries, three seconds each at most, and room.
const DEAD_WITHIN: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(200);
const PARTITIONS: u16 = 2;

/// How many of each kind were sent once more.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sent {
    work: u32,
    requests: u32,
}

impl Sent {
    pub(crate) fn has_both(self) -> bool {
        self.work > 0 && self.requests > 0
    }
}

/// For a while, sends every work item, and everything an owner is asked, one to four times more, each after a time of
/// its own.
pub(crate) async fn repeat(url: &str, random: &mut Random, time: Duration) -> Result<Sent> {
    let client = servers::operator(url).await?;
    let mut heard = Vec::new();
    for class in WorkClass::ALL {
        heard.push(
            client
                .subscribe(Subject::work_of(class).to_string())
                .await?,
        );
    }
    for partition in 0..PARTITIONS {
        heard.push(
            client
                .subscribe(Subject::owner_all(partition).to_string())
                .await?,
        );
    }
    let mut heard = select_all(heard);
    let (mut sent, mut repeats) = (Sent::default(), JoinSet::new());
    let until = tokio::time::Instant::now() + time;
    loop {
        let message = tokio::select! {
            () = tokio::time::sleep_until(until) => break,
            message = heard.next() => message,
        };
        let Some(message) = message else { break };
        let is_work = WorkAddress::parse(&message.subject).is_some();
        if is_work {
            sent.work += 1;
        } else if message
            .reply
            .as_ref()
            .is_some_and(|reply| reply.contains(OURS))
        {
            // One of our own repetitions.
            continue;
        } else {
            sent.requests += 1;
        }
        // A work item that is repeated is heard again: most are not repeated a second time.
        if is_work && random.one_in(2) {
            continue;
        }
        for _ in 0..=random.below(3) {
            let delay = random.millis(0, LATER_MS);
            let (client, message) = (client.clone(), message.clone());
            repeats.spawn(async move {
                sleep(delay).await;
                again(&client, message, is_work).await
            });
        }
    }
    while let Some(done) = repeats.join_next().await {
        done??;
    }
    drop(heard);
    client.flush().await?;
    Ok(sent)
}

/// What the inbox of a repeated request is called; nobody listens there.
const OURS: &str = "repeated";

async fn again(client: &Client, message: async_nats::Message, is_work: bool) -> Result<()> {
    if is_work {
        // Refused while the same is still queued, which is right.
        client.publish(message.subject, message.payload).await?;
    } else {
        let inbox = Subject::service_inbox_prefix(Service::Execution);
        let inbox = format!("{inbox}.{OURS}");
        client
            .publish_with_reply(message.subject, inbox, message.payload)
            .await?;
    }
    Ok(())
}

/// Sends what cannot be read to every queue and every owner; waits until each item of a queue is a dead letter.
pub(crate) async fn poison(url: &str) -> Result<String> {
    let client = servers::operator(url).await?;
    let streams = Streams::new(client.clone());
    let before = streams.dead().await?;
    let broken: [&[u8]; 3] = [b"{", b"{\"version\": 99}", b"\xff\xfe"];
    let mut queued = 0;
    let context = async_nats::jetstream::new(client.clone());
    let step = Token::new("poison").expect("a token");
    for class in [WorkClass::Http, WorkClass::Llm, WorkClass::Tool] {
        for payload in broken {
            let (tenant, execution) = (TenantId::generate(), ExecutionId::generate());
            let subject = Subject::work(class, tenant, execution, &step, 1);
            let sent = context.publish(subject.to_string(), payload.into()).await?;
            sent.await?;
            queued += 1;
        }
    }
    for partition in 0..PARTITIONS {
        for kind in [
            OwnerKind::Start,
            OwnerKind::Result,
            OwnerKind::Claim,
            OwnerKind::Hold,
            OwnerKind::Cancel,
        ] {
            for payload in broken {
                let subject = Subject::owner(partition, kind).to_string();
                let answer = client.request(subject, payload.into()).boxed();
                let answer = tokio::time::timeout(DEAD_WITHIN, answer).await??;
                if answer.headers.is_none() {
                    bail!("an owner takes what nobody can read: {:?}", answer.payload);
                }
            }
        }
    }
    let begun = Instant::now();
    loop {
        let dead = streams.dead().await? - before;
        if dead == queued {
            let took = begun.elapsed().as_millis();
            return Ok(format!(
                "{queued} items that cannot be read were dead letters after {took} ms"
            ));
        }
        if begun.elapsed() > DEAD_WITHIN {
            bail!(
                "{dead} dead letters of {queued} after {} s",
                DEAD_WITHIN.as_secs()
            );
        }
        sleep(POLL).await;
    }
}
