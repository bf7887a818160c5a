//! Event streams: no gap, no duplicate, the terminal event last, whatever the bus does.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bus::Bucket;
use contracts::{
    Principal, Role, Subject,
    id::{SessionId, TenantId},
    principal::revocation,
};

use crate::{
    http::Stream,
    platform::{Platform, frame},
};

fn path(execution: contracts::id::ExecutionId) -> String {
    format!("/api/v1/executions/{execution}/stream")
}

async fn read(stream: &mut Stream, count: usize) -> Vec<u64> {
    let mut ids = Vec::new();
    for _ in 0..count {
        ids.push(
            stream
                .event()
                .await
                .expect("an event")
                .id
                .expect("a number"),
        );
    }
    ids
}

#[tokio::test]
async fn history_then_live_frames_then_the_end() {
    let platform = Platform::start().await;
    let execution = platform.execution(3, false);
    let mut stream = platform.ask("GET", &path(execution)).open().await;
    assert_eq!(stream.status, 200);
    assert_eq!(stream.header("content-type"), Some("text/event-stream"));
    assert_eq!(stream.header("cache-control"), Some("no-store"));
    let first = stream.event().await.unwrap();
    assert_eq!((first.id, &*first.event), (Some(1), "step_skipped"));
    assert_eq!(first.data, serde_json::to_value(frame(1, false)).unwrap());
    assert_eq!(read(&mut stream, 2).await, [2, 3]);
    platform.history.grow(platform.tenant, execution, 6, true);
    // Some twice, some late.
    for n in [3, 4, 4, 2, 5, 4, 6] {
        platform.publish(execution, &frame(n, n == 6)).await;
    }
    assert_eq!(read(&mut stream, 2).await, [4, 5]);
    let last = stream.event().await.unwrap();
    assert_eq!((last.id, &*last.event), (Some(6), "execution_succeeded"));
    assert_eq!(stream.event().await, None);
}

#[tokio::test]
async fn frames_that_the_bus_lost_are_read_from_the_history() {
    let platform = Platform::start().await;
    let execution = platform.execution(2, false);
    let mut stream = platform.ask("GET", &path(execution)).open().await;
    assert_eq!(read(&mut stream, 2).await, [1, 2]);
    platform.history.grow(platform.tenant, execution, 6, false);
    platform.publish(execution, &frame(6, false)).await;
    assert_eq!(read(&mut stream, 4).await, [3, 4, 5, 6]);
    // An unreadable frame is a lost one.
    let subject = Subject::live(platform.tenant, execution);
    platform.bus.publish(&subject, &"garbage").await.unwrap();
    platform.history.grow(platform.tenant, execution, 8, true);
    platform.publish(execution, &frame(8, true)).await;
    assert_eq!(stream.ids().await, [7, 8]);
}

#[tokio::test]
async fn a_lost_terminal_frame_does_not_leave_a_stream_open() {
    let platform = Platform::start().await;
    let execution = platform.execution(2, false);
    let mut stream = platform.ask("GET", &path(execution)).open().await;
    assert_eq!(read(&mut stream, 2).await, [1, 2]);
    platform.history.grow(platform.tenant, execution, 3, true);
    let ids = tokio::time::timeout(Duration::from_secs(20), stream.ids()).await;
    assert_eq!(ids.expect("the history is read in silence too"), [3]);
}

#[tokio::test]
async fn a_stream_is_resumed_after_the_last_event() {
    let platform = Platform::start().await;
    let execution = platform.execution(5, true);
    let ask = || platform.ask("GET", &path(execution));
    assert_eq!(ask().open().await.ids().await, [1, 2, 3, 4, 5]);
    assert_eq!(
        ask().header("Last-Event-ID", "3").open().await.ids().await,
        [4, 5]
    );
    let after = format!("{}?after=4", path(execution));
    assert_eq!(platform.ask("GET", &after).open().await.ids().await, [5]);
    // The header is newer than the address of the first request.
    let both = platform.ask("GET", &after).header("Last-Event-ID", "2");
    assert_eq!(both.open().await.ids().await, [3, 4, 5]);
    // A browser that gets 204 does not come again.
    assert_eq!(ask().header("Last-Event-ID", "5").send().await.status, 204);
    let beyond = ask().header("Last-Event-ID", "6").send().await;
    assert_eq!(
        beyond.assert_problem(422, "invalid_input")["reason"],
        "event_unknown"
    );
    for id in ["x", "-1", "1.5", "18446744073709551616"] {
        let answer = ask().header("Last-Event-ID", id).send().await;
        answer.assert_problem(400, "invalid_input");
    }
}

#[tokio::test]
async fn a_long_history_comes_in_one_piece() {
    let platform = Platform::start().await;
    let execution = platform.execution(1750, true);
    let ids = platform
        .ask("GET", &path(execution))
        .open()
        .await
        .ids()
        .await;
    assert_eq!(ids, (1..=1750).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_slow_reader_misses_nothing_and_delays_nobody() {
    let platform = Platform::start().await;
    let execution = platform.execution(1, false);
    let mut slow = platform.ask("GET", &path(execution)).open().await;
    let mut quick = platform.ask("GET", &path(execution)).open().await;
    let last = 3000;
    platform
        .history
        .grow(platform.tenant, execution, last, true);
    let publish = async {
        for n in 2..=last {
            let mut frame = frame(n, n == last);
            if let contracts::live::ExecutionEvent::StepSkipped { node } = &mut frame.event {
                *node = "x".repeat(4000);
            }
            platform.publish(execution, &frame).await;
        }
    };
    // The slow one reads nothing until the quick one has all: more than sockets and buffers hold.
    let (ids, ()) = futures::join!(quick.ids(), publish);
    let all: Vec<_> = (1..=last).collect();
    assert_eq!(ids, all);
    assert_eq!(slow.ids().await, all);
}

#[tokio::test]
async fn frames_of_another_tenant_are_never_seen() {
    let platform = Platform::start().await;
    let execution = platform.execution(1, false);
    let mut stream = platform.ask("GET", &path(execution)).open().await;
    assert_eq!(read(&mut stream, 1).await, [1]);
    let foreign = Subject::live(TenantId::generate(), execution);
    platform
        .bus
        .publish(&foreign, &[frame(2, true)])
        .await
        .unwrap();
    platform.history.grow(platform.tenant, execution, 3, true);
    platform.publish(execution, &frame(2, false)).await;
    platform.publish(execution, &frame(3, true)).await;
    let second = stream.event().await.unwrap();
    assert_eq!(&*second.event, "step_skipped");
    assert_eq!(stream.ids().await, [3]);
}

#[tokio::test]
async fn a_revoked_token_ends_the_stream() {
    let platform = Platform::start().await;
    let execution = platform.execution(1, false);
    let session = SessionId::generate();
    let principal = Principal {
        session_id: Some(session),
        ..testkit::principal(platform.tenant, Role::Viewer)
    };
    let token = testkit::token(&principal);
    let mut stream = platform
        .visit("GET", &path(execution))
        .token(&token)
        .open()
        .await;
    assert_eq!(read(&mut stream, 1).await, [1]);
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_millis();
    let revocations = platform.bus.kv(Bucket::Revocations).await.unwrap();
    let key = revocation::of_session(session);
    revocations
        .put(&key, (now + 1000).to_string().into())
        .await
        .unwrap();
    let last = tokio::time::timeout(Duration::from_secs(5), stream.event()).await;
    let last = last.expect("within five seconds").expect("a reason");
    assert_eq!(
        (&*last.event, &last.data["code"]),
        ("problem", &"unauthenticated".into())
    );
    assert_eq!(stream.event().await, None);
}

#[tokio::test]
async fn a_crowd_reads_the_history_in_turns() {
    const CROWD: usize = 150;
    const IN_TURN: usize = 64;
    let platform = Platform::start().await;
    let execution = platform.execution(3, true);
    let held = platform.history.hold().await;
    let crowd = async {
        let streams = (0..CROWD).map(|_| async {
            let mut stream = platform.ask("GET", &path(execution)).open().await;
            stream.ids().await
        });
        futures::future::join_all(streams).await
    };
    let watch = async {
        testkit::eventually(Duration::from_secs(10), async || {
            (platform.history.held() == IN_TURN).then_some(())
        })
        .await;
        drop(held);
    };
    let (seen, ()) = tokio::join!(crowd, watch);
    assert!(seen.iter().all(|ids| ids == &[1, 2, 3]), "{seen:?}");
    assert_eq!(platform.history.most_held(), IN_TURN);
}

#[tokio::test]
async fn only_so_many_streams_are_open() {
    let config = gateway::Config {
        max_streams: 1,
        ..gateway::Config::loopback()
    };
    let platform = Platform::configured(config).await;
    let execution = platform.execution(1, false);
    let first = platform
        .ask("GET", &path(execution))
        .keep_alive()
        .open()
        .await;
    assert_eq!(first.status, 200);
    let second = platform.ask("GET", &path(execution)).send().await;
    second.assert_problem(503, "unavailable");
    drop(first);
    // The place is free once the gateway has noticed.
    testkit::eventually(Duration::from_secs(30), async || {
        let third = platform.ask("GET", &path(execution)).open().await;
        (third.status == 200).then_some(())
    })
    .await;
}
