//! The events of executions.

use bytes::Bytes;
use contracts::{
    id::{ExecutionId, TenantId},
    live::Frame,
};
use mongodb::bson::{DateTime, Document, doc};
use serde::Deserialize;
use serde_json::Value;

use crate::{Archive, Error, bodies, payloads};

pub(crate) const COLLECTION: &str = "execution_events";
pub(crate) const INDEXES: &[(&str, &[&str])] = &[(COLLECTION, &["tenant", "execution", "n"])];
/// What is kept and forgotten with an execution.
const OF_EXECUTIONS: [&str; 3] = [COLLECTION, payloads::COLLECTION, bodies::COLLECTION];

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
    /// What only the engine reads beside the event, as JSON.
    pub private: Option<String>,
}

/// An event as the engine reads it back, to go on with an execution.
#[derive(Clone, Debug, PartialEq)]
pub struct ArchivedRecord {
    pub frame: Frame,
    /// The frame as JSON, the very text that was archived.
    pub text: Bytes,
    pub vars: Option<Value>,
    pub private: Option<String>,
}

#[derive(Deserialize)]
struct Stored {
    #[serde(rename = "_id")]
    id: String,
    /// JSON. As BSON, keys with `.` or `$` and numbers past 63 bits would not come back as they went in.
    frame: String,
}

#[derive(Deserialize)]
struct StoredRecord {
    #[serde(rename = "_id")]
    id: String,
    frame: String,
    /// JSON, as the frame is.
    vars: Option<String>,
    private: Option<String>,
}

#[derive(Deserialize)]
struct Begun {
    execution: ExecutionId,
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

    /// As [`Archive::events`], with what only the engine reads.
    ///
    /// # Errors
    /// [`Error::Unavailable`], [`Error::Timeout`], [`Error::Unreadable`].
    pub async fn records(
        &self,
        tenant: TenantId,
        execution: ExecutionId,
        after: u64,
        limit: u32,
    ) -> Result<Vec<ArchivedRecord>, Error> {
        let mut filter = all_of(tenant, execution);
        filter.insert("n", doc! {"$gt": i64::try_from(after).unwrap_or(i64::MAX)});
        let found: Vec<StoredRecord> = self.find(COLLECTION, filter, doc! {"n": 1}, limit).await?;
        let records = found.into_iter().map(|stored| {
            let unreadable = |source| Error::Unreadable {
                id: stored.id.clone(),
                source,
            };
            let vars = stored.vars.as_deref().map(serde_json::from_str);
            Ok(ArchivedRecord {
                frame: serde_json::from_str(&stored.frame).map_err(unreadable)?,
                vars: vars.transpose().map_err(unreadable)?,
                text: stored.frame.into(),
                private: stored.private,
            })
        });
        records.collect()
    }

    /// Keeps the events of an execution that waits until [`Archive::let_expire`], however long that is.
    ///
    /// # Errors
    /// [`Error::Unavailable`], [`Error::Timeout`].
    pub async fn hold_events(&self, tenant: TenantId, execution: ExecutionId) -> Result<(), Error> {
        // By the execution alone: a condition on `expires_at` could be looked up by the index that all events are in.
        let filter = all_of(tenant, execution);
        let hold = doc! {"$unset": {"expires_at": ""}};
        for name in OF_EXECUTIONS {
            let collection = self.collection(name);
            let update = collection.update_many(filter.clone(), hold.clone());
            self.within(update.into_future()).await?;
        }
        Ok(())
    }

    /// Lets the events of an execution that ended at `at` be forgotten in time.
    ///
    /// # Errors
    /// [`Error::Unavailable`], [`Error::Timeout`].
    pub async fn let_expire(
        &self,
        tenant: TenantId,
        execution: ExecutionId,
        at: chrono::DateTime<chrono::Utc>,
    ) -> Result<(), Error> {
        let expires_at = self.expiry(DateTime::from_millis(at.timestamp_millis()));
        let expire = doc! {"$set": {"expires_at": expires_at}};
        for name in OF_EXECUTIONS {
            let collection = self.collection(name);
            let update = collection.update_many(all_of(tenant, execution), expire.clone());
            self.within(update.into_future()).await?;
        }
        Ok(())
    }

    /// The executions of an organization that began after a moment, as far as their events are to expire: those that wait are
    /// not among them.
    ///
    /// # Errors
    /// [`Error::Unavailable`], [`Error::Timeout`], [`Error::Unreadable`].
    pub async fn begun_since(
        &self,
        tenant: TenantId,
        since: chrono::DateTime<chrono::Utc>,
    ) -> Result<Vec<ExecutionId>, Error> {
        // The time at which they expire has an index.
        let expires_at = self.expiry(DateTime::from_millis(since.timestamp_millis()));
        let filter = doc! {
            "tenant": tenant.to_string(),
            "n": 1_i64,
            "expires_at": {"$gt": expires_at},
        };
        let found: Vec<Begun> = self.find(COLLECTION, filter, doc! {"ts": 1}, 0).await?;
        Ok(found.into_iter().map(|begun| begun.execution).collect())
    }

    /// Forgets the events of an execution that follow number `n`.
    ///
    /// # Errors
    /// [`Error::Unavailable`], [`Error::Timeout`].
    pub async fn delete_events_after(
        &self,
        tenant: TenantId,
        execution: ExecutionId,
        n: u64,
    ) -> Result<(), Error> {
        let mut filter = all_of(tenant, execution);
        filter.insert("n", doc! {"$gt": i64::try_from(n).unwrap_or(i64::MAX)});
        let collection = self.collection(COLLECTION);
        self.within(collection.delete_many(filter).into_future())
            .await?;
        Ok(())
    }

    /// Forgets all events of these executions, their values, and the words of what they asked models.
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
        for name in OF_EXECUTIONS {
            let collection = self.collection(name);
            self.within(collection.delete_many(filter.clone()).into_future())
                .await?;
        }
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
            private,
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
        if let Some(private) = private {
            document.insert("private", private);
        }
        Ok(document)
    }
}

pub(crate) fn all_of(tenant: TenantId, execution: ExecutionId) -> Document {
    doc! {"tenant": tenant.to_string(), "execution": execution.to_string()}
}
