//! The calls to large language models, without prompts and answers.

use contracts::{
    id::{ExecutionId, TenantId},
    llm::CallRecord,
};
use mongodb::bson::{DateTime, Decimal128, Document, doc};
use rust_decimal::Decimal;
use serde::Deserialize;

use crate::{Archive, Error};

pub(crate) const COLLECTION: &str = "llm_calls";
pub(crate) const INDEXES: &[(&str, &[&str])] = &[
    (COLLECTION, &["tenant", "execution", "ts"]),
    (COLLECTION, &["tenant", "ts"]),
];

/// A call on its way into the archive.
#[derive(Clone, Debug, PartialEq)]
pub struct ArchivedCall {
    pub tenant: TenantId,
    pub record: CallRecord,
}

#[derive(Deserialize)]
struct Stored {
    #[serde(rename = "_id")]
    id: String,
    record: String,
}

impl Archive {
    /// Keeps calls. One that is there already stays as it is.
    ///
    /// # Errors
    /// [`Error::Unavailable`], [`Error::Timeout`]: part of the calls may have been kept.
    pub async fn put_calls(&self, calls: &[ArchivedCall]) -> Result<(), Error> {
        let documents = calls.iter().map(|call| self.call_document(call));
        let documents: Vec<Document> = documents.collect::<Result<_, _>>()?;
        self.put(COLLECTION, &documents).await
    }

    /// The calls of an execution, the oldest first. None for another tenant's execution.
    ///
    /// # Errors
    /// [`Error::Unavailable`], [`Error::Timeout`].
    pub async fn calls(
        &self,
        tenant: TenantId,
        execution: ExecutionId,
        limit: u32,
    ) -> Result<Vec<CallRecord>, Error> {
        let filter = doc! {
            "tenant": tenant.to_string(),
            "execution": execution.to_string(),
        };
        let found: Vec<Stored> = self.find(COLLECTION, filter, doc! {"ts": 1}, limit).await?;
        let records = found.into_iter().map(|stored| {
            serde_json::from_str(&stored.record).map_err(|source| Error::Unreadable {
                id: stored.id,
                source,
            })
        });
        records.collect()
    }

    fn call_document(&self, call: &ArchivedCall) -> Result<Document, Error> {
        let ArchivedCall { tenant, record } = call;
        let id = record.id.to_string();
        let at = DateTime::from_millis(record.at.timestamp_millis());
        let text = serde_json::to_string(record).map_err(|source| Error::Unreadable {
            id: id.clone(),
            source,
        })?;
        Ok(doc! {
            "_id": id,
            "tenant": tenant.to_string(),
            "execution": record.execution_id.map(|execution| execution.to_string()),
            "ts": at,
            "provider": &record.provider,
            "model": &record.model,
            "flow": record.flow_id.map(|flow| flow.to_string()),
            "user": record.user_id.map(|user| user.to_string()),
            "prompt_tokens": count(record.usage.prompt_tokens),
            "completion_tokens": count(record.usage.completion_tokens),
            "cost": record.usage.cost.and_then(decimal),
            "error": &record.error,
            "record": text,
            "expires_at": self.expiry(at),
        })
    }
}

fn count(tokens: u64) -> i64 {
    i64::try_from(tokens).unwrap_or(i64::MAX)
}

/// As a number that the server can add up.
fn decimal(cost: Decimal) -> Option<Decimal128> {
    cost.to_string().parse().ok()
}
