//! Files of sessions.

use chrono::{DateTime, Utc};
use contracts::{
    chat::{Attachment, ReadAttachment},
    file::{FilePart, place_in_sql},
    id::{AttachmentId, ChatId, MessageId, TenantId, UserId},
};
use sea_orm::{
    ColumnTrait, EntityTrait, IntoActiveModel, PaginatorTrait, QueryFilter, QueryOrder,
    QuerySelect,
    prelude::Uuid,
    sea_query::{Expr, LockType},
};

use crate::{
    domain::history::Attached,
    error::Error,
    store::{ChatStore, entities::attachment, owned},
};

/// Files of one session at most.
const FILES: u64 = 100;

/// A file as it is kept.
pub(crate) struct NewFile {
    pub(crate) attachment: Attachment,
    pub(crate) text: Option<String>,
    pub(crate) content: Vec<u8>,
}

impl ChatStore {
    pub(crate) async fn insert_attachment(
        &self,
        tenant: TenantId,
        owner: UserId,
        session: ChatId,
        file: NewFile,
        now: DateTime<Utc>,
    ) -> Result<(), Error> {
        let transaction = self.begin(tenant).await?;
        // Under the lock nobody else adds one too many.
        owned(&transaction, owner, session, Some(LockType::Update)).await?;
        let count = attachment::Entity::find()
            .filter(attachment::Column::SessionId.eq(session.uuid()))
            .count(transaction.conn())
            .await
            .map_err(sql::Error::from)?;
        if count >= FILES {
            return Err(Error::TooManyAttachments);
        }
        let row = attachment::Model {
            id: file.attachment.id.uuid(),
            session_id: session.uuid(),
            message_id: None,
            name: file.attachment.name,
            content_type: file.attachment.content_type,
            bytes: i64::try_from(file.attachment.bytes).expect("a file has at most 10 MiB"),
            text: file.text,
            content: file.content,
            created_at: now,
        };
        attachment::Entity::insert(row.into_active_model())
            .exec_without_returning(transaction.conn())
            .await
            .map_err(sql::Error::from)?;
        Ok(transaction.commit().await?)
    }

    /// A piece of a file, whether its question was sent or not.
    pub(crate) async fn file_part(
        &self,
        tenant: TenantId,
        owner: UserId,
        read: &ReadAttachment,
    ) -> Result<FilePart, Error> {
        let transaction = self.begin(tenant).await?;
        owned(&transaction, owner, read.session_id, None).await?;
        let length = i32::try_from(FilePart::MAX_BYTES).expect("a piece is small");
        let place = [place_in_sql(read.offset), length];
        let piece = Expr::cust_with_values("substring(content from $1 for $2)", place);
        let found: Option<(String, String, i64, Vec<u8>)> =
            attachment::Entity::find_by_id(read.attachment_id.uuid())
                .select_only()
                .columns([
                    attachment::Column::Name,
                    attachment::Column::ContentType,
                    attachment::Column::Bytes,
                ])
                .column_as(piece, "piece")
                .filter(attachment::Column::SessionId.eq(read.session_id.uuid()))
                .into_tuple()
                .one(transaction.conn())
                .await
                .map_err(sql::Error::from)?;
        let (name, content_type, bytes, piece) =
            found.ok_or(Error::FileNotFound(read.attachment_id))?;
        Ok(FilePart::new(
            name,
            content_type,
            bytes.unsigned_abs(),
            &piece,
        ))
    }

    /// The files of these messages, in the order they were added, without what is in them.
    pub(crate) async fn attachments(
        &self,
        tenant: TenantId,
        messages: &[MessageId],
    ) -> Result<Vec<(MessageId, Attachment)>, Error> {
        let transaction = self.begin(tenant).await?;
        let found: Vec<(Uuid, Uuid, String, String, i64)> = attachment::Entity::find()
            .select_only()
            .columns([
                attachment::Column::MessageId,
                attachment::Column::Id,
                attachment::Column::Name,
                attachment::Column::ContentType,
                attachment::Column::Bytes,
            ])
            .filter(attachment::Column::MessageId.is_in(messages.iter().map(|id| id.uuid())))
            .order_by_asc(attachment::Column::Id)
            .into_tuple()
            .all(transaction.conn())
            .await
            .map_err(sql::Error::from)?;
        let files = found
            .into_iter()
            .map(|(message, id, name, content_type, bytes)| {
                let file = Attachment {
                    id: AttachmentId::from_uuid(id),
                    name,
                    content_type,
                    bytes: bytes.unsigned_abs(),
                };
                (MessageId::from_uuid(message), file)
            });
        Ok(files.collect())
    }

    /// What can be read of the files of these messages, the newest first.
    pub(crate) async fn attached(
        &self,
        tenant: TenantId,
        messages: &[MessageId],
    ) -> Result<Vec<Attached>, Error> {
        let transaction = self.begin(tenant).await?;
        let found: Vec<(String, String, Option<String>)> = attachment::Entity::find()
            .select_only()
            .columns([
                attachment::Column::Name,
                attachment::Column::ContentType,
                attachment::Column::Text,
            ])
            .filter(attachment::Column::MessageId.is_in(messages.iter().map(|id| id.uuid())))
            .order_by_desc(attachment::Column::Id)
            .into_tuple()
            .all(transaction.conn())
            .await
            .map_err(sql::Error::from)?;
        let files = found
            .into_iter()
            .map(|(name, content_type, text)| Attached {
                name,
                content_type,
                text,
            });
        Ok(files.collect())
    }
}
