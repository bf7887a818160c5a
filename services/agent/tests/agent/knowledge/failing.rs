//! Models that fail, processes that end: what waits is indexed all the same, or it is said why not.

use super::*;

fn passing() -> Problem {
    Problem::new(ErrorCode::Unavailable, "the model is not there at present")
}

#[tokio::test]
async fn a_model_that_is_away_for_a_while_costs_time_alone() {
    let fixture = Fixture::start().await;
    let base = fixture.base("handbook").await;
    fixture.models.fail([passing(), passing()]);
    let document = fixture.ready(&base, "a", "alpha").await;
    assert_eq!((document.error, document.passages), (None, 1));
    assert_eq!(fixture.models.asked().len(), 3);
    fixture.drain().await;
}

#[tokio::test]
async fn a_refusal_is_written_down_and_not_repeated() {
    let fixture = Fixture::start().await;
    let request = CreateBase {
        name: "strange".to_owned(),
        description: String::new(),
        embedding_model: Some("fake/none".to_owned()),
    };
    let base = fixture.ask(&fixture.user, &request).await.unwrap();
    let added = fixture.add(&base, "a", "alpha").await;
    let document = fixture.settled(&added).await;
    assert_eq!(document.state, DocumentState::Failed);
    assert_eq!(
        document.error.as_deref(),
        Some("model `fake/none` does not exist")
    );
    assert_eq!(fixture.models.asked().len(), 1);

    // With another model it is found.
    let change = UpdateBase {
        base_id: base.id,
        name: None,
        description: None,
        embedding_model: Some("fake/one".to_owned()),
    };
    fixture.ask(&fixture.user, &change).await.unwrap();
    let reindex = ReindexBase { base_id: base.id };
    fixture.ask(&fixture.user, &reindex).await.unwrap();
    fixture.reindexed(&base).await;
    let document = fixture.settled(&added).await;
    assert_eq!(
        (document.state, document.error),
        (DocumentState::Ready, None)
    );
    fixture.drain().await;
}

#[tokio::test]
async fn a_reindexing_that_fails_leaves_what_was_found_before() {
    let fixture = Fixture::start().await;
    let base = fixture.base("handbook").await;
    let added = fixture.ready(&base, "a", "alpha").await;
    fixture
        .models
        .fail([Problem::new(ErrorCode::Forbidden, "no more money")]);
    let reindex = ReindexBase { base_id: base.id };
    fixture.ask(&fixture.user, &reindex).await.unwrap();
    fixture.reindexed(&base).await;
    let document = fixture.settled(&added).await;
    assert_eq!(document.state, DocumentState::Ready);
    assert_eq!(document.error.as_deref(), Some("no more money"));
    assert_eq!(names(&fixture.search(&base, "alpha").await), ["a"]);
    fixture.drain().await;
}

#[tokio::test]
async fn a_document_survives_the_process_that_indexes_it() {
    let mut fixture = Fixture::start().await;
    let base = fixture.base("handbook").await;
    fixture.models.hold();
    let document = fixture.add(&base, "a", "alpha").await;
    eventually(SOON, async || {
        (!fixture.models.asked().is_empty()).then_some(())
    })
    .await;
    // Cut off in the middle, without a word to anyone.
    fixture.kill();
    fixture.models.let_go(10);
    fixture.revive().await;
    let document = fixture.settled(&document).await;
    assert_eq!(
        (document.state, document.passages),
        (DocumentState::Ready, 1)
    );
    assert_eq!(fixture.rows("knowledge_passages").await, 1);
    fixture.drain().await;
}
