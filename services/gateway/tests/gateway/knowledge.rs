//! The REST face of knowledge bases: bases, documents as texts and as files, and searching.

use contracts::{
    ErrorCode, Problem,
    id::{BaseId, DocumentId, UserId},
    knowledge::{
        AddDocument, Base, CreateBase, DeleteBase, Document, DocumentState, GetBase, GetDocument,
        Hit, Hits, ListBases, ListDocuments, ReindexBase, SearchBase, UpdateBase,
    },
    page::Page,
};
use kernel::{Ctx, Running, Service};
use serde_json::{Value, json};

use crate::platform::Platform;

const BASES: &str = "/api/v1/knowledge/bases";
const NEXT: &str = "next";

/// A platform with a service that has one base with one document.
async fn start() -> (Platform, Running) {
    let platform = Platform::start().await;
    bus::topology::ensure(&platform.bus, 1).await.unwrap();
    let runtime = testkit::runtime(&platform.bus).await;
    let service = Service::new("agent", ())
        .on(create)
        .on(get)
        .on(list)
        .on(update)
        .on(delete)
        .on(reindex)
        .on(search)
        .on(add)
        .on(get_document)
        .on(documents);
    let running = service.start(&runtime).await.unwrap();
    (platform, running)
}

fn path(rest: &str) -> String {
    format!("{BASES}/{}{rest}", BaseId::EXAMPLE)
}

fn some_base(name: String, description: String) -> Base {
    Base {
        id: BaseId::EXAMPLE,
        name,
        description,
        embedding_model: None,
        documents: 0,
        passages: 0,
        reindex: None,
        created_by: UserId::EXAMPLE,
        created_at: chrono::DateTime::UNIX_EPOCH,
        updated_at: chrono::DateTime::UNIX_EPOCH,
    }
}

fn some_document(name: String, content_type: String, bytes: u64) -> Document {
    Document {
        id: DocumentId::EXAMPLE,
        base_id: BaseId::EXAMPLE,
        name,
        content_type,
        bytes,
        state: DocumentState::Indexing,
        passages: 0,
        error: None,
        created_by: UserId::EXAMPLE,
        created_at: chrono::DateTime::UNIX_EPOCH,
    }
}

fn known(base_id: BaseId) -> Result<Base, Problem> {
    let missing = || Problem::new(ErrorCode::NotFound, "the base does not exist");
    let is_known = base_id == BaseId::EXAMPLE;
    let base = some_base("handbook".into(), String::new());
    is_known.then_some(base).ok_or_else(missing)
}

async fn create(_: Ctx<()>, request: CreateBase) -> Result<Base, Problem> {
    if request.name == "taken" {
        let problem = Problem::new(ErrorCode::Conflict, "the name is taken");
        return Err(problem.with_reason("name_taken"));
    }
    Ok(some_base(request.name, request.description))
}

async fn get(_: Ctx<()>, request: GetBase) -> Result<Base, Problem> {
    known(request.base_id)
}

async fn update(_: Ctx<()>, request: UpdateBase) -> Result<Base, Problem> {
    let base = known(request.base_id)?;
    Ok(Base {
        name: request.name.unwrap_or(base.name),
        description: request.description.unwrap_or(base.description),
        embedding_model: request.embedding_model,
        ..base
    })
}

async fn delete(_: Ctx<()>, request: DeleteBase) -> Result<(), Problem> {
    known(request.base_id).map(|_| ())
}

async fn reindex(_: Ctx<()>, request: ReindexBase) -> Result<Base, Problem> {
    known(request.base_id)
}

/// One base that says what was asked for.
async fn list(_: Ctx<()>, request: ListBases) -> Result<Page<Base>, Problem> {
    let mut base = some_base(request.search.unwrap_or_default(), String::new());
    base.documents = request.paging.limit.unwrap_or_default().into();
    let next = request.paging.cursor.is_none().then(|| NEXT.to_owned());
    let items = vec![base];
    Ok(Page { items, next })
}

/// One document that says how many were asked for.
async fn documents(_: Ctx<()>, request: ListDocuments) -> Result<Page<Document>, Problem> {
    known(request.base_id)?;
    let limit = request.paging.limit.unwrap_or_default();
    let next = request.paging.cursor.is_none().then(|| NEXT.to_owned());
    let items = vec![some_document("d".into(), "text/plain".into(), limit.into())];
    Ok(Page { items, next })
}

async fn get_document(_: Ctx<()>, request: GetDocument) -> Result<Document, Problem> {
    known(request.base_id)?;
    let missing = || Problem::new(ErrorCode::NotFound, "the document does not exist");
    let is_known = request.document_id == DocumentId::EXAMPLE;
    let document = some_document("d".into(), "text/plain".into(), 1);
    is_known.then_some(document).ok_or_else(missing)
}

/// Reads the file as the real service does.
async fn add(ctx: Ctx<()>, request: AddDocument) -> Result<Document, Problem> {
    known(request.base_id)?;
    let bytes = match (request.content, request.upload_id) {
        (Some(content), None) => content.len(),
        (None, Some(upload_id)) => {
            let uploads = ctx.bus.uploads().await.unwrap();
            let file = uploads.get(ctx.tenant, upload_id, bus::MAX_UPLOAD);
            file.await.unwrap().expect("the file is there").len()
        }
        both => panic!("either is set: {both:?}"),
    };
    let content_type = request.content_type.unwrap_or_default();
    Ok(some_document(request.name, content_type, bytes as u64))
}

/// One passage that says what was asked for.
async fn search(_: Ctx<()>, request: SearchBase) -> Result<Hits, Problem> {
    known(request.base_id)?;
    let hit = Hit {
        document_id: DocumentId::EXAMPLE,
        document: "d".into(),
        passage: request.limit.unwrap_or_default(),
        heading: None,
        text: request.query,
        score: 0.5,
    };
    Ok(Hits { items: vec![hit] })
}

#[tokio::test]
async fn a_base_is_made_changed_and_deleted() {
    let (platform, _service) = start().await;
    let post = |body: &Value| platform.ask("POST", BASES).json(body).send();
    let made = post(&json!({"name": "handbook", "description": "How we work."})).await;
    assert_eq!(made.status, 201, "{}", made.body);
    assert_eq!(made.header("location"), Some(&*path("")));
    assert_eq!(made.json()["description"], "How we work.");
    let taken = post(&json!({"name": "taken"})).await;
    let taken = taken.assert_problem(409, "conflict");
    assert_eq!(taken["reason"], "name_taken");
    for bad in [json!({}), json!({"name": "n", "tenant_id": "org_x"})] {
        post(&bad).await.assert_problem(400, "invalid_input");
    }
    let body = json!({"description": "new"});
    let changed = platform.ask("PATCH", &path("")).json(&body).send().await;
    let changed = changed.json();
    assert_eq!(
        (&changed["name"], &changed["description"]),
        (&json!("handbook"), &json!("new")),
        "what is absent stays"
    );
    let begun = platform.ask("POST", &path("/reindex")).send().await;
    assert_eq!(begun.status, 202, "{}", begun.body);
    let gone = platform.ask("DELETE", &path("")).send().await;
    assert_eq!((gone.status, &*gone.body), (204, ""));
}

#[tokio::test]
async fn a_document_is_a_text_or_a_file() {
    let (platform, _service) = start().await;
    let documents = path("/documents");
    let text = json!({"name": "a.md", "content": "# A", "content_type": "text/markdown"});
    let added = platform.ask("POST", &documents).json(&text).send().await;
    assert_eq!(added.status, 201, "{}", added.body);
    let place = format!("{documents}/{}", DocumentId::EXAMPLE);
    assert_eq!(added.header("location"), Some(&*place));
    assert_eq!(
        (&added.json()["bytes"], &added.json()["state"]),
        (&json!(3), &json!("indexing"))
    );

    let whole = |query: &str| {
        let ask = platform.ask("POST", &format!("{documents}{query}"));
        ask.header("Content-Type", "application/pdf")
            .body("%PDF-1.7")
    };
    let added = whole("?name=a.pdf").send().await.json();
    assert_eq!(
        (&added["name"], &added["content_type"], &added["bytes"]),
        (&json!("a.pdf"), &json!("application/pdf"), &json!(8))
    );
    let nameless = whole("").send().await;
    nameless.assert_problem(400, "invalid_input");
    let no_content = platform.ask("POST", &documents).json(&json!({"name": "a"}));
    no_content.send().await.assert_problem(400, "invalid_input");
    let read = platform.ask("GET", &place).send().await;
    assert_eq!(read.json()["name"], "d", "{}", read.body);
}

#[tokio::test]
async fn lists_and_searches_pass_on_what_was_asked() {
    let (platform, _service) = start().await;
    let get = async |path: String| platform.ask("GET", &path).send().await;
    let first = get(format!("{BASES}?search=w%20x&limit=7")).await.json();
    let base = &first["items"][0];
    assert_eq!(
        (&base["name"], &base["documents"]),
        (&json!("w x"), &json!(7))
    );
    let first_documents = get(path("/documents?limit=9")).await.json();
    assert_eq!(first_documents["items"][0]["bytes"], 9);
    for (first, list) in [
        (first, BASES.to_owned()),
        (first_documents, path("/documents")),
    ] {
        assert_eq!(first["next"], NEXT);
        let last = get(format!("{list}?cursor={NEXT}")).await.json();
        assert_eq!(last["next"], Value::Null, "{last}");
        let bad = get(format!("{list}?limit=-1")).await;
        bad.assert_problem(400, "invalid_input");
    }
    let ask = |body: Value| platform.ask("POST", &path("/search")).json(&body).send();
    let found = ask(json!({"query": "days off?", "limit": 2})).await.json();
    let hit = &found["items"][0];
    assert_eq!(
        (&hit["text"], &hit["passage"]),
        (&json!("days off?"), &json!(2))
    );
    for bad in [
        json!({}),
        json!({"query": "q", "limit": "2"}),
        json!({"query": "q", "top": 1}),
    ] {
        ask(bad).await.assert_problem(400, "invalid_input");
    }
}

#[tokio::test]
async fn what_is_not_there_is_not_found_and_no_id_is_refused() {
    let (platform, _service) = start().await;
    let base = json!({"name": "n"});
    let text = json!({"name": "n", "content": "c"});
    let query = json!({"query": "q"});
    for (method, rest, body) in [
        ("GET", "", None),
        ("PATCH", "", Some(&base)),
        ("DELETE", "", None),
        ("POST", "/reindex", None),
        ("POST", "/search", Some(&query)),
        ("GET", "/documents", None),
        ("POST", "/documents", Some(&text)),
    ] {
        for (id, status, code) in [
            (BaseId::generate().to_string(), 404, "not_found"),
            ("x".to_owned(), 400, "invalid_input"),
        ] {
            let ask = platform.ask(method, &format!("{BASES}/{id}{rest}"));
            let ask = body.into_iter().fold(ask, |ask, body| ask.json(body));
            ask.send().await.assert_problem(status, code);
        }
    }
    // Nothing is stored for a base that is not there.
    let stray = format!("{BASES}/{}/documents?name=a.pdf", BaseId::generate());
    let ask = platform.ask("POST", &stray);
    let ask = ask
        .header("Content-Type", "application/pdf")
        .body("%PDF-1.7");
    ask.send().await.assert_problem(404, "not_found");
    let other = path(&format!("/documents/{}", DocumentId::generate()));
    let ask = platform.ask("GET", &other).send().await;
    ask.assert_problem(404, "not_found");
}
