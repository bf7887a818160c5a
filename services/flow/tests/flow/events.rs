//! Events that integrators publish.

use std::collections::BTreeSet;

use contracts::{Principal, Role, trigger::FireOutcome};
use serde_json::{Value, json};
use testkit::eventually;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};

use crate::{Fixture, SOON, triggers::spec};

impl Fixture {
    /// Publishes as any JetStream client does; what is answered. Where nobody listens yet it is sent again.
    pub(crate) async fn says(
        &self,
        who: &Principal,
        name: &str,
        id: Option<&str>,
        body: impl AsRef<[u8]>,
    ) -> Value {
        let subject = format!("in.{}.event.{name}", who.tenant);
        let head = match id {
            Some(id) => format!("NATS/1.0\r\nNats-Msg-Id: {id}\r\n\r\n"),
            None => "NATS/1.0\r\n\r\n".to_owned(),
        };
        let body = body.as_ref();
        let (head_bytes, bytes) = (head.len(), head.len() + body.len());
        let mut sent = format!("HPUB {subject} answer {head_bytes} {bytes}\r\n{head}").into_bytes();
        sent.extend_from_slice(body);
        sent.extend_from_slice(b"\r\n");
        let connection = tokio::net::TcpStream::connect(self.nats.address()).await;
        let (reader, mut writer) = connection.unwrap().into_split();
        let begin = "CONNECT {\"verbose\":false,\"headers\":true,\"no_responders\":true}\r\nSUB answer 1\r\n";
        writer.write_all(begin.as_bytes()).await.unwrap();
        writer.write_all(&sent).await.unwrap();
        let mut lines = BufReader::new(reader).lines();
        loop {
            let line = lines.next_line().await.unwrap().unwrap();
            if line.starts_with("NATS/1.0 503") {
                writer.write_all(&sent).await.unwrap();
            } else if line.starts_with("{\"") {
                return serde_json::from_str(&line).unwrap();
            }
        }
    }
}

impl Fixture {
    /// How many of so many refusals were used up.
    fn refused_of(&self, all: u32) -> u32 {
        all - *self.world.refusals.lock().unwrap()
    }

    /// Events that nobody has acknowledged.
    async fn in_hand(&self) -> Option<u64> {
        let mut connection = tokio::net::TcpStream::connect(self.nats.address())
            .await
            .unwrap();
        let text = "CONNECT {\"verbose\":false}\r\nSUB answer 1\r\nPUB $JS.API.STREAM.INFO.INBOUND answer 0\r\n\r\n";
        connection.write_all(text.as_bytes()).await.unwrap();
        let mut lines = BufReader::new(connection).lines();
        loop {
            let line = lines.next_line().await.unwrap()?;
            if line.starts_with("{\"type\"") {
                let info: serde_json::Value = serde_json::from_str(&line).unwrap();
                return info["state"]["messages"].as_u64();
            }
        }
    }
}

#[tokio::test]
async fn an_event_begins_one_execution_of_each_that_waits_for_it() {
    let mut fixture = Fixture::start().await;
    fixture.revive().await;
    let user = fixture.user(Role::Editor).await;
    let (flow, _) = fixture.published(&user).await;
    let paid = || spec(json!({"event": {"name": "order-paid"}}));
    let first = fixture.trigger(&user, &flow, paid()).await.trigger;
    let second = fixture.trigger(&user, &flow, paid()).await.trigger;
    let other = spec(json!({"event": {"name": "other"}}));
    let other = fixture.trigger(&user, &flow, other).await.trigger;
    let stranger = fixture.user(Role::Editor).await;
    let (theirs, _) = fixture.published(&stranger).await;
    let theirs = fixture.trigger(&stranger, &theirs, paid()).await.trigger;

    for id in ["m-1", "m-1", "m-2"] {
        fixture
            .says(&user, "order-paid", Some(id), r#"{"n":1}"#)
            .await;
    }
    fixture.says(&user, "order-paid", None, "plain").await;
    for trigger in [&first, &second] {
        let fires = eventually(SOON, async || {
            let fires = fixture.fires(&user, trigger).await;
            (fires
                .iter()
                .filter(|it| it.outcome == FireOutcome::Started)
                .count()
                == 3)
                .then_some(fires)
        })
        .await;
        let keys: BTreeSet<_> = fires.iter().map(|fire| fire.key.as_str()).collect();
        assert_eq!(keys.len(), 3, "{keys:?}");
        assert!(keys.contains("m-1") && keys.contains("m-2"));
        assert!(keys.iter().any(|key| key.starts_with("event_")), "{keys:?}");
    }
    // Each was delivered to the executions that may wait for it, whoever else began one.
    let delivered = eventually(SOON, async || {
        let delivered = fixture.world.delivered.lock().unwrap().clone();
        (delivered.len() >= 3).then_some(delivered)
    })
    .await;
    let named = delivered.iter().find(|event| event.id == "m-2").unwrap();
    assert_eq!(
        (named.name.as_str(), &named.data),
        ("order-paid", &json!({"n": 1}))
    );
    assert!(fixture.fires(&user, &other).await.is_empty());
    assert!(fixture.fires(&stranger, &theirs).await.is_empty());
    let starts = fixture.started();
    let executions: BTreeSet<_> = starts.iter().map(|start| start.execution_id).collect();
    assert_eq!(executions.len(), 6);
    let input = starts.iter().map(|start| &start.input);
    let named = input
        .clone()
        .find(|input| input["id"] == json!("m-1"))
        .unwrap();
    assert_eq!(
        (&named["event"], &named["data"]),
        (&json!("order-paid"), &json!({"n": 1}))
    );
    assert!(named["at"].is_string());
    assert!(input.clone().any(|input| input["data"] == json!("plain")));
}

/// What one organization calls an event is no business of another, and of each name it is another event.
#[tokio::test]
async fn an_id_is_known_within_an_organization_and_a_name() {
    let fixture = Fixture::start().await;
    let mut triggers = Vec::new();
    for _ in 0..2 {
        let user = fixture.user(Role::Editor).await;
        let (flow, _) = fixture.published(&user).await;
        for name in ["order-paid", "order-sent"] {
            let made = spec(json!({"event": {"name": name}}));
            let made = fixture.trigger(&user, &flow, made).await.trigger;
            triggers.push((user.clone(), name, made));
        }
    }
    for (user, name, _) in &triggers {
        let answer = fixture.says(user, name, Some("order-7"), "{}").await;
        assert!(answer["seq"].as_u64() > Some(0), "{answer}");
        assert_eq!(answer["stream"], json!("INBOUND"));
    }
    for (user, _, trigger) in &triggers {
        let fires = fixture.settled(user, trigger, 1).await;
        assert_eq!((fires.len(), fires[0].key.as_str()), (1, "order-7"));
        assert_eq!(fires[0].outcome, FireOutcome::Started);
    }
}

#[tokio::test]
async fn an_event_that_cannot_be_understood_is_refused() {
    let fixture = Fixture::start().await;
    let user = fixture.user(Role::Editor).await;
    let long = "x".repeat(256 * 1024 + 1);
    for (name, body, why) in [
        ("paid", &[0xff][..], "an event is JSON, or text in UTF-8"),
        ("paid", long.as_bytes(), "an event has at most 256 KiB"),
        (
            "p~d",
            b"{}",
            "the name of an event has 1 to 64 letters, digits, `_` or `-`",
        ),
    ] {
        let answer = fixture.says(&user, name, None, body).await;
        let error = &answer["error"];
        assert_eq!(
            (&error["code"], &error["description"]),
            (&json!(400), &json!(why))
        );
    }
    assert_eq!(fixture.in_hand().await, Some(0));
}

#[tokio::test]
async fn an_event_waits_for_an_engine_that_is_away() {
    let fixture = Fixture::start().await;
    let user = fixture.user(Role::Editor).await;
    let (flow, _) = fixture.published(&user).await;
    let made = spec(json!({"event": {"name": "x"}}));
    let made = fixture.trigger(&user, &flow, made).await.trigger;
    *fixture.world.refusals.lock().unwrap() = 2;
    fixture.says(&user, "x", Some("m"), "{}").await;
    let fires = eventually(SOON, async || {
        let fires = fixture.fires(&user, &made).await;
        fires
            .first()
            .is_some_and(|it| it.outcome == FireOutcome::Started)
            .then_some(fires)
    })
    .await;
    assert_eq!(fires.len(), 1);
    let starts = fixture.started();
    assert_eq!(fires[0].execution_id, Some(starts[0].execution_id));
    assert_eq!(starts.len(), 1);
}

/// Those of one organization do not fill the reader's hands.
#[tokio::test]
async fn an_event_that_cannot_begin_anything_yet_does_not_stay_in_hand() {
    let fixture = Fixture::start().await;
    let user = fixture.user(Role::Editor).await;
    let (flow, _) = fixture.published(&user).await;
    let made = spec(json!({"event": {"name": "x"}}));
    let made = fixture.trigger(&user, &flow, made).await.trigger;
    *fixture.world.refusals.lock().unwrap() = 1_000;
    fixture.says(&user, "x", Some("m"), "{}").await;
    eventually(SOON, async || {
        let left = fixture.refused_of(1_000);
        (left >= 3 && fixture.in_hand().await == Some(0)).then_some(())
    })
    .await;
    assert_eq!(
        fixture.fires(&user, &made).await[0].outcome,
        FireOutcome::Pending
    );
    *fixture.world.refusals.lock().unwrap() = 0;
    fixture.wake(&user, &made).await;
    let fires = fixture.settled(&user, &made, 1).await;
    assert_eq!(fires[0].outcome, FireOutcome::Started);
}
