//! Limits, and the walls between organizations and roles.

use super::*;

fn reason(outcome: Result<Document, Problem>) -> String {
    let problem = outcome.unwrap_err();
    problem.reason.unwrap_or_default()
}

#[tokio::test]
async fn what_does_not_fit_is_refused() {
    let fixture = Fixture::start().await;
    let base = fixture.base("handbook").await;
    let ask = async |request: AddDocument| fixture.ask(&fixture.user, &request).await;
    let refused = ask(document(base.id, "", "")).await.unwrap_err();
    let paths: Vec<_> = refused
        .errors
        .iter()
        .map(|error| error.path.as_str())
        .collect();
    assert_eq!(paths, ["/name", "/content"]);
    let long = "x".repeat(512 * 1024 + 1);
    assert_eq!(
        reason(ask(document(base.id, "a", &long)).await),
        "invalid_input"
    );
    assert_eq!(
        reason(ask(document(BaseId::generate(), "a", "a")).await),
        "base_not_found"
    );

    // As many documents as there can be, and as many passages.
    let full = fixture.base("full").await;
    let filling = format!(
        "INSERT INTO knowledge_documents (id, base_id, name, content_type, bytes, state, passages, asked_by, created_by, created_at)
         SELECT gen_random_uuid(), '{}', n::text, 'text/plain', 1, 'ready', 10, gen_random_uuid(), gen_random_uuid(), now()
         FROM generate_series(1, $n) n", full.id.uuid());
    fixture.sql(&filling.replace("$n", "10000")).await;
    assert_eq!(reason(ask(document(full.id, "a", "a")).await), "base_full");
    fixture
        .sql("DELETE FROM knowledge_documents WHERE name = '1'")
        .await;
    fixture
        .sql("UPDATE knowledge_documents SET passages = 20 WHERE name = '2'")
        .await;
    let added = ask(document(full.id, "a", "alpha")).await.unwrap();
    let document = fixture.settled(&added).await;
    assert_eq!(document.state, DocumentState::Failed);
    assert_eq!(
        document.error.as_deref(),
        Some("the base would have more than 100,000 passages")
    );
    fixture.drain().await;
}

#[tokio::test]
async fn a_file_comes_from_the_uploads_of_its_organization() {
    let fixture = Fixture::start().await;
    let base = fixture.base("handbook").await;
    let uploads = fixture.bus.uploads().await.unwrap();
    let (own, foreign) = (UploadId::generate(), UploadId::generate());
    for (tenant, upload) in [(fixture.user.tenant, own), (TenantId::generate(), foreign)] {
        let stored = uploads.put(tenant, upload, &b"alpha"[..], 100).await;
        assert_eq!(stored.unwrap(), 5);
    }
    let request = |upload_id| AddDocument {
        content: None,
        upload_id: Some(upload_id),
        ..document(base.id, "a.txt", "")
    };
    let added = fixture.ask(&fixture.user, &request(own)).await.unwrap();
    assert_eq!(
        (added.bytes, added.content_type.as_str()),
        (5, "text/plain")
    );
    assert_eq!(fixture.settled(&added).await.state, DocumentState::Ready);
    let refused = fixture.ask(&fixture.user, &request(foreign)).await;
    assert_eq!(reason(refused), "upload_not_found");
    fixture.drain().await;
}

#[tokio::test]
async fn another_organization_finds_nothing() {
    let fixture = Fixture::start().await;
    let base = fixture.base("handbook").await;
    let own = fixture.ready(&base, "a", "alpha").await;
    let stranger = fixture.owner().await;
    let base_id = base.id;
    let (stranger, document_id) = (&stranger, own.id);
    let codes = [
        fixture.ask(stranger, &GetBase { base_id }).await.err(),
        fixture.ask(stranger, &search(base_id, "alpha")).await.err(),
        fixture.ask(stranger, &ReindexBase { base_id }).await.err(),
        fixture.ask(stranger, &DeleteBase { base_id }).await.err(),
        fixture
            .ask(stranger, &document(base_id, "b", "b"))
            .await
            .err(),
        fixture
            .ask(
                stranger,
                &GetDocument {
                    base_id,
                    document_id,
                },
            )
            .await
            .err(),
        fixture
            .ask(
                stranger,
                &DeleteDocument {
                    base_id,
                    document_id,
                },
            )
            .await
            .err(),
        fixture
            .ask(
                stranger,
                &ListDocuments {
                    base_id,
                    paging: Paging::default(),
                },
            )
            .await
            .err(),
    ];
    for problem in codes {
        assert_eq!(problem.unwrap().code, ErrorCode::NotFound);
    }
    let missing = GetDocument {
        base_id,
        document_id: DocumentId::generate(),
    };
    let missing = fixture.ask(&fixture.user, &missing).await.unwrap_err();
    assert_eq!(missing.code, ErrorCode::NotFound);
    fixture.drain().await;
}

#[tokio::test]
async fn viewers_read_operators_search_editors_write() {
    let fixture = Fixture::start().await;
    let base = fixture.base("handbook").await;
    for role in Role::ALL {
        let who = Principal {
            role,
            user_id: UserId::generate(),
            ..fixture.user.clone()
        };
        let may = |outcome: Option<Problem>| {
            outcome.is_none_or(|problem| problem.code != ErrorCode::Forbidden)
        };
        let read = fixture.ask(&who, &GetBase { base_id: base.id }).await;
        let found = fixture.ask(&who, &search(base.id, "x")).await;
        let written = fixture.ask(&who, &document(base.id, "a", "a")).await;
        assert!(may(read.err()), "{role:?}");
        assert_eq!(may(found.err()), role.covers(Role::Operator), "{role:?}");
        assert_eq!(may(written.err()), role.covers(Role::Editor), "{role:?}");
    }
    fixture.drain().await;
}

#[tokio::test]
async fn what_cannot_be_read_is_refused_by_its_content() {
    let fixture = Fixture::start().await;
    let base = fixture.base("handbook").await;
    let request = AddDocument {
        content_type: Some("text/plain".to_owned()),
        ..document(base.id, "a.txt", "GIF89a")
    };
    let refused = fixture.ask(&fixture.user, &request).await.unwrap_err();
    assert_eq!(refused.status, 415);
    assert_eq!(refused.reason.as_deref(), Some("unsupported_type"));
    let page = "<!doctype html><h1>Leave</h1><p>Thirty days.</p><script>x()</script>";
    let page = fixture.ready(&base, "page", page).await;
    assert_eq!(page.content_type, "text/html");
    let hits = fixture.search(&base, "thirty").await;
    assert_eq!(hits[0].heading.as_deref(), Some("Leave"));
    assert!(!hits[0].text.contains("x()"), "{}", hits[0].text);
    fixture.drain().await;
}
