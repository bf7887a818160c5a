//! More questions than answers.

use contracts::{
    chat::{Concurrency, MessageState, StopAnswer},
    execution::ExecutionState,
};
use serde_json::json;

use crate::{Fixture, question, reason};

#[tokio::test]
async fn answers_are_made_one_after_the_other() {
    let fixture = Fixture::start().await;
    let user = fixture.user().await;
    let session = fixture.session(&user, Concurrency::Enqueue).await;
    let mut turns = vec![fixture.send(&user, session.id, "q0").await];
    for n in 1..4 {
        let turn = fixture.send(&user, session.id, &format!("q{n}")).await;
        assert_eq!(turn.answer.state, MessageState::Queued);
        turns.push(turn);
    }
    for (n, turn) in turns.iter().enumerate() {
        fixture
            .in_state(&user, session.id, turn.answer.id, MessageState::Running)
            .await;
        let run = turn.answer.execution_id.unwrap();
        fixture.world.begun(run).await;
        assert_eq!(fixture.world.turns().len(), n + 1);
        let output = json!(format!("a{n}"));
        fixture.world.finish(user.tenant, run, output).await;
    }
    let last = turns.last().unwrap();
    fixture
        .in_state(&user, session.id, last.answer.id, MessageState::Done)
        .await;
    let shown = fixture.shown(&user, session.id).await;
    assert_eq!(shown, ["q0", "a0", "q1", "a1", "q2", "a2", "q3", "a3"]);
    let told = fixture.world.turns().pop().unwrap().messages;
    assert_eq!(told.len(), 6);
}

#[tokio::test]
async fn so_many_may_wait() {
    let fixture = Fixture::start().await;
    let user = fixture.user().await;
    let session = fixture.session(&user, Concurrency::Enqueue).await;
    for n in 0..17 {
        fixture.send(&user, session.id, &format!("q{n}")).await;
    }
    let full = fixture.ask(&user, &question(session.id, "q17")).await;
    assert_eq!(reason(&full.unwrap_err()), (429, "queue_full"));

    let stop = StopAnswer {
        session_id: session.id,
    };
    let stopped = fixture.ask(&user, &stop).await.unwrap();
    assert_eq!(fixture.world.turns().len(), 1);
    let run = fixture.world.turns()[0].execution_id;
    assert_eq!(fixture.world.state(run), ExecutionState::Cancelled);
    let head = stopped.head.unwrap();
    let last = fixture.message(&user, session.id, head).await;
    assert_eq!(last.state, MessageState::Stopped);
    // It never had a run.
    assert_eq!((last.execution_id, &*last.content), (None, ""));
    // Nothing runs, so stopping changes nothing, and the next begins at once.
    fixture.ask(&user, &stop).await.unwrap();
    let next = fixture.send(&user, session.id, "next").await;
    assert_eq!(next.answer.state, MessageState::Running);
}

#[tokio::test]
async fn a_question_may_be_refused_while_an_answer_is_made() {
    let fixture = Fixture::start().await;
    let user = fixture.user().await;
    let session = fixture.session(&user, Concurrency::Reject).await;
    let turn = fixture.send(&user, session.id, "first").await;
    let refused = fixture.ask(&user, &question(session.id, "second")).await;
    assert_eq!(reason(&refused.unwrap_err()), (409, "answering"));
    let run = turn.answer.execution_id.unwrap();
    fixture.world.finish(user.tenant, run, json!("one")).await;
    fixture
        .in_state(&user, session.id, turn.answer.id, MessageState::Done)
        .await;
    fixture.send(&user, session.id, "second").await;
    let shown = fixture.shown(&user, session.id).await;
    assert_eq!(shown, ["first", "one", "second", ""]);
}

#[tokio::test]
async fn a_question_may_interrupt() {
    let fixture = Fixture::start().await;
    let user = fixture.user().await;
    let session = fixture.session(&user, Concurrency::Interrupt).await;
    let first = fixture.send(&user, session.id, "first").await;
    let run = first.answer.execution_id.unwrap();
    fixture.world.begun(run).await;
    fixture.world.says(run, "llm:0", "half of it");
    let second = fixture.send(&user, session.id, "second").await;
    assert_eq!(fixture.world.state(run), ExecutionState::Cancelled);
    let stopped = fixture.message(&user, session.id, first.answer.id).await;
    assert_eq!(stopped.state, MessageState::Stopped);
    assert_eq!(stopped.content, "half of it");
    assert_eq!(stopped.execution_id, Some(run));
    assert_eq!(second.answer.state, MessageState::Running);
    let told = fixture.world.turns().pop().unwrap().messages;
    let told: Vec<_> = told.into_iter().map(|message| message.content).collect();
    assert_eq!(told, [json!("first"), json!("half of it")]);
}

#[tokio::test]
async fn questions_at_the_same_time_make_one_run() {
    let fixture = Fixture::start().await;
    let user = fixture.user().await;
    let session = fixture.session(&user, Concurrency::Enqueue).await;
    let sends = (0..8).map(|n| {
        let request = question(session.id, &format!("q{n}"));
        let (fixture, user) = (&fixture, &user);
        async move { fixture.ask(user, &request).await.unwrap() }
    });
    let turns = futures::future::join_all(sends).await;
    assert_eq!(fixture.world.turns().len(), 1);
    let running = turns
        .iter()
        .filter(|turn| turn.answer.state == MessageState::Running)
        .count();
    assert_eq!(running, 1);
    // Each follows another: the branch is one line.
    assert_eq!(fixture.shown(&user, session.id).await.len(), 16);
}
