//! When the gateway closes a socket, and how it says so.

use std::{
    num::NonZeroU32,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use bus::Bucket;
use contracts::{Principal, Role, id::SessionId, live::ExecutionEvent, principal::revocation};
use gateway::Config;
use testkit::{Heard, WebSocket};
use tokio::{net::TcpSocket, time::timeout};

use super::{follow, numbers, open, open_for, start, ticket_for};
use crate::platform::frame;

/// Revoked and expired tokens end a socket within this time.
const SOON: Duration = Duration::from_secs(5);

#[tokio::test]
async fn a_revoked_token_closes_the_socket() {
    let (platform, _auth) = start(Config::loopback()).await;
    let session = SessionId::generate();
    let principal = Principal {
        session_id: Some(session),
        ..testkit::principal(platform.tenant, Role::Viewer)
    };
    let mut socket = open_for(&platform, &testkit::token(&principal)).await;
    let execution = platform.execution(1, false);
    socket.send(&follow("1", execution, 0)).await;
    assert_eq!(numbers(&mut socket, "1", 1).await, [1]);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let until = (now.as_millis() + 1000).to_string();
    let revocations = platform.bus.kv(Bucket::Revocations).await.unwrap();
    let key = revocation::of_session(session);
    revocations.put(&key, until.into()).await.unwrap();
    let code = timeout(SOON, socket.closed()).await;
    assert_eq!(code.expect("within five seconds"), Some(4401));
}

#[tokio::test]
async fn an_expired_token_closes_the_socket() {
    let (platform, _auth) = start(Config::loopback()).await;
    let principal = testkit::principal(platform.tenant, Role::Viewer);
    let token = testkit::token_of_age(&principal, Duration::from_secs(598));
    let mut socket = open_for(&platform, &token).await;
    let code = timeout(SOON, socket.closed()).await;
    assert_eq!(code.expect("within five seconds"), Some(4401));
}

#[tokio::test]
async fn a_gateway_that_drains_says_so() {
    let (mut platform, _auth) = start(Config::loopback()).await;
    let execution = platform.execution(1, false);
    let mut socket = open(&platform).await;
    socket.send(&follow("1", execution, 0)).await;
    assert_eq!(numbers(&mut socket, "1", 1).await, [1]);
    let (code, ()) = tokio::join!(socket.closed(), platform.drain());
    assert_eq!(code, Some(1001));
}

#[tokio::test]
async fn frames_of_the_wrong_kind_or_size_close_the_socket() {
    let (platform, _auth) = start(Config::loopback()).await;
    let mut socket = open(&platform).await;
    socket.send_bytes(b"{\"ping\": true}".to_vec()).await;
    assert_eq!(socket.closed().await, Some(1003));
    for (size, code) in [(16 * 1024 + 1, 1009), (64 * 1024 + 1, 1002)] {
        let mut socket = open(&platform).await;
        socket.send_text("x".repeat(size)).await;
        assert_eq!(socket.closed().await, Some(code), "{size}");
    }
    // The largest frame that is taken.
    let mut socket = open(&platform).await;
    let frame = format!("{{\"ping\": true{}}}", " ".repeat(16 * 1024 - 14));
    socket.send_text(frame).await;
    assert_eq!(socket.frame().await["pong"], true);
}

#[tokio::test]
async fn who_does_not_read_is_closed_and_frees_the_room() {
    let config = Config {
        max_streams: 64,
        ..Config::loopback()
    };
    let (platform, _auth) = start(config).await;
    let execution = platform.execution(1, false);
    let ticket = ticket_for(&platform, &platform.token).await;
    let address = platform.visit("GET", "/").address();
    let connection = TcpSocket::new_v4().unwrap();
    connection.set_recv_buffer_size(8 * 1024).unwrap();
    let connection = connection.connect(address).await.unwrap();
    let path = format!("/api/v1/ws?ticket={ticket}");
    let slow = WebSocket::over(connection, &path, &[]).await;
    let mut slow = slow.unwrap_or_else(|refused| panic!("{refused:?}"));
    for n in 0..64 {
        let id = n.to_string();
        slow.send(&follow(&id, execution, 0)).await;
        assert_eq!(numbers(&mut slow, &id, 1).await, [1]);
    }
    // More than the buffers of two sockets hold.
    let large = (2..=200).map(|n| {
        let mut frame = frame(n, false);
        if let ExecutionEvent::StepSkipped { node } = &mut frame.event {
            *node = "x".repeat(4000);
        }
        frame
    });
    platform.history.put(platform.tenant, execution, large);
    platform.publish(execution, &frame(200, false)).await;
    let mut other = open(&platform).await;
    other.send(&follow("1", execution, 1)).await;
    let full = other.frame().await;
    assert_eq!(full["problem"]["code"], "unavailable", "{full}");
    let probe = platform.execution(1, true);
    testkit::eventually(Duration::from_secs(40), async || {
        other.send(&follow("1", probe, 0)).await;
        let frame = other.frame().await;
        frame["event"].is_object().then_some(())
    })
    .await;
    assert_eq!(slow.closed().await, Some(1013));
}

#[tokio::test]
async fn a_silent_client_is_asked_whether_it_is_there() {
    let config = Config {
        socket_ping_seconds: NonZeroU32::MIN,
        ..Config::loopback()
    };
    let (platform, _auth) = start(config).await;
    let mut socket = open(&platform).await;
    let heard = timeout(Duration::from_secs(25), socket.hear()).await;
    assert_eq!(heard.expect("a ping every second"), Heard::Ping);
}
