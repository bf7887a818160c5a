//! The tree: other questions, other answers, and which branch is shown.

use contracts::{
    Principal,
    chat::{Concurrency, ListMessages, MessageState, Regenerate, SendMessage, Turn, UpdateSession},
    id::ChatId,
    page::Paging,
};
use serde_json::json;

use crate::{Fixture, question};

async fn answered(fixture: &Fixture, who: &Principal, turn: &Turn, session: ChatId, text: &str) {
    let run = turn.answer.execution_id.unwrap();
    fixture.world.begun(run).await;
    fixture.world.begun(run).await;
    fixture.world.end(run, json!(text));
    let (id, done) = (turn.answer.id, MessageState::Done);
    fixture.in_state(who, session, id, done).await;
}

#[tokio::test]
async fn another_question_is_a_branch_of_its_own() {
    let fixture = Fixture::start().await;
    let user = fixture.user().await;
    let session = fixture.session(&user, Concurrency::Enqueue).await.id;
    let first = fixture.send(&user, session, "q1").await;
    answered(&fixture, &user, &first, session, "a1").await;
    let second = fixture.send(&user, session, "q2").await;
    answered(&fixture, &user, &second, session, "a2").await;

    let request = SendMessage {
        replaces: Some(second.question.id),
        ..question(session, "q2 again")
    };
    let other = fixture.ask(&user, &request).await.unwrap();
    answered(&fixture, &user, &other, session, "a2 again").await;
    assert_eq!(other.question.parent_id, Some(first.answer.id));
    let versions = [second.question.id, other.question.id];
    assert_eq!(other.question.siblings, versions);
    let told = fixture.world.turns().pop().unwrap().messages;
    assert_eq!(told.len(), 2);
    let shown = fixture.shown(&user, session).await;
    assert_eq!(shown, ["q1", "a1", "q2 again", "a2 again"]);

    // The first question may be replaced too.
    let request = SendMessage {
        replaces: Some(first.question.id),
        ..question(session, "q1 again")
    };
    let root = fixture.ask(&user, &request).await.unwrap();
    assert_eq!(root.question.parent_id, None);
    assert_eq!(
        root.question.siblings,
        [first.question.id, root.question.id]
    );
    assert_eq!(fixture.shown(&user, session).await, ["q1 again", ""]);

    // Showing a message shows the newest branch through it.
    let show = UpdateSession {
        session_id: session,
        title: None,
        concurrency: None,
        head: Some(first.question.id),
    };
    let shown = fixture.ask(&user, &show).await.unwrap();
    assert_eq!(shown.head, Some(other.answer.id));
    let show = UpdateSession {
        head: Some(second.question.id),
        ..show
    };
    fixture.ask(&user, &show).await.unwrap();
    let shown = fixture.shown(&user, session).await;
    assert_eq!(shown, ["q1", "a1", "q2", "a2"]);

    let request = SendMessage {
        replaces: Some(second.answer.id),
        ..question(session, "x")
    };
    let problem = fixture.ask(&user, &request).await.unwrap_err();
    assert_eq!(problem.errors[0].path, "/replaces");
}

#[tokio::test]
async fn another_answer_is_a_version_of_the_first() {
    let fixture = Fixture::start().await;
    let user = fixture.user().await;
    let session = fixture.session(&user, Concurrency::Enqueue).await.id;
    let regenerate = |message_id| Regenerate {
        session_id: session,
        message_id,
    };
    let nothing = fixture.ask(&user, &regenerate(None)).await.unwrap_err();
    assert_eq!(nothing.errors[0].path, "/message_id");
    let first = fixture.send(&user, session, "q1").await;
    answered(&fixture, &user, &first, session, "a1").await;
    let again = fixture.ask(&user, &regenerate(None)).await.unwrap();
    assert_eq!(again.question.id, first.question.id);
    let versions = [first.answer.id, again.answer.id];
    assert_eq!(again.answer.siblings, versions);
    answered(&fixture, &user, &again, session, "a1 again").await;
    assert_eq!(fixture.shown(&user, session).await, ["q1", "a1 again"]);
    // The question alone was asked: no answer is told of itself.
    let asked = fixture.world.turns().pop().unwrap();
    assert_eq!((&*asked.message, asked.messages.len()), ("q1", 0));
    let question = regenerate(Some(first.question.id));
    let problem = fixture.ask(&user, &question).await.unwrap_err();
    assert_eq!(problem.errors[0].path, "/message_id");
}

#[tokio::test]
async fn a_branch_comes_in_pages() {
    let fixture = Fixture::start().await;
    let user = fixture.user().await;
    let session = fixture.session(&user, Concurrency::Enqueue).await.id;
    for n in 0..4 {
        let turn = fixture.send(&user, session, &format!("q{n}")).await;
        let big = format!("a{n}{}", "x".repeat(900 * 1024));
        answered(&fixture, &user, &turn, session, &big).await;
    }
    let mut cursor = None;
    let mut seen = Vec::new();
    let mut pages = 0;
    loop {
        let request = ListMessages {
            session_id: session,
            head: None,
            paging: Paging {
                cursor,
                limit: Some(if pages == 0 { 3 } else { 200 }),
            },
        };
        let page = fixture.ask(&user, &request).await.unwrap();
        pages += 1;
        let starts = page.items.iter().map(|message| &message.content[..2]);
        seen.extend(starts.map(str::to_owned));
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(seen, ["q0", "a0", "q1", "a1", "q2", "a2", "q3", "a3"]);
    assert_eq!(pages, 2);
}
