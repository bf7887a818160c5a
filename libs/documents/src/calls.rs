//! The calls to large language models, without prompts and answers.

use chrono::{DateTime as Time, Utc};
use contracts::{
    id::{CallId, ExecutionId, TenantId},
    llm::CallRecord,
};
use mongodb::bson::{Bson, DateTime, Decimal128, Document, doc};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::{Archive, Error};

pub(crate) const COLLECTION: &str = "llm_calls";
pub(crate) const INDEXES: &[(&str, &[&str])] = &[
    (COLLECTION, &["tenant", "execution", "ts"]),
    (COLLECTION, &["tenant", "ts"]),
];

/// A call on its way into the archive.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ArchivedCall {
    pub tenant: TenantId,
    pub record: CallRecord,
}

/// Which calls of an organization; all where nothing is said.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CallQuestion {
    pub provider: Option<String>,
    pub model: Option<String>,
    pub route: Option<String>,
    pub execution: Option<ExecutionId>,
    pub failed: Option<bool>,
    /// Only calls before this one, in a list with the newest first.
    pub before: Option<(Time<Utc>, CallId)>,
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
        found.into_iter().map(Stored::record).collect()
    }

    /// The calls of an organization, the newest first.
    ///
    /// # Errors
    /// [`Error::Unavailable`], [`Error::Timeout`].
    pub async fn latest_calls(
        &self,
        tenant: TenantId,
        question: &CallQuestion,
        limit: u32,
    ) -> Result<Vec<CallRecord>, Error> {
        let filter = filter(tenant, question);
        let newest_first = doc! {"ts": -1, "_id": -1};
        let found: Vec<Stored> = self.find(COLLECTION, filter, newest_first, limit).await?;
        found.into_iter().map(Stored::record).collect()
    }

    /// One call; none where it is another tenant's.
    ///
    /// # Errors
    /// [`Error::Unavailable`], [`Error::Timeout`].
    pub async fn call(&self, tenant: TenantId, id: CallId) -> Result<Option<CallRecord>, Error> {
        let filter = doc! {"tenant": tenant.to_string(), "_id": id.to_string()};
        let found: Vec<Stored> = self.find(COLLECTION, filter, doc! {"_id": 1}, 1).await?;
        found.into_iter().next().map(Stored::record).transpose()
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
            "route": &record.route,
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

impl Stored {
    fn record(self) -> Result<CallRecord, Error> {
        serde_json::from_str(&self.record).map_err(|source| Error::Unreadable {
            id: self.id,
            source,
        })
    }
}

fn filter(tenant: TenantId, question: &CallQuestion) -> Document {
    let mut filter = doc! {"tenant": tenant.to_string()};
    let named = [
        ("provider", &question.provider),
        ("model", &question.model),
        ("route", &question.route),
    ];
    for (field, value) in named {
        if let Some(value) = value {
            // A text alone: one that looks like an operator is a text all the same.
            filter.insert(field, doc! {"$eq": value});
        }
    }
    if let Some(execution) = question.execution {
        filter.insert("execution", execution.to_string());
    }
    match question.failed {
        Some(true) => drop(filter.insert("error", doc! {"$ne": Bson::Null})),
        Some(false) => drop(filter.insert("error", Bson::Null)),
        None => {}
    }
    if let Some((at, id)) = question.before {
        let at = DateTime::from_millis(at.timestamp_millis());
        let same_time = doc! {"ts": at, "_id": {"$lt": id.to_string()}};
        filter.insert("$or", vec![doc! {"ts": {"$lt": at}}, same_time]);
    }
    filter
}

fn count(tokens: u64) -> i64 {
    i64::try_from(tokens).unwrap_or(i64::MAX)
}

/// As a number that the server can add up.
fn decimal(cost: Decimal) -> Option<Decimal128> {
    cost.to_string().parse().ok()
}
