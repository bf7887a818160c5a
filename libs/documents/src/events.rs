//! The events of executions.

use bytes::Bytes;
use contracts::{
    id::{ExecutionId, TenantId},
    live::Frame,
};
use mongodb::bson::{DateTime, Document, doc};
use serde::Deserialize;
use serde_json::Value;

use crate::{Archive, Error};

pub(crate) const COLLECTION: &str = "execution_events";
pub(crate) const INDEXES: &[(&str, &[&str])] = &[(COLLECTION, &["tenant", "execution", "n"])];

/// An event on its way into the archive.
#[derive(Clone, Debug, PartialEq)]
pub struct ArchivedFrame {
    pub tenant: TenantId,
    pub execution: ExecutionId,
    pub frame: Frame,
    /// The frame as JSON, as the log has it.
    pub text: Bytes,
    /// Beside the first event of an execution: what its expressions saw as `vars`.
    pub vars: Option<Value>,
}

#[derive(Deserialize)]
struct Stored {
    #[serde(rename = "_id")]
    id: String,
    /// JSON. As BSON, keys with `.` or `$` and numbers past 63 bits would not come back as they went in.
    frame: String,
}

#[derive(Deserialize)]
struct Seen {
    #[serde(rename = "_id")]
    id: String,
    /// JSON, as the frame is.
    vars: Option<String>,
}

impl Archive {
    /// Keeps events. One that is there already stays as it is, so the same batch may come twice.
    ///
    /// # Errors
    /// [`Error::Unavailable`], [`Error::Timeout`]: part of the events may have been kept.
    pub async fn put_events(&self, frames: &[ArchivedFrame]) -> Result<(), Error> {
        let documents = frames.iter().map(|frame| self.document(frame));
        let documents: Vec<Document> = documents.collect::<Result<_, _>>()?;
        self.put(COLLECTION, &documents).await
    }

    /// The events of an execution that follow number `after`, in order. None for another tenant's execution.
    ///
    /// # Errors
    /// [`Error::Unavailable`], [`Error::Timeout`].
    pub async fn events(
        &self,
        tenant: TenantId,
        execution: ExecutionId,
        after: u64,
        limit: u32,
    ) -> Result<Vec<Frame>, Error> {
        let Ok(after) = i64::try_from(after) else {
            return Ok(Vec::new());
        };
        let filter = doc! {
            "tenant": tenant.to_string(),
            "execution": execution.to_string(),
            "n": {"$gt": after},
        };
        let found: Vec<Stored> = self.find(COLLECTION, filter, doc! {"n": 1}, limit).await?;
        let frames = found.into_iter().map(|stored| {
            serde_json::from_str(&stored.frame).map_err(|source| Error::Unreadable {
                id: stored.id,
                source,
            })
        });
        frames.collect()
    }

    /// Forgets all events of these executions.
    ///
    /// # Errors
    /// [`Error::Unavailable`], [`Error::Timeout`]: part of them may be forgotten.
    pub async fn delete_events(
        &self,
        tenant: TenantId,
        executions: &[ExecutionId],
    ) -> Result<(), Error> {
        let ids: Vec<String> = executions.iter().map(ExecutionId::to_string).collect();
        let filter = doc! {"tenant": tenant.to_string(), "execution": {"$in": ids}};
        let collection = self.collection(COLLECTION);
        self.within(collection.delete_many(filter).into_future())
            .await?;
        Ok(())
    }

    /// The variables that an execution saw. None where it is not there, or was archived before they were kept.
    ///
    /// # Errors
    /// [`Error::Unavailable`], [`Error::Timeout`].
    pub async fn vars(
        &self,
        tenant: TenantId,
        execution: ExecutionId,
    ) -> Result<Option<Value>, Error> {
        let filter = doc! {
            "tenant": tenant.to_string(),
            "execution": execution.to_string(),
            "n": 1_i64,
        };
        let found: Vec<Seen> = self.find(COLLECTION, filter, doc! {"n": 1}, 1).await?;
        let Some(Seen {
            id,
            vars: Some(vars),
        }) = found.into_iter().next()
        else {
            return Ok(None);
        };
        let read = serde_json::from_str(&vars);
        read.map(Some)
            .map_err(|source| Error::Unreadable { id, source })
    }

    fn document(&self, archived: &ArchivedFrame) -> Result<Document, Error> {
        let ArchivedFrame {
            tenant,
            execution,
            frame,
            text,
            vars,
        } = archived;
        let id = format!("{execution}:{}", frame.n);
        let n = i64::try_from(frame.n).expect("an execution has fewer than 2^63 events");
        let at = DateTime::from_millis(frame.ts.timestamp_millis());
        let text = std::str::from_utf8(text).map_err(|source| Error::Unreadable {
            id: id.clone(),
            source: serde::de::Error::custom(source),
        })?;
        let mut document = doc! {
            "_id": id,
            "tenant": tenant.to_string(),
            "execution": execution.to_string(),
            "n": n,
            "ts": at,
            "type": frame.event.kind(),
            "frame": text,
            "expires_at": self.expiry(at),
        };
        if let Some(vars) = vars {
            document.insert("vars", vars.to_string());
        }
        Ok(document)
    }
}
