//! The WebSocket in front of the whole platform: tickets, a socket that is cut, walls, sessions that end.

use std::{path::Path, process::Command, time::Duration};

use e2e::{Client, Platform};
use reqwest::Method;
use serde_json::{Value, json};
use testkit::{FakeLlm, NotUpgraded, WebSocket, fake_llm::Answer};

use crate::{
    agents::{agent, made, provider},
    conversations::texts,
};

async fn ticket(user: &Client) -> String {
    let made = user.post("/api/v1/auth/ws-ticket", &json!({})).await;
    assert_eq!(made.status, 201, "{made:?}");
    made.body["ticket"].as_str().unwrap().to_owned()
}

async fn enter(platform: &Platform, ticket: &str) -> Result<WebSocket, NotUpgraded> {
    let url = platform.url();
    let address = url.trim_start_matches("http://");
    let path = format!("/api/v1/ws?ticket={ticket}");
    WebSocket::open(address, &path, &[]).await
}

async fn open(platform: &Platform, user: &Client) -> WebSocket {
    let socket = enter(platform, &ticket(user).await).await;
    socket.unwrap_or_else(|refused| panic!("{refused:?}"))
}

/// The next event of the subscription; none when it has ended.
async fn event(socket: &mut WebSocket) -> Option<(String, Value)> {
    let frame = socket.frame().await;
    if frame["end"] == true {
        return None;
    }
    let event = &frame["event"];
    let kind = event["type"].as_str().unwrap_or_else(|| panic!("{frame}"));
    Some((kind.to_owned(), event.clone()))
}

#[tokio::test]
async fn an_answer_goes_on_over_a_new_socket_where_the_old_one_was_cut() {
    let vendor = FakeLlm::start().await;
    let platform = Platform::allowing(&[vendor.address()]).await;
    let user = platform.user("ada").await;
    provider(&user, &vendor).await;
    let clerk = agent(&user, "clerk", &[], json!({})).await;
    let session = made(&user, "/api/v1/chat/sessions", json!({ "agent_id": clerk })).await;
    let words: String = (0..150).map(|n| format!("word{n} ")).collect();
    vendor.script(Answer::text(words.trim_end()).slow(Duration::ZERO, Duration::from_millis(20)));
    let messages = format!("/api/v1/chat/sessions/{session}/messages");
    let content = json!({"content": "Tell me everything."}).to_string();
    let headers = [("prefer", "respond-async")];
    let sent = user.send(Method::POST, &messages, Some(content), &headers);
    let turn = sent.await.unwrap();
    assert_eq!(turn.status, 202, "{turn:?}");
    let message = turn.body["answer"]["id"].as_str().unwrap().to_owned();

    let mut socket = open(&platform, &user).await;
    let to = json!({"chat_session": session});
    socket.send(&json!({"id": "a", "subscribe": to})).await;
    let mut heard = Vec::new();
    while heard.len() < 10 {
        heard.push(event(&mut socket).await.expect("the answer goes on"));
    }
    drop(socket);
    assert!(heard.iter().all(|(kind, _)| kind == "token"), "{heard:?}");
    let after = heard
        .iter()
        .filter_map(|(_, data)| data["n"].as_u64())
        .max();

    let mut socket = open(&platform, &user).await;
    let to = json!({"chat_session": session, "message": message, "after": after});
    socket.send(&json!({"id": "b", "subscribe": to})).await;
    while let Some(next) = event(&mut socket).await {
        heard.push(next);
    }
    let (last, done) = heard.last().unwrap();
    assert_eq!(last, "done");
    let stored = user.read(&format!("{messages}/{message}")).await.body;
    assert_eq!(stored["content"], json!(words.trim_end()));
    assert_eq!(done["message"]["content"], stored["content"]);
    assert_eq!(json!(texts(&heard)), stored["content"]);

    // The execution behind it says the same over the socket as over REST.
    let execution = stored["execution_id"].as_str().unwrap();
    let to = json!({ "execution": execution });
    socket.send(&json!({"id": "b", "subscribe": to})).await;
    let mut events = Vec::new();
    while let Some((_, next)) = event(&mut socket).await {
        events.push(next);
    }
    assert_eq!(events, user.events(execution).await);

    let stranger = platform.user("eve").await;
    let mut socket = open(&platform, &stranger).await;
    for to in [
        json!({ "execution": execution }),
        json!({ "chat_session": session }),
    ] {
        socket.send(&json!({"id": "c", "subscribe": to})).await;
        let refused = socket.frame().await;
        assert_eq!(refused["problem"]["code"], "not_found", "{refused}");
    }
}

#[tokio::test]
async fn a_ticket_is_used_once_and_a_session_that_ends_closes_its_sockets() {
    let platform = Platform::start().await;
    let user = platform.user("ada").await;
    for _ in 0..5 {
        let ticket = ticket(&user).await;
        let uses = (0..4).map(|_| enter(&platform, &ticket));
        let uses = futures::future::join_all(uses).await;
        assert_eq!(uses.iter().filter(|used| used.is_ok()).count(), 1);
        for refused in uses.into_iter().filter_map(Result::err) {
            assert_eq!(
                (refused.status, &refused.body["reason"]),
                (401, &json!("ticket_refused"))
            );
        }
    }
    let login = json!({"email": "ada@example.com", "password": "correct horse battery"});
    let session = user.post("/api/v1/auth/login", &login).await.body;
    let second = user.with_token(session["access_token"].as_str().unwrap());
    let (mut first, mut ended) = (open(&platform, &user).await, open(&platform, &second).await);
    let logout = json!({"refresh_token": session["refresh_token"]});
    assert_eq!(user.post("/api/v1/auth/logout", &logout).await.status, 204);
    let code = tokio::time::timeout(Duration::from_secs(5), ended.closed()).await;
    assert_eq!(code.expect("within five seconds"), Some(4401));
    // The other session goes on.
    first.send(&json!({"ping": true})).await;
    assert_eq!(first.frame().await["pong"], true);
}

#[tokio::test]
async fn the_example_sends_a_message_and_follows_the_answer() {
    let vendor = FakeLlm::start().await;
    let platform = Platform::allowing(&[vendor.address()]).await;
    let user = platform.user("ada").await;
    provider(&user, &vendor).await;
    let clerk = agent(&user, "clerk", &[], json!({})).await;
    let session = made(&user, "/api/v1/chat/sessions", json!({ "agent_id": clerk })).await;
    vendor.script(Answer::text("It is three.").slow(Duration::ZERO, Duration::from_millis(50)));
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/examples/follow.mjs");
    let mut node = Command::new("node");
    // Before Node 22 the client of WebSocket was behind this flag.
    node.arg("--experimental-websocket").arg(script);
    node.args([&*session, "What is 1 + 2?"]);
    node.env("URL", platform.url());
    node.env("TOKEN", user.token.clone().unwrap());
    let told = tokio::task::spawn_blocking(move || node.output()).await;
    let told = told.unwrap().expect("Node runs");
    let text = String::from_utf8_lossy(&told.stdout).into_owned();
    let errors = String::from_utf8_lossy(&told.stderr);
    assert!(told.status.success(), "{text}\n{errors}");
    let last = text.lines().last().unwrap_or_default();
    assert!(last.ends_with("done: It is three."), "{text}\n{errors}");
}
