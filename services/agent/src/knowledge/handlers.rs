//! Bases, documents and searches.

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use contracts::{
    file::FilePart,
    id::{BaseId, DocumentId},
    knowledge::{
        AddDocument, Base, CreateBase, DeleteBase, DeleteDocument, Document, GetBase, GetDocument,
        Hits, ListBases, ListDocuments, ReadDocument, ReindexBase, SearchBase, UpdateBase,
    },
    page::Page,
};

use crate::{
    State, embedding,
    error::Error,
    knowledge::{
        domain, reading,
        store::{NewBase, NewDocument},
    },
};

type Ctx = kernel::Ctx<State>;

/// How long a wish may take from its announcement to its rows: longer than any transaction.
const ANNOUNCED: TimeDelta = TimeDelta::minutes(2);

pub(crate) async fn create_base(ctx: Ctx, request: CreateBase) -> Result<Base, Error> {
    domain::check_new_base(&request)?;
    let new = NewBase {
        id: BaseId::generate(),
        request,
        by: ctx.principal().user_id,
        now: now(),
    };
    ctx.state.knowledge.insert_base(ctx.tenant, new).await
}

pub(crate) async fn get_base(ctx: Ctx, request: GetBase) -> Result<Base, Error> {
    let store = &ctx.state.knowledge;
    store.base(ctx.tenant, request.base_id).await
}

pub(crate) async fn list_bases(ctx: Ctx, request: ListBases) -> Result<Page<Base>, Error> {
    ctx.state.knowledge.bases(ctx.tenant, &request).await
}

pub(crate) async fn update_base(ctx: Ctx, request: UpdateBase) -> Result<Base, Error> {
    domain::check_change(&request)?;
    let store = &ctx.state.knowledge;
    store.update_base(ctx.tenant, request, now()).await
}

pub(crate) async fn delete_base(ctx: Ctx, request: DeleteBase) -> Result<(), Error> {
    let store = &ctx.state.knowledge;
    store.delete_base(ctx.tenant, request.base_id).await
}

pub(crate) async fn reindex_base(ctx: Ctx, request: ReindexBase) -> Result<Base, Error> {
    let (store, now) = (&ctx.state.knowledge, now());
    let by = ctx.principal().user_id;
    announce(&ctx, now + ANNOUNCED).await?;
    let base = store.reindex(ctx.tenant, request.base_id, by, now).await?;
    announce(&ctx, now).await?;
    ctx.state.wake.notify_one();
    Ok(base)
}

pub(crate) async fn add_document(ctx: Ctx, request: AddDocument) -> Result<Document, Error> {
    domain::check_document(&request)?;
    let content = content_of(&ctx, &request).await?;
    let content_type = reading::kind_of(&content, &request.name, request.content_type.as_deref())?;
    let now = now();
    let new = NewDocument {
        id: DocumentId::generate(),
        base: request.base_id,
        name: request.name,
        content_type,
        content,
        by: ctx.principal().user_id,
        now,
    };
    announce(&ctx, now + ANNOUNCED).await?;
    let store = &ctx.state.knowledge;
    let document = store.insert_document(ctx.tenant, new).await?;
    announce(&ctx, now).await?;
    ctx.state.wake.notify_one();
    Ok(document)
}

pub(crate) async fn list_documents(
    ctx: Ctx,
    request: ListDocuments,
) -> Result<Page<Document>, Error> {
    let store = &ctx.state.knowledge;
    store
        .documents(ctx.tenant, request.base_id, &request.paging)
        .await
}

pub(crate) async fn get_document(ctx: Ctx, request: GetDocument) -> Result<Document, Error> {
    let store = &ctx.state.knowledge;
    store
        .document(ctx.tenant, request.base_id, request.document_id)
        .await
}

pub(crate) async fn read_document(ctx: Ctx, request: ReadDocument) -> Result<FilePart, Error> {
    let store = &ctx.state.knowledge;
    store.document_part(ctx.tenant, &request).await
}

pub(crate) async fn delete_document(ctx: Ctx, request: DeleteDocument) -> Result<(), Error> {
    let store = &ctx.state.knowledge;
    store
        .delete_document(ctx.tenant, request.base_id, request.document_id)
        .await
}

pub(crate) async fn search(ctx: Ctx, request: SearchBase) -> Result<Hits, Error> {
    let limit = domain::check_search(&request)?;
    let store = &ctx.state.knowledge;
    // The database takes no text with this character.
    let query = request.query.replace('\0', " ");
    let models = store.models(ctx.tenant, request.base_id).await?;
    let nearest = embedding::ask_each(&ctx, models, &query).await?;
    let items = store
        .search(ctx.tenant, request.base_id, &query, &nearest, limit)
        .await?;
    Ok(Hits { items })
}

/// The bytes of a document, from the request or from the files on their way.
async fn content_of(ctx: &Ctx, request: &AddDocument) -> Result<Vec<u8>, Error> {
    if let Some(content) = &request.content {
        return Ok(content.clone().into_bytes());
    }
    let id = request
        .upload_id
        .expect("a checked request has one of both");
    let uploads = ctx.bus.uploads().await?;
    let content = uploads.get(ctx.tenant, id, domain::MAX_FILE).await?;
    content.map(Vec::from).ok_or(Error::UploadNotFound(id))
}

/// Tells the indexers that the organization has documents that are due at a time.
///
/// Once before the rows are there, so that a process that breaks down in between leaves a trace, and once after.
async fn announce(ctx: &Ctx, due: DateTime<Utc>) -> Result<(), Error> {
    ctx.state.queue.announce(ctx.tenant, due).await
}

/// To the microsecond, as the database keeps it: what is answered now is what is read later.
fn now() -> DateTime<Utc> {
    Utc::now().trunc_subsecs(6)
}
