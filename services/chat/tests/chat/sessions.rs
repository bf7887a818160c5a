//! Sessions: whose they are, what they are called, and that nothing stays of a deleted one.

use contracts::{
    Request, Role,
    chat::{
        ChatSession, Concurrency, CreateSession, DeleteSession, GetMessage, GetSession,
        ListMessages, ListSessions, MessageState, Regenerate, SendMessage, StopAnswer,
        UpdateSession,
    },
    id::{FlowId, MessageId},
    page::Paging,
};
use documents::Archive;
use serde_json::json;

use crate::{Fixture, question, reason};

#[tokio::test]
async fn a_session_belongs_to_its_user() {
    let fixture = Fixture::start().await;
    let owner = fixture.user().await;
    let session = fixture.session(&owner, Concurrency::Enqueue).await;
    let turn = fixture.send(&owner, session.id, "Hello").await;

    let mut colleague = testkit::principal(owner.tenant, Role::Owner);
    let stranger = fixture.user().await;
    for other in [&colleague, &stranger] {
        let id = session.id;
        let problems = [
            fixture
                .ask(other, &GetSession { session_id: id })
                .await
                .err(),
            fixture.ask(other, &question(id, "Hello")).await.err(),
            fixture
                .ask(other, &StopAnswer { session_id: id })
                .await
                .err(),
            fixture
                .ask(other, &DeleteSession { session_id: id })
                .await
                .err(),
            fixture
                .ask(
                    other,
                    &Regenerate {
                        session_id: id,
                        message_id: None,
                    },
                )
                .await
                .err(),
            fixture
                .ask(
                    other,
                    &ListMessages {
                        session_id: id,
                        head: None,
                        paging: Paging::default(),
                    },
                )
                .await
                .err(),
            fixture
                .ask(
                    other,
                    &GetMessage {
                        session_id: id,
                        message_id: turn.answer.id,
                    },
                )
                .await
                .err(),
        ];
        for problem in problems {
            assert_eq!(reason(&problem.unwrap()), (404, "chat_not_found"));
        }
        let list = fixture.ask(other, &ListSessions::default()).await.unwrap();
        assert!(list.items.is_empty());
    }
    colleague.role = Role::Viewer;
    let refused = fixture.ask(&colleague, &CreateSession::example()).await;
    assert_eq!(refused.unwrap_err().status, 403);
}

#[tokio::test]
async fn someone_must_be_there_to_answer() {
    let fixture = Fixture::start().await;
    let user = fixture.user().await;
    let unknown = CreateSession {
        flow_id: Some(FlowId::generate()),
        ..CreateSession::default()
    };
    assert_eq!(fixture.ask(&user, &unknown).await.unwrap_err().status, 404);
    let nobody = CreateSession::default();
    let problem = fixture.ask(&user, &nobody).await.unwrap_err();
    assert_eq!(
        (problem.status, &*problem.errors[0].path),
        (422, "/agent_id")
    );
}

#[tokio::test]
async fn sessions_are_titled_found_and_changed() {
    let fixture = Fixture::start().await;
    let user = fixture.user().await;
    let first = fixture.session(&user, Concurrency::Enqueue).await;
    assert_eq!((&*first.title, first.head), ("", None));
    let turn = fixture.send(&user, first.id, "What is 100%? Tell!").await;
    let named = CreateSession {
        flow_id: Some(FlowId::EXAMPLE),
        title: Some("Plans".into()),
        ..CreateSession::default()
    };
    let second = fixture.ask(&user, &named).await.unwrap();
    fixture.send(&user, second.id, "Something else").await;

    let list = async |search: Option<&str>| -> Vec<ChatSession> {
        let request = ListSessions {
            search: search.map(str::to_owned),
            paging: Paging::default(),
        };
        fixture.ask(&user, &request).await.unwrap().items
    };
    let all = list(None).await;
    let titles: Vec<_> = all.iter().map(|session| session.title.as_str()).collect();
    assert_eq!(titles, ["Plans", "What is 100%?"]);
    assert_eq!(all[1].head, Some(turn.answer.id));
    assert_eq!(list(Some("100%")).await.len(), 1);
    assert_eq!(list(Some("%")).await.len(), 1);
    assert_eq!(list(Some("pLANS")).await.len(), 1);

    let change = UpdateSession {
        session_id: first.id,
        title: Some("Percents".into()),
        concurrency: Some(Concurrency::Reject),
        head: None,
    };
    let changed = fixture.ask(&user, &change).await.unwrap();
    assert_eq!(changed.title, "Percents");
    assert_eq!(changed.concurrency, Concurrency::Reject);
    assert_eq!(list(None).await[0], changed);
    let change = UpdateSession {
        head: Some(MessageId::generate()),
        ..change
    };
    let problem = fixture.ask(&user, &change).await.unwrap_err();
    assert_eq!(reason(&problem), (404, "message_not_found"));
}

#[tokio::test]
async fn a_deleted_session_stops_and_leaves_nothing() {
    let fixture = Fixture::start().await;
    let user = fixture.user().await;
    let session = fixture.session(&user, Concurrency::Enqueue).await;
    let first = fixture.send(&user, session.id, "first").await;
    let run = first.answer.execution_id.unwrap();
    fixture.world.finish(user.tenant, run, json!("one")).await;
    fixture
        .in_state(&user, session.id, first.answer.id, MessageState::Done)
        .await;
    let second = fixture.send(&user, session.id, "second").await;
    let running = second.answer.execution_id.unwrap();
    fixture.send(&user, session.id, "waits").await;

    let delete = DeleteSession {
        session_id: session.id,
    };
    fixture.ask(&user, &delete).await.unwrap();
    assert!(fixture.world.state(running).is_final());
    let again = fixture.ask(&user, &delete).await.unwrap_err();
    assert_eq!(reason(&again), (404, "chat_not_found"));
    let texts = Archive::connect(&fixture.config.documents).await.unwrap();
    let ids = [first.question.id, first.answer.id, second.question.id];
    let left = texts.chat_texts(user.tenant, &ids).await.unwrap();
    assert!(left.is_empty());
    // What is told of its runs later brings nothing back.
    fixture.world.tell(user.tenant, run).await;
    let other = fixture.session(&user, Concurrency::Enqueue).await;
    let turn = fixture.send(&user, other.id, "Hello").await;
    let run = turn.answer.execution_id.unwrap();
    fixture.world.finish(user.tenant, run, json!("two")).await;
    fixture
        .in_state(&user, other.id, turn.answer.id, MessageState::Done)
        .await;
    let left = texts.chat_texts(user.tenant, &ids).await.unwrap();
    assert!(left.is_empty());
}

#[tokio::test]
async fn what_comes_in_has_bounds() {
    let fixture = Fixture::start().await;
    let user = fixture.user().await;
    let session = fixture.session(&user, Concurrency::Enqueue).await;
    let long = SendMessage {
        content: "x".repeat(32_001),
        ..question(session.id, "")
    };
    for (request, path) in [
        (question(session.id, " "), "/content"),
        (long, "/content"),
        (
            SendMessage {
                idempotency_key: Some(String::new()),
                ..question(session.id, "x")
            },
            "/idempotency_key",
        ),
        (
            SendMessage {
                replaces: Some(MessageId::generate()),
                ..question(session.id, "x")
            },
            "",
        ),
    ] {
        let problem = fixture.ask(&user, &request).await.unwrap_err();
        match path {
            "" => assert_eq!(reason(&problem), (404, "message_not_found")),
            path => assert_eq!((problem.status, &*problem.errors[0].path), (422, path)),
        }
    }
    assert!(fixture.world.turns().is_empty());
}
