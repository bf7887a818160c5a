//! `/knowledge/bases`: sets of documents, what is in them, and searching them.

use contracts::{
    id::{BaseId, DocumentId},
    knowledge::{
        AddDocument, Base, CreateBase, DeleteBase, DeleteDocument, Document, GetBase, GetDocument,
        Hits, ListBases, ListDocuments, ReadDocument, ReindexBase, SearchBase, UpdateBase,
    },
    page::Page,
};
use poem_openapi::{
    ApiResponse, Object, OpenApi,
    param::{Header, Path, Query},
};
use serde::Deserialize;

use super::{
    PREFIX, Tag,
    form::{Deleted, paging},
};
use crate::{
    caller::Bearer,
    download::{self, Download},
    payload::Json,
    upload::{self, Upload},
};

pub(crate) struct Api;

/// What is present is changed.
#[derive(Deserialize, Object)]
#[serde(deny_unknown_fields)]
#[oai(deny_unknown_fields)]
struct BaseBody {
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    description: Option<String>,
    /// Takes effect with a re-indexing.
    #[serde(default)]
    embedding_model: Option<String>,
}

#[derive(Deserialize, Object)]
#[serde(deny_unknown_fields)]
#[oai(deny_unknown_fields)]
struct DocumentBody {
    /// 1 to 200 characters.
    name: String,
    /// A text of up to 512 KiB. Larger ones and other kinds are uploaded as a file.
    content: String,
    /// What the sender takes it for; the content decides.
    #[serde(default)]
    content_type: Option<String>,
}

#[derive(Deserialize, Object)]
#[serde(deny_unknown_fields)]
#[oai(deny_unknown_fields)]
struct SearchBody {
    /// 1 to 4,000 characters.
    query: String,
    /// 1 to 50, 5 when absent.
    #[serde(default)]
    limit: Option<u32>,
}

#[derive(ApiResponse)]
enum Created {
    #[oai(status = 201)]
    Created(Json<Base>, #[oai(header = "Location")] String),
}

#[derive(ApiResponse)]
enum Added {
    /// Stored; it is found once its state is `ready`.
    #[oai(status = 201)]
    Created(Json<Document>, #[oai(header = "Location")] String),
}

#[derive(ApiResponse)]
enum Reindexing {
    /// Searches find the old passages until the new ones are there.
    #[oai(status = 202)]
    Begun(Json<Base>),
}

#[OpenApi(prefix_path = "/knowledge/bases", tag = "Tag::Knowledge")]
impl Api {
    /// The organization's knowledge bases
    #[oai(path = "/", method = "get", operation_id = "agent.bases")]
    async fn list(
        &self,
        caller: Bearer,
        /// Only bases whose name or description contains this text, whatever the case.
        search: Query<Option<String>>,
        /// The `next` of the page before.
        cursor: Query<Option<String>>,
        /// 1 to 200, 50 when absent.
        limit: Query<Option<u32>>,
    ) -> poem::Result<Json<Page<Base>>> {
        let request = ListBases {
            search: search.0,
            paging: paging(cursor, limit),
        };
        Ok(Json(caller.ask(&request).await?))
    }

    /// Create a knowledge base
    #[oai(path = "/", method = "post", operation_id = "agent.create_base")]
    async fn create(&self, caller: Bearer, body: Json<CreateBase>) -> poem::Result<Created> {
        let base = caller.ask(&body.0).await?;
        let location = location_of(base.id);
        Ok(Created::Created(Json(base), location))
    }

    /// One knowledge base
    #[oai(path = "/:base_id", method = "get", operation_id = "agent.get_base")]
    async fn get(&self, caller: Bearer, base_id: Path<BaseId>) -> poem::Result<Json<Base>> {
        let base_id = base_id.0;
        Ok(Json(caller.ask(&GetBase { base_id }).await?))
    }

    /// Change a knowledge base
    #[oai(
        path = "/:base_id",
        method = "patch",
        operation_id = "agent.update_base"
    )]
    async fn update(
        &self,
        caller: Bearer,
        base_id: Path<BaseId>,
        body: Json<BaseBody>,
    ) -> poem::Result<Json<Base>> {
        let request = UpdateBase {
            base_id: base_id.0,
            name: body.0.name,
            description: body.0.description,
            embedding_model: body.0.embedding_model,
        };
        Ok(Json(caller.ask(&request).await?))
    }

    /// Delete a knowledge base with all its documents, for good
    #[oai(
        path = "/:base_id",
        method = "delete",
        operation_id = "agent.delete_base"
    )]
    async fn delete(&self, caller: Bearer, base_id: Path<BaseId>) -> poem::Result<Deleted> {
        let base_id = base_id.0;
        caller.ask(&DeleteBase { base_id }).await?;
        Ok(Deleted::Done)
    }

    /// Embed all documents anew
    #[oai(
        path = "/:base_id/reindex",
        method = "post",
        operation_id = "agent.reindex_base"
    )]
    async fn reindex(&self, caller: Bearer, base_id: Path<BaseId>) -> poem::Result<Reindexing> {
        let base_id = base_id.0;
        let base = caller.ask(&ReindexBase { base_id }).await?;
        Ok(Reindexing::Begun(Json(base)))
    }

    /// Search a knowledge base by meaning and by words
    #[oai(
        path = "/:base_id/search",
        method = "post",
        operation_id = "agent.search"
    )]
    async fn search(
        &self,
        caller: Bearer,
        base_id: Path<BaseId>,
        body: Json<SearchBody>,
    ) -> poem::Result<Json<Hits>> {
        let request = SearchBase {
            base_id: base_id.0,
            query: body.0.query,
            limit: body.0.limit,
        };
        Ok(Json(caller.ask(&request).await?))
    }

    /// The documents of a knowledge base
    #[oai(
        path = "/:base_id/documents",
        method = "get",
        operation_id = "agent.documents"
    )]
    async fn documents(
        &self,
        caller: Bearer,
        base_id: Path<BaseId>,
        /// The `next` of the page before.
        cursor: Query<Option<String>>,
        /// 1 to 200, 50 when absent.
        limit: Query<Option<u32>>,
    ) -> poem::Result<Json<Page<Document>>> {
        let request = ListDocuments {
            base_id: base_id.0,
            paging: paging(cursor, limit),
        };
        Ok(Json(caller.ask(&request).await?))
    }

    /// Add a document: a text as JSON, or a file of up to 20 MiB
    ///
    /// A file is the part `file` of `multipart/form-data`, or the whole body with `?name=`.
    #[oai(
        path = "/:base_id/documents",
        method = "post",
        operation_id = "agent.add_document"
    )]
    async fn add_document(
        &self,
        caller: Bearer,
        base_id: Path<BaseId>,
        /// The name of a file that is the whole body.
        name: Query<Option<String>>,
        body: Upload<DocumentBody>,
    ) -> poem::Result<Added> {
        let base_id = base_id.0;
        let request = match body {
            Upload::Json(body) => AddDocument {
                base_id,
                name: body.name,
                content_type: body.content_type,
                content: Some(body.content),
                upload_id: None,
            },
            Upload::File(file) => {
                // Nothing is stored for a base that the caller cannot see.
                caller.ask(&GetBase { base_id }).await?;
                let stored = upload::store(&caller, file, name.0, bus::MAX_UPLOAD).await?;
                AddDocument {
                    base_id,
                    name: stored.name,
                    content_type: stored.content_type,
                    content: None,
                    upload_id: Some(stored.upload_id),
                }
            }
        };
        let document = caller.ask(&request).await?;
        let location = format!("{}/documents/{}", location_of(base_id), document.id);
        Ok(Added::Created(Json(document), location))
    }

    /// One document, with how far its indexing is
    #[oai(
        path = "/:base_id/documents/:document_id",
        method = "get",
        operation_id = "agent.get_document"
    )]
    async fn document(
        &self,
        caller: Bearer,
        base_id: Path<BaseId>,
        document_id: Path<DocumentId>,
    ) -> poem::Result<Json<Document>> {
        let request = GetDocument {
            base_id: base_id.0,
            document_id: document_id.0,
        };
        Ok(Json(caller.ask(&request).await?))
    }

    /// The bytes of a document, as it came
    #[oai(
        path = "/:base_id/documents/:document_id/content",
        method = "get",
        operation_id = "agent.read_document"
    )]
    async fn document_content(
        &self,
        caller: Bearer,
        base_id: Path<BaseId>,
        document_id: Path<DocumentId>,
        #[oai(name = "If-None-Match")] if_none_match: Header<Option<String>>,
    ) -> poem::Result<Download> {
        let (base_id, document_id) = (base_id.0, document_id.0);
        let id = document_id.to_string();
        let part = move |offset| ReadDocument {
            base_id,
            document_id,
            offset,
        };
        Ok(download::file(&caller, &id, if_none_match.0.as_deref(), part).await?)
    }

    /// Delete a document with its passages, for good
    #[oai(
        path = "/:base_id/documents/:document_id",
        method = "delete",
        operation_id = "agent.delete_document"
    )]
    async fn delete_document(
        &self,
        caller: Bearer,
        base_id: Path<BaseId>,
        document_id: Path<DocumentId>,
    ) -> poem::Result<Deleted> {
        let request = DeleteDocument {
            base_id: base_id.0,
            document_id: document_id.0,
        };
        caller.ask(&request).await?;
        Ok(Deleted::Done)
    }
}

fn location_of(base_id: BaseId) -> String {
    format!("{PREFIX}/knowledge/bases/{base_id}")
}
