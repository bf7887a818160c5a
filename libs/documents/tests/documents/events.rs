//! Events come back as they went in, in order, once, and to their tenant alone.

use contracts::{
    id::{ExecutionId, TenantId},
    live::{ExecutionEvent, Frame},
};
use documents::{Archive, ArchivedFrame, Config, Error};
use serde_json::{Value, json};
use testkit::Mongo;

use crate::archive;

fn frame(n: u64, output: Value) -> Frame {
    let ts = format!("2026-01-02T03:04:05.{:06}Z", n % 1_000_000);
    Frame {
        n,
        ts: ts.parse().unwrap(),
        event: ExecutionEvent::StepSucceeded {
            node: "a".into(),
            attempt: 1,
            output,
            port: "out".into(),
            usage: None,
            duration_ms: 1,
            cached: false,
        },
    }
}

fn archived(tenant: TenantId, execution: ExecutionId, frame: Frame) -> ArchivedFrame {
    ArchivedFrame {
        vars: (frame.n == 1).then(|| serde_json::json!({"region": "eu"})),
        private: (frame.n == 1).then(|| r#"{"b": 1, "a": 2}"#.to_owned()),
        tenant,
        execution,
        text: serde_json::to_vec(&frame).unwrap().into(),
        frame,
    }
}

fn frames(tenant: TenantId, execution: ExecutionId, numbers: &[u64]) -> Vec<ArchivedFrame> {
    let frames = numbers
        .iter()
        .map(|n| archived(tenant, execution, frame(*n, json!(n))));
    frames.collect()
}

fn numbers(frames: &[Frame]) -> Vec<u64> {
    frames.iter().map(|frame| frame.n).collect()
}

#[tokio::test]
async fn events_are_kept_once_and_read_in_order() {
    let database = Mongo::create();
    let archive = archive(&database).await;
    let (tenant, execution) = (TenantId::generate(), ExecutionId::generate());
    let batch = |numbers: &[u64]| frames(tenant, execution, numbers);
    archive.put_events(&batch(&[3, 1, 2])).await.unwrap();
    archive.put_events(&batch(&[1, 2, 3])).await.unwrap();
    // Old and new in one batch: the new ones must not be lost with the old ones.
    archive.put_events(&batch(&[2, 12, 3, 11])).await.unwrap();

    let read = async |after, limit| {
        let found = archive.events(tenant, execution, after, limit).await;
        numbers(&found.unwrap())
    };
    assert_eq!(read(0, 100).await, [1, 2, 3, 11, 12]);
    assert_eq!(read(2, 100).await, [3, 11, 12]);
    assert_eq!(read(0, 2).await, [1, 2]);
    assert_eq!(read(12, 100).await, [0; 0]);
    assert_eq!(read(u64::MAX, 100).await, [0; 0]);
}

#[tokio::test]
async fn the_first_version_of_an_event_stays() {
    let database = Mongo::create();
    let archive = archive(&database).await;
    let (tenant, execution) = (TenantId::generate(), ExecutionId::generate());
    for output in ["first", "second"] {
        let frame = frame(1, json!(output));
        let archived = archived(tenant, execution, frame);
        archive.put_events(&[archived]).await.unwrap();
    }
    let found = archive.events(tenant, execution, 0, 10).await.unwrap();
    assert_eq!(found, [frame(1, json!("first"))]);
}

#[tokio::test]
async fn records_come_back_as_texts_with_what_stands_beside_them() {
    let database = Mongo::create();
    let archive = archive(&database).await;
    let (tenant, execution) = (TenantId::generate(), ExecutionId::generate());
    let batch = frames(tenant, execution, &[1, 2, 3]);
    archive.put_events(&batch).await.unwrap();
    let read = archive.records(tenant, execution, 0, 2).await.unwrap();
    assert_eq!(read.len(), 2);
    for (read, put) in read.iter().zip(&batch) {
        assert_eq!((&read.frame, &read.text), (&put.frame, &put.text));
        assert_eq!((&read.vars, &read.private), (&put.vars, &put.private));
    }
    let other = TenantId::generate();
    let read = archive.records(other, execution, 0, 10).await.unwrap();
    assert!(read.is_empty(), "another tenant reads nothing");
}

#[tokio::test]
async fn what_is_held_expires_only_after_it_is_let_go() {
    let database = Mongo::create();
    let archive = archive(&database).await;
    let (tenant, execution) = (TenantId::generate(), ExecutionId::generate());
    let batch = frames(tenant, execution, &[1, 2]);
    archive.put_events(&batch).await.unwrap();
    let expiring = async || database.count("execution_events", "expires_at").await;
    assert_eq!(expiring().await, 2);
    archive.hold_events(tenant, execution).await.unwrap();
    assert_eq!(expiring().await, 0);
    let end = chrono::Utc::now();
    archive.let_expire(tenant, execution, end).await.unwrap();
    assert_eq!(expiring().await, 2);
}

#[tokio::test]
async fn many_batches_are_kept_whole() {
    let database = Mongo::create();
    let archive = archive(&database).await;
    let (tenant, execution) = (TenantId::generate(), ExecutionId::generate());
    let all: Vec<u64> = (1..=1203).collect();
    let batch = frames(tenant, execution, &all);
    archive.put_events(&batch).await.unwrap();
    let found = archive.events(tenant, execution, 0, 2000).await.unwrap();
    assert_eq!(numbers(&found), all);
}

#[tokio::test]
async fn hostile_and_extreme_values_come_back_as_they_went_in() {
    let database = Mongo::create();
    let archive = archive(&database).await;
    let (tenant, execution) = (TenantId::generate(), ExecutionId::generate());
    let values = [
        json!({"$gt": "", "$where": "sleep(1000)", "a.b": {"$ne": null}, "": 1, "_id": "x", "tenant": "y"}),
        json!([
            u64::MAX,
            i64::MIN,
            i64::MAX,
            1.5e-300,
            -0.0,
            0.1,
            9_007_199_254_740_993_u64
        ]),
        json!("\u{0}\u{1F980}\u{2028}\"\\"),
        json!({"$oid": "507f1f77bcf86cd799439011", "$numberLong": "1", "$date": "2026-01-01T00:00:00Z"}),
        json!("x".repeat(500_000)),
        Value::Null,
    ];
    let sent: Vec<Frame> = (1..)
        .zip(values)
        .map(|(n, value)| frame(n, value))
        .collect();
    let batch: Vec<_> = sent
        .iter()
        .map(|frame| archived(tenant, execution, frame.clone()))
        .collect();
    archive.put_events(&batch).await.unwrap();
    let found = archive.events(tenant, execution, 0, 100).await.unwrap();
    let text = |frames: &[Frame]| serde_json::to_string(frames).unwrap();
    assert_eq!(text(&found), text(&sent));
}

#[tokio::test]
async fn another_tenant_finds_nothing() {
    let database = Mongo::create();
    let archive = archive(&database).await;
    let (tenant, execution) = (TenantId::generate(), ExecutionId::generate());
    archive
        .put_events(&frames(tenant, execution, &[1]))
        .await
        .unwrap();
    for other in [TenantId::generate(), TenantId::PLATFORM] {
        let found = archive.events(other, execution, 0, 10).await.unwrap();
        assert_eq!(found, []);
    }
    let other = ExecutionId::generate();
    assert_eq!(archive.events(tenant, other, 0, 10).await.unwrap(), []);
    assert_eq!(
        archive
            .events(tenant, execution, 0, 10)
            .await
            .unwrap()
            .len(),
        1
    );
}

#[tokio::test]
async fn what_is_older_than_the_retention_is_forgotten() {
    let database = Mongo::create();
    let archive = archive(&database).await;
    let client = mongodb::Client::with_uri_str(database.url()).await.unwrap();
    let events = client
        .database(database.database())
        .collection::<mongodb::bson::Document>("execution_events");
    let (tenant, execution) = (TenantId::generate(), ExecutionId::generate());
    archive
        .put_events(&frames(tenant, execution, &[1]))
        .await
        .unwrap();

    let stored = events.find_one(mongodb::bson::doc! {}).await.unwrap();
    let stored = stored.unwrap();
    let kept = stored
        .get_datetime("expires_at")
        .unwrap()
        .timestamp_millis()
        - stored.get_datetime("ts").unwrap().timestamp_millis();
    assert_eq!(kept, 90 * 24 * 60 * 60 * 1000);

    let mut indexes = events.list_indexes().await.unwrap();
    let mut expiring = false;
    let mut by_tenant = false;
    while indexes.advance().await.unwrap() {
        let index = indexes.deserialize_current().unwrap();
        let options = index.options.unwrap_or_default();
        expiring |= index.keys.contains_key("expires_at")
            && options.expire_after == Some(std::time::Duration::ZERO);
        by_tenant |= index.keys.keys().next().is_some_and(|key| key == "tenant");
    }
    assert!(expiring && by_tenant);
}

#[tokio::test]
async fn a_server_that_is_down_is_told_and_stops_no_start() {
    let config = Config {
        mongo_timeout_ms: 200,
        ..Config::new(
            format!("mongodb://{}/?directConnection=true", closed_address()),
            "troupe",
        )
    };
    let archive = Archive::connect(&config).await.unwrap();
    let event = frames(TenantId::generate(), ExecutionId::generate(), &[1]);
    for outcome in [archive.ping().await, archive.put_events(&event).await] {
        let error = outcome.unwrap_err();
        assert!(
            matches!(error, Error::Timeout | Error::Unavailable(_)),
            "{error:?}"
        );
    }
}

/// An address where nobody listens.
fn closed_address() -> std::net::SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap()
}

#[tokio::test]
async fn a_text_that_is_no_url_is_refused() {
    let config = Config::new("postgres://localhost/", "troupe");
    let Err(error) = Archive::connect(&config).await else {
        panic!("accepted");
    };
    assert!(matches!(error, Error::Url(_)), "{error:?}");
}

#[tokio::test]
async fn the_server_of_the_run_answers() {
    let database = Mongo::create();
    archive(&database).await.ping().await.unwrap();
}
