//! A question, its run, its answer.

use contracts::{
    ErrorCode, Problem,
    chat::{Concurrency, MessageState, SendMessage},
    execution::StepError,
    flow::TurnTarget,
    id::{FlowId, ToolId},
    live::{ExecutionEvent, StepCall},
};
use serde_json::{Value, json};

use crate::{Fixture, question, reason};

#[tokio::test]
async fn a_question_is_answered_by_a_run() {
    let fixture = Fixture::start().await;
    let user = fixture.user().await;
    let session = fixture.session(&user, Concurrency::Enqueue).await;
    let turn = fixture.send(&user, session.id, "Hello").await;
    assert_eq!(turn.question.content, "Hello");
    assert_eq!(turn.answer.parent_id, Some(turn.question.id));
    assert_eq!(turn.answer.state, MessageState::Running);
    let run = turn.answer.execution_id.unwrap();
    let asked = fixture.world.turns().pop().unwrap();
    assert_eq!((asked.execution_id, &*asked.message), (run, "Hello"));
    assert_eq!(asked.principal, user);
    assert_eq!(asked.session_id, session.id);
    let flow_id = FlowId::EXAMPLE;
    assert_eq!(asked.target, TurnTarget::Flow { flow_id });
    assert!(asked.messages.is_empty() && asked.attachments.is_empty());

    let call = StepCall::Tool {
        agent: "agent".into(),
        tool_id: ToolId::EXAMPLE,
        name: "look".into(),
        arguments: json!({"q": 1}),
    };
    fixture.world.begun(run).await;
    fixture.world.happens(run, started("agent/tool:0.0", call));
    fixture
        .world
        .happens(run, succeeded("agent/tool:0.0", json!({"found": 2})));
    let output = json!({"text": "Good day"});
    fixture.world.finish(user.tenant, run, output).await;
    let answer = fixture
        .in_state(&user, session.id, turn.answer.id, MessageState::Done)
        .await;
    assert_eq!(answer.content, "Good day");
    assert!(answer.finished_at.is_some() && answer.usage.is_some());
    let [call] = &answer.tool_calls[..] else {
        panic!("{:?}", answer.tool_calls)
    };
    assert_eq!((&*call.name, &call.arguments), ("look", &json!({"q": 1})));
    assert_eq!(call.result, Some(json!({"found": 2})));

    // The next one knows what was said.
    fixture.send(&user, session.id, "And now?").await;
    let asked = fixture.world.turns().pop().unwrap();
    let said: Vec<_> = asked
        .messages
        .iter()
        .map(|message| (message.role.as_str(), message.content.clone()))
        .collect();
    let expected = [("user", json!("Hello")), ("assistant", json!("Good day"))];
    assert_eq!(said, expected);
}

#[tokio::test]
async fn an_end_that_is_told_twice_counts_once() {
    let fixture = Fixture::start().await;
    let user = fixture.user().await;
    let session = fixture.session(&user, Concurrency::Enqueue).await;
    let turn = fixture.send(&user, session.id, "Hello").await;
    let waiting = fixture.send(&user, session.id, "next").await;
    let run = turn.answer.execution_id.unwrap();
    fixture.world.finish(user.tenant, run, json!("one")).await;
    let done = fixture
        .in_state(&user, session.id, turn.answer.id, MessageState::Done)
        .await;
    // A later delivery finds the answer as it is, even if the run had changed.
    fixture.world.begun(run).await;
    fixture.world.end(run, json!("another"));
    fixture.world.tell(user.tenant, run).await;
    let next = waiting.answer.execution_id.unwrap();
    fixture.world.begun(next).await;
    fixture.world.finish(user.tenant, next, json!("two")).await;
    fixture
        .in_state(&user, session.id, waiting.answer.id, MessageState::Done)
        .await;
    let again = fixture.message(&user, session.id, turn.answer.id).await;
    assert_eq!(again, done);
    let starts = fixture.world.turns();
    assert_eq!(starts.len(), 2, "{starts:?}");
}

#[tokio::test]
async fn whoever_reads_need_not_wait_for_the_announcement() {
    let fixture = Fixture::start().await;
    let user = fixture.user().await;
    let session = fixture.session(&user, Concurrency::Enqueue).await;
    let turn = fixture.send(&user, session.id, "Hello").await;
    let next = fixture.send(&user, session.id, "next").await;
    let run = turn.answer.execution_id.unwrap();
    fixture.world.begun(run).await;
    fixture.world.end(run, json!("one"));
    let answer = fixture.message(&user, session.id, turn.answer.id).await;
    assert_eq!(
        (answer.state, &*answer.content),
        (MessageState::Done, "one")
    );
    // The turn of the next has begun with it.
    let waiting = fixture.message(&user, session.id, next.answer.id).await;
    assert_eq!(waiting.state, MessageState::Running);
    fixture
        .world
        .end(next.answer.execution_id.unwrap(), json!("two"));
    let shown = fixture.shown(&user, session.id).await;
    assert_eq!(shown, ["Hello", "one", "next", "two"]);
}

#[tokio::test]
async fn a_key_asks_once() {
    let fixture = Fixture::start().await;
    let user = fixture.user().await;
    let session = fixture.session(&user, Concurrency::Enqueue).await;
    let request = SendMessage {
        idempotency_key: Some("k1".into()),
        ..question(session.id, "Hello")
    };
    let first = fixture.ask(&user, &request).await.unwrap();
    let again = fixture.ask(&user, &request).await.unwrap();
    assert_eq!(first.question, again.question);
    assert_eq!(first.answer.id, again.answer.id);
    fixture
        .world
        .begun(first.answer.execution_id.unwrap())
        .await;
    assert_eq!(fixture.world.turns().len(), 1);
    let other = SendMessage {
        content: "Bye".into(),
        ..request
    };
    let problem = fixture.ask(&user, &other).await.unwrap_err();
    assert_eq!(reason(&problem), (422, "idempotency_key_reused"));
}

#[tokio::test]
async fn an_answer_that_cannot_be_made_fails_and_the_next_begins() {
    let fixture = Fixture::start().await;
    let user = fixture.user().await;
    let session = fixture.session(&user, Concurrency::Enqueue).await;
    let problem = Problem::new(ErrorCode::InvalidInput, "the flow is not published");
    let problem = problem.with_reason("not_published");
    fixture.world.refuse(Some(problem));
    let turn = fixture.send(&user, session.id, "Hello").await;
    let failed = fixture
        .in_state(&user, session.id, turn.answer.id, MessageState::Failed)
        .await;
    let expected = StepError::new("not_published", "the flow is not published");
    assert_eq!(failed.error, Some(expected));
    assert_eq!(failed.execution_id, None);
    fixture.world.refuse(None);
    let turn = fixture.send(&user, session.id, "Once more").await;
    assert_eq!(turn.answer.state, MessageState::Running);
    // The failed answer said nothing.
    let asked = fixture.world.turns().pop().unwrap();
    assert_eq!(asked.messages.len(), 1);
}

#[tokio::test]
async fn a_start_that_fails_for_a_moment_is_tried_again() {
    let fixture = Fixture::start().await;
    let user = fixture.user().await;
    let session = fixture.session(&user, Concurrency::Enqueue).await;
    let busy = Problem::new(ErrorCode::Unavailable, "busy");
    fixture.world.refuse(Some(busy));
    let turn = fixture.send(&user, session.id, "Hello").await;
    assert_eq!(turn.answer.state, MessageState::Running);
    fixture.world.refuse(None);
    let run = turn.answer.execution_id.unwrap();
    fixture.world.begun(run).await;
    let turns = fixture.world.turns();
    assert!(turns.iter().all(|turn| turn.execution_id == run));
}

#[tokio::test]
async fn a_large_answer_is_read_from_where_it_stands() {
    let fixture = Fixture::start().await;
    let user = fixture.user().await;
    let session = fixture.session(&user, Concurrency::Enqueue).await;
    let turn = fixture.send(&user, session.id, "Hello").await;
    let run = turn.answer.execution_id.unwrap();
    let call = StepCall::Tool {
        agent: "agent".into(),
        tool_id: ToolId::EXAMPLE,
        name: "look".into(),
        arguments: json!({"q": 1}),
    };
    let world = &fixture.world;
    world.begun(run).await;
    world.happens(run, started("agent/tool:0.0", call));
    let found = world.apart(&json!("f".repeat(70_000)));
    world.happens(run, succeeded("agent/tool:0.0", found));
    // More than one piece, and more than is kept.
    let text = "é".repeat(700_000);
    let output = world.apart(&json!({"text": text}));
    world.finish(user.tenant, run, output).await;
    let answer = fixture
        .in_state(&user, session.id, turn.answer.id, MessageState::Done)
        .await;
    assert!(answer.content.len() > 1_000_000 && answer.content.starts_with("éé"));
    let result = answer.tool_calls[0].result.clone().unwrap();
    let result = result.as_str().unwrap();
    assert!(result.contains("ffff") && result.len() > 10_000, "{result}");
}

fn started(node: &str, call: StepCall) -> ExecutionEvent {
    ExecutionEvent::StepStarted {
        node: node.into(),
        attempt: 1,
        key: "k".into(),
        call: Some(call),
    }
}

fn succeeded(node: &str, output: Value) -> ExecutionEvent {
    ExecutionEvent::StepSucceeded {
        node: node.into(),
        attempt: 1,
        output,
        port: "out".into(),
        usage: None,
        duration_ms: 1,
        cached: false,
    }
}
