//! The texts of conversations. They belong to messages whose rows are in PostgreSQL, and live as long as those: unlike
//! what the archive keeps, they are not forgotten after a time.

use std::collections::HashMap;

use contracts::{
    chat::ChatToolCall,
    execution::{StepError, Usage},
    id::{ChatId, MessageId, TenantId},
};
use mongodb::bson::{Document, doc};
use serde::{Deserialize, Serialize};

use crate::{Archive, Error};

pub(crate) const COLLECTION: &str = "chat_messages";
pub(crate) const INDEXES: &[(&str, &[&str])] = &[(COLLECTION, &["tenant", "session"])];

/// What a message says, and what came with it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ChatText {
    pub content: String,
    pub tool_calls: Vec<ChatToolCall>,
    pub usage: Option<Usage>,
    pub error: Option<StepError>,
}

#[derive(Deserialize)]
struct Stored {
    #[serde(rename = "_id")]
    id: String,
    /// JSON. As BSON, keys with `.` or `$` and numbers past 63 bits would not come back as they went in.
    text: String,
}

impl Archive {
    /// Keeps the text of a message; one that is there is replaced.
    ///
    /// # Errors
    /// [`Error::Unavailable`], [`Error::Timeout`]: it may have been kept all the same.
    pub async fn put_chat_text(
        &self,
        tenant: TenantId,
        session: ChatId,
        message: MessageId,
        text: &ChatText,
    ) -> Result<(), Error> {
        self.ensure_indexes().await?;
        let id = message.to_string();
        let text = serde_json::to_string(text).map_err(|source| Error::Unreadable {
            id: id.clone(),
            source,
        })?;
        let key = doc! {"_id": id.clone(), "tenant": tenant.to_string()};
        let document = doc! {
            "_id": id,
            "tenant": tenant.to_string(),
            "session": session.to_string(),
            "text": text,
        };
        let collection = self.collection(COLLECTION);
        let replace = collection.replace_one(key, document).upsert(true);
        self.within(replace.into_future()).await?;
        Ok(())
    }

    /// The texts of these messages; those that have none, or are another tenant's, are missing.
    ///
    /// # Errors
    /// [`Error::Unavailable`], [`Error::Timeout`].
    pub async fn chat_texts(
        &self,
        tenant: TenantId,
        messages: &[MessageId],
    ) -> Result<HashMap<MessageId, ChatText>, Error> {
        let ids: Vec<String> = messages.iter().map(MessageId::to_string).collect();
        let limit = u32::try_from(ids.len()).unwrap_or(u32::MAX);
        if limit == 0 {
            return Ok(HashMap::new());
        }
        let filter = doc! {"tenant": tenant.to_string(), "_id": {"$in": ids}};
        let found: Vec<Stored> = self
            .find(COLLECTION, filter, doc! {"_id": 1}, limit)
            .await?;
        let mut texts = HashMap::new();
        for stored in found {
            let text = serde_json::from_str(&stored.text).map_err(|source| Error::Unreadable {
                id: stored.id.clone(),
                source,
            })?;
            if let Ok(message) = stored.id.parse() {
                texts.insert(message, text);
            }
        }
        Ok(texts)
    }

    /// Deletes the text of one message.
    ///
    /// # Errors
    /// [`Error::Unavailable`], [`Error::Timeout`].
    pub async fn delete_chat_text(
        &self,
        tenant: TenantId,
        message: MessageId,
    ) -> Result<(), Error> {
        self.delete_chats(doc! {"tenant": tenant.to_string(), "_id": message.to_string()})
            .await
    }

    /// Deletes all texts of a conversation.
    ///
    /// # Errors
    /// [`Error::Unavailable`], [`Error::Timeout`]: part of them may be deleted.
    pub async fn delete_chat_texts(&self, tenant: TenantId, session: ChatId) -> Result<(), Error> {
        self.delete_chats(doc! {"tenant": tenant.to_string(), "session": session.to_string()})
            .await
    }

    async fn delete_chats(&self, filter: Document) -> Result<(), Error> {
        let collection = self.collection(COLLECTION);
        self.within(collection.delete_many(filter).into_future())
            .await?;
        Ok(())
    }
}
