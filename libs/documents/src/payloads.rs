//! Values that stand apart from the events of their execution.
//!
//! **Invariant:** they are kept at least as long as the event that brought them first, and are forgotten with their execution.

use bytes::Bytes;
use contracts::{
    id::{ExecutionId, TenantId},
    payload::{PayloadHash, PayloadRef},
};
use mongodb::bson::{Binary, DateTime, Document, doc, spec::BinarySubtype};
use serde::Deserialize;

use crate::{Archive, Error, events::all_of};

pub(crate) const COLLECTION: &str = "execution_payloads";
pub(crate) const INDEXES: &[(&str, &[&str])] = &[(COLLECTION, &["tenant", "execution"])];

/// Bytes of one document, far below what MongoDB takes.
const PART: usize = 4 * 1024 * 1024;

#[derive(Deserialize)]
struct Part {
    data: Binary,
}

#[derive(Deserialize)]
struct Named {
    hash: String,
}

impl Archive {
    /// Keeps a value of an execution, brought by an event of that time. One that is there already stays as it is.
    ///
    /// # Errors
    /// [`Error::Unavailable`], [`Error::Timeout`]: part of it may have been kept.
    pub async fn put_payload(
        &self,
        tenant: TenantId,
        execution: ExecutionId,
        reference: &PayloadRef,
        text: &Bytes,
        at: chrono::DateTime<chrono::Utc>,
    ) -> Result<(), Error> {
        let expires_at = self.expiry(DateTime::from_millis(at.timestamp_millis()));
        for (number, part) in (0_i64..).zip(text.chunks(PART)) {
            let hash = reference.hash.as_str();
            let document: Document = doc! {
                "_id": format!("{execution}:{hash}:{number}"),
                "tenant": tenant.to_string(),
                "execution": execution.to_string(),
                "hash": hash,
                "part": number,
                "data": Binary { subtype: BinarySubtype::Generic, bytes: part.to_vec() },
                "expires_at": expires_at,
            };
            // One by one: all together may be more than one message to the server takes.
            self.put(COLLECTION, &[document]).await?;
        }
        Ok(())
    }

    /// The text of a value; none where it is not there, or not whole.
    ///
    /// # Errors
    /// [`Error::Unavailable`], [`Error::Timeout`].
    pub async fn payload(
        &self,
        tenant: TenantId,
        execution: ExecutionId,
        reference: &PayloadRef,
    ) -> Result<Option<Bytes>, Error> {
        let text = self.text(tenant, execution, &reference.hash).await?;
        Ok(text.filter(|text| text.len() as u64 == reference.bytes))
    }

    /// The text of a value by its name alone, which the caller holds against it; none where nothing of it is there.
    ///
    /// # Errors
    /// [`Error::Unavailable`], [`Error::Timeout`].
    pub async fn payload_named(
        &self,
        tenant: TenantId,
        execution: ExecutionId,
        name: &PayloadHash,
    ) -> Result<Option<Bytes>, Error> {
        self.text(tenant, execution, name.as_str()).await
    }

    async fn text(
        &self,
        tenant: TenantId,
        execution: ExecutionId,
        hash: &str,
    ) -> Result<Option<Bytes>, Error> {
        let mut filter = all_of(tenant, execution);
        filter.insert("hash", hash);
        let parts: Vec<Part> = self.find(COLLECTION, filter, doc! {"part": 1}, 0).await?;
        let bytes: Vec<u8> = parts.into_iter().flat_map(|part| part.data.bytes).collect();
        Ok((!bytes.is_empty()).then(|| bytes.into()))
    }

    /// The hashes of all values that an execution has, whole or in part.
    ///
    /// # Errors
    /// [`Error::Unavailable`], [`Error::Timeout`].
    pub async fn payload_hashes(
        &self,
        tenant: TenantId,
        execution: ExecutionId,
    ) -> Result<std::collections::BTreeSet<String>, Error> {
        let filter = all_of(tenant, execution);
        let collection = self.database.collection::<Named>(COLLECTION);
        let named: Vec<Named> = self
            .within(async {
                let found = collection
                    .find(filter)
                    .projection(doc! {"_id": 0, "hash": 1})
                    .await?;
                futures::TryStreamExt::try_collect(found).await
            })
            .await?;
        Ok(named.into_iter().map(|named| named.hash).collect())
    }
}
