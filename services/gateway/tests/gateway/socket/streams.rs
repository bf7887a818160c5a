//! What is streamed, and what is refused.

use contracts::{
    Role, Subject,
    chat::MessageState,
    id::{ChatId, ExecutionId, MessageId, TenantId},
    live::TokenDelta,
    subject::step_token,
};
use gateway::Config;
use serde_json::{Value, json};
use testkit::WebSocket;

use super::{auth, follow, numbers, open, open_for, start};
use crate::{chat, platform::frame};

#[tokio::test]
async fn an_execution_is_followed_and_resumed_without_gap_or_duplicate() {
    let (platform, _auth) = start(Config::loopback()).await;
    let execution = platform.execution(3, false);
    let mut socket = open(&platform).await;
    socket.send(&follow("1", execution, 0)).await;
    let first = socket.frame().await;
    assert_eq!(first, json!({"id": "1", "event": frame(1, false)}));
    assert_eq!(numbers(&mut socket, "1", 2).await, [2, 3]);
    platform.history.grow(platform.tenant, execution, 4, false);
    for n in [3, 4, 4, 2] {
        platform.publish(execution, &frame(n, false)).await;
    }
    assert_eq!(numbers(&mut socket, "1", 1).await, [4]);
    drop(socket);
    platform.history.grow(platform.tenant, execution, 7, true);
    let mut socket = open(&platform).await;
    socket.send(&follow("again", execution, 4)).await;
    assert_eq!(numbers(&mut socket, "again", 3).await, [5, 6, 7]);
    let end = json!({"id": "again", "end": true});
    assert_eq!(socket.frame().await, end);
    // The id is free again; there is nothing after the terminal event.
    socket.send(&follow("again", execution, 7)).await;
    assert_eq!(socket.frame().await, end);
    socket.send(&follow("again", execution, 8)).await;
    let ahead = socket.frame().await;
    assert_eq!(ahead["problem"]["reason"], "event_unknown", "{ahead}");
}

#[tokio::test]
async fn a_socket_carries_many_subscriptions_and_drops_one() {
    let (platform, _auth) = start(Config::loopback()).await;
    let (a, b) = (platform.execution(1, false), platform.execution(1, false));
    let mut socket = open(&platform).await;
    for (id, execution) in [("a", a), ("b", b)] {
        socket.send(&follow(id, execution, 0)).await;
        assert_eq!(numbers(&mut socket, id, 1).await, [1]);
    }
    platform.publish(b, &frame(2, false)).await;
    assert_eq!(numbers(&mut socket, "b", 1).await, [2]);
    for _ in 0..2 {
        socket.send(&json!({"id": "a", "unsubscribe": true})).await;
        assert_eq!(socket.frame().await, json!({"id": "a", "end": true}));
    }
    platform.publish(a, &frame(2, true)).await;
    platform.publish(b, &frame(3, true)).await;
    assert_eq!(numbers(&mut socket, "b", 1).await, [3]);
    assert_eq!(socket.frame().await, json!({"id": "b", "end": true}));
    socket.send(&json!({"ping": true})).await;
    assert_eq!(socket.frame().await, json!({"pong": true}));
}

#[tokio::test]
async fn another_organizations_objects_do_not_exist() {
    let (platform, _auth) = start(Config::loopback()).await;
    let execution = platform.execution(1, true);
    let stranger = testkit::principal(TenantId::generate(), Role::Owner);
    let mut socket = open_for(&platform, &testkit::token(&stranger)).await;
    socket.send(&follow("1", execution, 0)).await;
    let refused = socket.frame().await;
    assert_eq!(
        (&refused["id"], &refused["problem"]["code"]),
        (&json!("1"), &json!("not_found"))
    );
    assert_eq!(refused["problem"]["type"], "urn:troupe:problem:not_found");
    // The socket goes on after a problem.
    socket.send(&json!({"ping": true})).await;
    assert_eq!(socket.frame().await, json!({"pong": true}));
}

async fn refused(socket: &mut WebSocket, frame: &Value) -> (Value, Value) {
    socket.send(frame).await;
    let answer = socket.frame().await;
    let problem = &answer["problem"];
    assert!(problem["detail"].is_string(), "{answer}");
    (answer["id"].clone(), problem.clone())
}

#[tokio::test]
async fn subscriptions_have_a_limit_and_ids_of_their_own() {
    let (platform, _auth) = start(Config::loopback()).await;
    let execution = platform.execution(1, false);
    let mut socket = open(&platform).await;
    for n in 0..64 {
        let id = n.to_string();
        socket.send(&follow(&id, execution, 0)).await;
        assert_eq!(numbers(&mut socket, &id, 1).await, [1]);
    }
    let (id, problem) = refused(&mut socket, &follow("64", execution, 0)).await;
    assert_eq!(
        (id, &problem["reason"]),
        (json!("64"), &json!("too_many_subscriptions"))
    );
    socket.send(&json!({"id": "0", "unsubscribe": true})).await;
    assert_eq!(socket.frame().await["end"], true);
    socket.send(&follow("64", execution, 0)).await;
    assert_eq!(numbers(&mut socket, "64", 1).await, [1]);
    // Without an id, for what has the id goes on.
    let (id, problem) = refused(&mut socket, &follow("7", execution, 0)).await;
    assert_eq!((id, &problem["reason"]), (Value::Null, &json!("id_taken")));
}

#[tokio::test]
async fn bad_frames_are_answered_with_what_is_wrong() {
    let (platform, _auth) = start(Config::loopback()).await;
    let mut socket = open(&platform).await;
    let unknown = json!({"id": "1", "subscribe": {"execution": ExecutionId::EXAMPLE, "since": 1}});
    let (id, problem) = refused(&mut socket, &unknown).await;
    assert_eq!((id, &problem["status"]), (json!("1"), &json!(400)));
    assert!(
        problem["detail"].to_string().contains("`since`"),
        "{problem}"
    );
    for frame in [
        json!({}),
        json!("x"),
        json!({"id": "1"}),
        json!({"ping": 1}),
    ] {
        let (_, problem) = refused(&mut socket, &frame).await;
        assert_eq!(problem["code"], "invalid_input", "{frame}");
    }
    socket.send_text("{\"id\": \"1\", ".into()).await;
    let answer = socket.frame().await;
    assert!(answer["id"].is_null() && answer["problem"]["status"] == 400);
}

#[tokio::test]
async fn every_frame_counts_as_a_request_of_the_organization() {
    let config = Config {
        rate_per_tenant: std::num::NonZeroU32::MIN,
        ..Config::loopback()
    };
    let (platform, _auth) = start(config).await;
    let mut socket = open(&platform).await;
    let mut limited = None;
    for _ in 0..10 {
        let frame = follow("1", ExecutionId::generate(), 0);
        let (id, problem) = refused(&mut socket, &frame).await;
        assert_eq!(id, "1");
        if problem["code"] == "rate_limited" {
            limited = Some(problem);
            break;
        }
    }
    let limited = limited.expect("ten frames are more than two and one per second");
    assert!(limited["retry_after_ms"].as_u64() > Some(0));
}

async fn text_of(socket: &mut WebSocket) -> Vec<Value> {
    let mut events = Vec::new();
    loop {
        let frame = socket.frame().await;
        if frame["end"] == true {
            return events;
        }
        assert!(frame["event"].is_object(), "{frame}");
        events.push(frame["event"].clone());
    }
}

#[tokio::test]
async fn an_answer_is_streamed_cut_and_resumed() {
    let execution = ExecutionId::generate();
    let (platform, answer, _chat) = chat::start(MessageState::Running, Some(execution)).await;
    let _auth = auth(&platform).await;
    let history = [
        chat::started(1, "agent/tool:0.0", chat::calls_tool()),
        chat::succeeded(2, "agent/tool:0.0", json!(3)),
        chat::started(3, "agent/llm:1", chat::asks()),
    ];
    platform.history.put(platform.tenant, execution, history);
    let subscribe = |more: Value| {
        let mut to = json!({"chat_session": ChatId::EXAMPLE});
        to.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        json!({"id": "c", "subscribe": to})
    };
    let mut socket = open(&platform).await;
    socket.send(&subscribe(json!({}))).await;
    for kind in ["tool_call", "tool_result"] {
        assert_eq!(socket.frame().await["event"]["type"], kind);
    }
    let delta = TokenDelta {
        node: "agent/llm:1".into(),
        attempt: 1,
        n: 1,
        text: "Hel".into(),
    };
    let subject = Subject::tokens(platform.tenant, execution, &step_token(&delta.node));
    platform.bus.publish(&subject, &delta).await.unwrap();
    let token = socket.frame().await["event"].clone();
    assert_eq!((&token["n"], &token["text"]), (&json!(3), &json!("Hel")));
    drop(socket);
    let said = json!({"role": "assistant", "content": "Hello"});
    let rest = [chat::succeeded(4, "agent/llm:1", said), chat::over(5)];
    platform.history.put(platform.tenant, execution, rest);
    answer.set(|message| message.state = MessageState::Done);
    let mut socket = open(&platform).await;
    let more = json!({"message": MessageId::EXAMPLE, "after": 3});
    socket.send(&subscribe(more)).await;
    let events = text_of(&mut socket).await;
    let told: Vec<_> = events
        .iter()
        .map(|event| {
            (
                event["type"].as_str().unwrap(),
                event["n"].as_u64().unwrap(),
            )
        })
        .collect();
    assert_eq!(told, [("token", 4), ("done", 5)]);
    assert_eq!(
        (&events[0]["anew"], &events[0]["text"]),
        (&json!(true), &json!("Hello"))
    );
    assert_eq!(events[1]["message"]["content"], "Hello");
    let unknown = subscribe(json!({"message": MessageId::generate()}));
    let (_, problem) = refused(&mut socket, &unknown).await;
    assert_eq!(problem["code"], "not_found");
}
