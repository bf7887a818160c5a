//! Bases and documents: found by meaning and by words, indexed anew, deleted without a trace.

use contracts::{
    ErrorCode, Principal, Problem, Role,
    id::{BaseId, DocumentId, TenantId, UploadId, UserId},
    knowledge::{
        AddDocument, Base, CreateBase, DeleteBase, DeleteDocument, Document, DocumentState,
        GetBase, GetDocument, Hit, ListBases, ListDocuments, ReadDocument, ReindexBase, SearchBase,
        UpdateBase,
    },
    page::Paging,
};
use testkit::eventually;

use crate::{Fixture, SOON};

mod bounds;
mod failing;

impl Fixture {
    pub(crate) async fn base(&self, name: &str) -> Base {
        let request = CreateBase {
            name: name.to_owned(),
            description: String::new(),
            embedding_model: None,
        };
        self.ask(&self.user, &request).await.unwrap()
    }

    async fn add(&self, base: &Base, name: &str, content: &str) -> Document {
        let request = document(base.id, name, content);
        self.ask(&self.user, &request).await.unwrap()
    }

    /// The document once it is no longer being indexed.
    async fn settled(&self, document: &Document) -> Document {
        let request = GetDocument {
            base_id: document.base_id,
            document_id: document.id,
        };
        eventually(SOON, async || {
            let document = self.ask(&self.user, &request).await.unwrap();
            (document.state != DocumentState::Indexing).then_some(document)
        })
        .await
    }

    /// A document that can be found.
    async fn ready(&self, base: &Base, name: &str, content: &str) -> Document {
        let document = self.settled(&self.add(base, name, content).await).await;
        assert_eq!(document.state, DocumentState::Ready, "{:?}", document.error);
        document
    }

    async fn search(&self, base: &Base, query: &str) -> Vec<Hit> {
        let request = search(base.id, query);
        self.ask(&self.user, &request).await.unwrap().items
    }

    async fn base_of(&self, base: &Base) -> Base {
        let request = GetBase { base_id: base.id };
        self.ask(&self.user, &request).await.unwrap()
    }

    async fn reindexed(&self, base: &Base) -> Base {
        eventually(SOON, async || {
            let base = self.base_of(base).await;
            base.reindex.is_none().then_some(base)
        })
        .await
    }
}

fn document(base_id: BaseId, name: &str, content: &str) -> AddDocument {
    AddDocument {
        base_id,
        name: name.to_owned(),
        content_type: None,
        content: Some(content.to_owned()),
        upload_id: None,
    }
}

fn search(base_id: BaseId, query: &str) -> SearchBase {
    SearchBase {
        base_id,
        query: query.to_owned(),
        limit: None,
    }
}

fn names(hits: &[Hit]) -> Vec<&str> {
    hits.iter().map(|hit| hit.document.as_str()).collect()
}

#[tokio::test]
async fn documents_are_found_by_meaning_and_by_words() {
    let fixture = Fixture::start().await;
    let base = fixture.base("handbook").await;
    assert!(fixture.search(&base, "anything").await.is_empty());
    let leave = "Everyone gets thirty holidays each year.";
    let document = fixture.ready(&base, "leave", leave).await;
    fixture
        .ready(&base, "travel", "Trains before planes, please.")
        .await;
    fixture
        .ready(&base, "parts", "The part number is XK-9.")
        .await;
    assert_eq!((document.passages, document.bytes), (1, leave.len() as u64));

    // No document has this word; one has its meaning.
    let hits = fixture.search(&base, "holiday").await;
    assert_eq!(names(&hits)[0], "leave");
    assert_eq!((hits[0].text.as_str(), hits[0].passage), (leave, 0));
    // A meaning no model knows, a word that stands there.
    assert_eq!(names(&fixture.search(&base, "xk-9").await)[0], "parts");
    // Some of the words are enough; without what is excluded.
    let hits = fixture
        .search(&base, "what about planes of the company?")
        .await;
    assert_eq!(names(&hits)[0], "travel");
    let again = fixture
        .search(&base, "what about planes of the company?")
        .await;
    assert_eq!(hits, again);
    let one = SearchBase {
        limit: Some(1),
        ..search(base.id, "holiday")
    };
    assert_eq!(
        fixture.ask(&fixture.user, &one).await.unwrap().items.len(),
        1
    );

    let base = fixture.base_of(&base).await;
    assert_eq!((base.documents, base.passages), (3, 3));
    fixture.drain().await;
}

#[tokio::test]
async fn what_is_embedded_is_asked_for_in_the_name_of_who_wanted_it() {
    let fixture = Fixture::start().await;
    let base = fixture.base("handbook").await;
    let document = fixture.ready(&base, "a", "alpha").await;
    fixture.search(&base, "alpha").await;
    let asked = fixture.models.asked();
    let (indexer, searcher) = (&asked[0].0, &asked[1].0);
    assert_eq!(indexer.user_id, fixture.user.user_id);
    assert_eq!(indexer.tenant, fixture.user.tenant);
    let run = indexer.execution_id.map(|id| id.uuid());
    assert_eq!(run, Some(document.id.uuid()));
    assert_eq!(*searcher, fixture.user);
    // The query is embedded by the model that embedded the document.
    assert_eq!(asked[0].1.model, None);
    assert_eq!(asked[1].1.model.as_deref(), Some("fake/one"));
    fixture.drain().await;
}

#[tokio::test]
async fn bases_are_listed_found_and_changed() {
    let fixture = Fixture::start().await;
    for name in ["Beta", "alpha", "100% (sure)"] {
        fixture.base(name).await;
    }
    let list = |search: Option<&str>, cursor, limit| ListBases {
        search: search.map(str::to_owned),
        paging: Paging { cursor, limit },
    };
    let first = fixture
        .ask(&fixture.user, &list(None, None, Some(2)))
        .await
        .unwrap();
    let names = |items: &[Base]| {
        items
            .iter()
            .map(|base| base.name.clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(names(&first.items), ["100% (sure)", "Beta"]);
    let rest = list(None, first.next, Some(2));
    let rest = fixture.ask(&fixture.user, &rest).await.unwrap();
    assert_eq!(
        (names(&rest.items), rest.next),
        (vec!["alpha".to_owned()], None)
    );
    let found = fixture
        .ask(&fixture.user, &list(Some("0%"), None, None))
        .await
        .unwrap();
    assert_eq!(names(&found.items), ["100% (sure)"]);

    let mut change = UpdateBase {
        base_id: rest.items[0].id,
        name: Some("Beta".to_owned()),
        description: Some("New.".to_owned()),
        embedding_model: None,
    };
    let refused = fixture.ask(&fixture.user, &change).await.unwrap_err();
    assert_eq!(refused.reason.as_deref(), Some("name_taken"));
    change.name = None;
    let changed = fixture.ask(&fixture.user, &change).await.unwrap();
    assert_eq!(
        (changed.name.as_str(), changed.description.as_str()),
        ("alpha", "New.")
    );
    let wrong = list(None, Some("nonsense!".to_owned()), None);
    let refused = fixture.ask(&fixture.user, &wrong).await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::InvalidInput);
    fixture.drain().await;
}

#[tokio::test]
async fn documents_with_the_same_name_are_all_listed() {
    let fixture = Fixture::start().await;
    let base = fixture.base("handbook").await;
    let mut added = Vec::new();
    for name in ["a.md", "a.md", "b.md"] {
        added.push(fixture.add(&base, name, "alpha").await.id);
    }
    let (mut listed, mut cursor) = (Vec::new(), None);
    loop {
        let paging = Paging {
            cursor,
            limit: Some(1),
        };
        let request = ListDocuments {
            base_id: base.id,
            paging,
        };
        let page = fixture.ask(&fixture.user, &request).await.unwrap();
        listed.extend(page.items.iter().map(|document| document.id));
        let Some(next) = page.next else { break };
        cursor = Some(next);
    }
    assert_eq!(listed, added);
    fixture.drain().await;
}

#[tokio::test]
async fn a_search_finds_the_old_passages_until_the_new_ones_are_there() {
    let fixture = Fixture::start().await;
    let base = fixture.base("handbook").await;
    for name in ["a", "b", "c"] {
        fixture
            .ready(&base, name, &format!("{name} holidays"))
            .await;
    }
    let change = UpdateBase {
        base_id: base.id,
        name: None,
        description: None,
        embedding_model: Some("fake/two".to_owned()),
    };
    fixture.ask(&fixture.user, &change).await.unwrap();
    let everything = async || {
        let mut found = names(&fixture.search(&base, "holiday").await).join("");
        // Which is nearer depends on the model; all are there.
        found = {
            let mut letters: Vec<char> = found.chars().collect();
            letters.sort_unstable();
            letters.into_iter().collect()
        };
        found
    };
    assert_eq!(everything().await, "abc");

    fixture.models.hold();
    let reindex = ReindexBase { base_id: base.id };
    let begun = fixture.ask(&fixture.user, &reindex).await.unwrap();
    let progress = begun.reindex.unwrap();
    assert_eq!((progress.done, progress.of, progress.failed), (0, 3, 0));
    // One document is done; the others wait for their vectors.
    fixture.models.let_go(1);
    let half = eventually(SOON, async || {
        let progress = fixture.base_of(&base).await.reindex.unwrap();
        (progress.done == 1).then_some(progress)
    })
    .await;
    assert_eq!((half.of, half.failed), (3, 0));
    let searching = async {
        // Two questions, one for each model that made some of the passages.
        let waiting = fixture.models.asked().len() + 2;
        eventually(SOON, async || {
            (fixture.models.asked().len() >= waiting - 1).then_some(())
        })
        .await;
        fixture.models.let_go(100);
    };
    let (found, ()) = tokio::join!(everything(), searching);
    assert_eq!(found, "abc");
    let done = fixture.reindexed(&base).await;
    assert_eq!((done.documents, done.passages), (3, 3));
    assert_eq!(everything().await, "abc");
    let last = fixture.models.asked().pop().unwrap().1;
    assert_eq!(last.model.as_deref(), Some("fake/two"));
    fixture.drain().await;
}

#[tokio::test]
async fn deletion_leaves_no_rows() {
    let fixture = Fixture::start().await;
    let (kept, base) = (fixture.base("kept").await, fixture.base("gone").await);
    fixture.ready(&kept, "kept", "alpha").await;
    let one = fixture.ready(&base, "one", "alpha\n\nbeta").await;
    fixture.ready(&base, "two", "gamma").await;
    let tables = ["bases", "documents", "originals", "passages"];
    let rows = async || {
        let mut rows = Vec::new();
        for table in tables {
            rows.push(fixture.rows(&format!("knowledge_{table}")).await);
        }
        rows
    };
    assert_eq!(
        rows().await,
        [2, 3, 3, fixture.base_of(&base).await.passages + 1]
    );
    let delete = DeleteDocument {
        base_id: base.id,
        document_id: one.id,
    };
    fixture.ask(&fixture.user, &delete).await.unwrap();
    assert_eq!(rows().await, [2, 2, 2, 2]);
    let again = fixture.ask(&fixture.user, &delete).await.unwrap_err();
    assert_eq!(again.code, ErrorCode::NotFound);
    let delete = DeleteBase { base_id: base.id };
    fixture.ask(&fixture.user, &delete).await.unwrap();
    assert_eq!(rows().await, [1, 1, 1, 1]);
    let again = fixture.ask(&fixture.user, &delete).await.unwrap_err();
    assert_eq!(again.code, ErrorCode::NotFound);
    fixture.drain().await;
}

#[tokio::test]
async fn what_is_deleted_while_it_is_indexed_stays_deleted() {
    let fixture = Fixture::start().await;
    let base = fixture.base("handbook").await;
    fixture.models.hold();
    let document = fixture.add(&base, "a", "alpha").await;
    eventually(SOON, async || {
        (!fixture.models.asked().is_empty()).then_some(())
    })
    .await;
    let delete = DeleteDocument {
        base_id: base.id,
        document_id: document.id,
    };
    fixture.ask(&fixture.user, &delete).await.unwrap();
    fixture.models.let_go(10);
    let other = fixture.ready(&base, "b", "beta").await;
    assert_eq!(names(&fixture.search(&base, "alpha").await), ["b"]);
    assert_eq!(fixture.rows("knowledge_passages").await, other.passages);
    fixture.drain().await;
}

#[tokio::test]
async fn a_document_is_read_back_as_it_came() {
    let fixture = Fixture::start().await;
    let (base, other) = (fixture.base("kept").await, fixture.base("other").await);
    let text = "# Leave\r\n\u{c4}";
    let document = fixture.add(&base, "leave.md", text).await;
    let mut request = ReadDocument {
        base_id: base.id,
        document_id: document.id,
        offset: 0,
    };
    let part = fixture.ask(&fixture.user, &request).await.unwrap();
    assert_eq!(
        (&*part.name, &*part.content_type, part.bytes),
        ("leave.md", "text/markdown", document.bytes)
    );
    assert_eq!(part.content().unwrap(), text.as_bytes());
    request.offset = 2;
    let part = fixture.ask(&fixture.user, &request).await.unwrap();
    assert!(part.content().unwrap().starts_with(b"Leave\r\n"));

    let stranger = fixture.owner().await;
    let problem = fixture.ask(&stranger, &request).await.unwrap_err();
    assert_eq!(problem.code, ErrorCode::NotFound);
    request.base_id = other.id;
    let problem = fixture.ask(&fixture.user, &request).await.unwrap_err();
    assert_eq!(problem.code, ErrorCode::NotFound);
    assert!(problem.detail.contains(&document.id.to_string()));
    fixture.drain().await;
}
