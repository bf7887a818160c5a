//! Knowledge: documents, cut into passages, that agents and flows search by meaning and by words.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{
    Access, Permission,
    file::FilePart,
    id::{BaseId, DocumentId, UploadId, UserId},
    message::request,
    page::{Page, Paging},
};

/// A set of documents that is searched together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(poem_openapi::Object))]
pub struct Base {
    pub id: BaseId,
    /// Unique in the organization.
    pub name: String,
    /// Tells an agent what it finds here.
    pub description: String,
    /// The model that makes its embeddings; the organization's default when null.
    pub embedding_model: Option<String>,
    pub documents: u64,
    pub passages: u64,
    /// Set while all documents are embedded anew.
    pub reindex: Option<Reindex>,
    pub created_by: UserId,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// How far a re-indexing is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(poem_openapi::Object))]
pub struct Reindex {
    pub done: u64,
    pub of: u64,
    pub failed: u64,
    pub started_at: DateTime<Utc>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(
    feature = "openapi",
    derive(poem_openapi::Enum),
    oai(rename_all = "snake_case")
)]
pub enum DocumentState {
    /// Stored; its passages are being made.
    Indexing,
    /// It is found.
    Ready,
    /// It is not found; `error` says why.
    Failed,
}

impl DocumentState {
    pub const ALL: [Self; 3] = [Self::Indexing, Self::Ready, Self::Failed];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Indexing => "indexing",
            Self::Ready => "ready",
            Self::Failed => "failed",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(poem_openapi::Object))]
pub struct Document {
    pub id: DocumentId,
    pub base_id: BaseId,
    pub name: String,
    /// By its content: `text/plain`, `text/markdown`, `text/html` or `application/pdf`.
    pub content_type: String,
    pub bytes: u64,
    pub state: DocumentState,
    pub passages: u64,
    pub error: Option<String>,
    pub created_by: UserId,
    pub created_at: DateTime<Utc>,
}

/// A passage that fits a query.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(poem_openapi::Object))]
pub struct Hit {
    pub document_id: DocumentId,
    pub document: String,
    /// The passage's place in the document, from 0.
    pub passage: u32,
    /// The heading it stands under.
    pub heading: Option<String>,
    pub text: String,
    /// Greater is better; only comparable within one answer.
    pub score: f64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(
    feature = "openapi",
    derive(poem_openapi::Object),
    oai(deny_unknown_fields)
)]
pub struct CreateBase {
    /// 1 to 100 characters.
    pub name: String,
    /// Up to 2,000 characters.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", oai(default))]
    pub description: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", oai(skip_serializing_if_is_none))]
    pub embedding_model: Option<String>,
}
request!(CreateBase => Base, "agent.create_base", Access::Permission(Permission::KnowledgeWrite),
    example: CreateBase { name: "handbook".into(), description: "How we work.".into(), embedding_model: None });

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GetBase {
    pub base_id: BaseId,
}
request!(GetBase => Base, "agent.get_base", Access::Permission(Permission::KnowledgeRead), objects: &["base_id"],
    example: GetBase { base_id: BaseId::EXAMPLE });

/// By name.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListBases {
    #[serde(default)]
    pub search: Option<String>,
    #[serde(default)]
    pub paging: Paging,
}
request!(ListBases => Page<Base>, "agent.bases", Access::Permission(Permission::KnowledgeRead), example: ListBases::default());

/// Changes what is present. Another embedding model takes effect with a re-indexing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UpdateBase {
    pub base_id: BaseId,
    #[serde(default)]
    pub name: Option<String>,
    #[serde(default)]
    pub description: Option<String>,
    #[serde(default)]
    pub embedding_model: Option<String>,
}
request!(UpdateBase => Base, "agent.update_base", Access::Permission(Permission::KnowledgeWrite), objects: &["base_id"],
    example: UpdateBase { base_id: BaseId::EXAMPLE, name: None, description: Some(String::new()), embedding_model: None });

/// Deletes the base with all its documents and passages, for good.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeleteBase {
    pub base_id: BaseId,
}
request!(DeleteBase => (), "agent.delete_base", Access::Permission(Permission::KnowledgeWrite), objects: &["base_id"],
    example: DeleteBase { base_id: BaseId::EXAMPLE });

/// Embeds all documents anew; searches find the old passages until the new ones are there.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReindexBase {
    pub base_id: BaseId,
}
request!(ReindexBase => Base, "agent.reindex_base", Access::Permission(Permission::KnowledgeWrite), objects: &["base_id"],
    example: ReindexBase { base_id: BaseId::EXAMPLE });

/// Adds a document. Answered when it is stored; it is found once its state is `ready`.
///
/// Exactly one of `content` and `upload_id` is set.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AddDocument {
    pub base_id: BaseId,
    /// 1 to 200 characters.
    pub name: String,
    /// What the sender takes it for; the content decides.
    #[serde(default)]
    pub content_type: Option<String>,
    /// A text of up to 512 KiB.
    #[serde(default)]
    pub content: Option<String>,
    /// A file of up to 20 MiB that was put into the bucket `UPLOADS`.
    #[serde(default)]
    pub upload_id: Option<UploadId>,
}
request!(AddDocument => Document, "agent.add_document", Access::Permission(Permission::KnowledgeWrite), objects: &["base_id"],
    example: AddDocument { base_id: BaseId::EXAMPLE, name: "holidays.md".into(), content_type: None, content: Some("# Holidays\n30 days.".into()), upload_id: None });

/// By name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListDocuments {
    pub base_id: BaseId,
    #[serde(default)]
    pub paging: Paging,
}
request!(ListDocuments => Page<Document>, "agent.documents", Access::Permission(Permission::KnowledgeRead), objects: &["base_id"],
    example: ListDocuments { base_id: BaseId::EXAMPLE, paging: Paging::default() });

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GetDocument {
    pub base_id: BaseId,
    pub document_id: DocumentId,
}
request!(GetDocument => Document, "agent.get_document", Access::Permission(Permission::KnowledgeRead), objects: &["base_id", "document_id"],
    example: GetDocument { base_id: BaseId::EXAMPLE, document_id: DocumentId::EXAMPLE });

/// Reads a document back as it came, piece by piece.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReadDocument {
    pub base_id: BaseId,
    pub document_id: DocumentId,
    /// Where the piece begins.
    #[serde(default)]
    pub offset: u64,
}
request!(ReadDocument => FilePart, "agent.read_document", Access::Permission(Permission::KnowledgeRead), objects: &["base_id", "document_id"],
    example: ReadDocument { base_id: BaseId::EXAMPLE, document_id: DocumentId::EXAMPLE, offset: 0 });

/// Deletes the document with its passages, for good.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeleteDocument {
    pub base_id: BaseId,
    pub document_id: DocumentId,
}
request!(DeleteDocument => (), "agent.delete_document", Access::Permission(Permission::KnowledgeWrite), objects: &["base_id", "document_id"],
    example: DeleteDocument { base_id: BaseId::EXAMPLE, document_id: DocumentId::EXAMPLE });

/// Searches by meaning and by words together. The best first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SearchBase {
    pub base_id: BaseId,
    /// 1 to 4,000 characters.
    pub query: String,
    /// 1 to 50, 5 when absent.
    #[serde(default)]
    pub limit: Option<u32>,
}
request!(SearchBase => Hits, "agent.search", Access::Permission(Permission::KnowledgeSearch), objects: &["base_id"],
    example: SearchBase { base_id: BaseId::EXAMPLE, query: "how many days off?".into(), limit: None });

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(poem_openapi::Object))]
pub struct Hits {
    pub items: Vec<Hit>,
}
