//! A process that dies with work in its hands.

use std::sync::atomic::Ordering;

use contracts::chat::{Concurrency, MessageState};
use serde_json::json;
use testkit::eventually;

use crate::{Fixture, SOON, question};

#[tokio::test]
async fn a_stored_question_is_answered_though_its_process_died_before_the_start() {
    let mut fixture = Fixture::start().await;
    let user = fixture.user().await;
    let session = fixture.session(&user, Concurrency::Enqueue).await.id;
    // The start is asked for, and what comes of it is never known.
    fixture.world.mute.store(true, Ordering::SeqCst);
    let request = question(session, "Hello");
    // Who begins the run may be another than the one who answers: the request may be over before, or not.
    let sent = async {
        fixture.ask(&user, &request).await.ok();
        std::future::pending().await
    };
    let asked = eventually(SOON, async || fixture.world.turns().pop());
    let asked = tokio::select! {
        asked = asked => asked,
        () = sent => unreachable!("it never ends"),
    };
    fixture.crash(&user).await;
    fixture.world.mute.store(false, Ordering::SeqCst);
    fixture.revive().await;
    let again = eventually(SOON, async || fixture.world.turns().get(1).cloned()).await;
    // It is the same run with the same question, so the engine takes it once.
    assert_eq!(again, asked);
    fixture
        .world
        .finish(user.tenant, asked.execution_id, json!("Good day"))
        .await;
    eventually(SOON, async || {
        let shown = fixture.shown(&user, session).await;
        (shown == ["Hello", "Good day"]).then_some(())
    })
    .await;
}

#[tokio::test]
async fn what_ended_while_nobody_was_there_is_written_down_after() {
    let mut fixture = Fixture::start().await;
    let user = fixture.user().await;
    let session = fixture.session(&user, Concurrency::Enqueue).await.id;
    let first = fixture.send(&user, session, "q1").await;
    let second = fixture.send(&user, session, "q2").await;
    fixture.crash(&user).await;
    let run = first.answer.execution_id.unwrap();
    fixture.world.finish(user.tenant, run, json!("a1")).await;
    fixture.revive().await;
    let next = second.answer.execution_id.unwrap();
    fixture.world.begun(next).await;
    let done = fixture.message(&user, session, first.answer.id).await;
    assert_eq!((done.state, &*done.content), (MessageState::Done, "a1"));
}
