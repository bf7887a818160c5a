//! The words of questions to models and of their answers, where an organization wants them kept.

use contracts::{
    id::{CallId, ExecutionId, TenantId},
    llm::CallBodies,
};
use mongodb::bson::{DateTime, doc};
use serde::Deserialize;

use crate::{Archive, Error};

pub(crate) const COLLECTION: &str = "llm_bodies";
pub(crate) const INDEXES: &[(&str, &[&str])] = &[(COLLECTION, &["tenant", "execution"])];

/// Words on their way into the archive.
#[derive(Clone, Debug, PartialEq)]
pub struct ArchivedBodies {
    pub tenant: TenantId,
    /// They are forgotten with it.
    pub execution: Option<ExecutionId>,
    pub bodies: CallBodies,
}

#[derive(Deserialize)]
struct Stored {
    request: String,
    response: Option<String>,
    cut: bool,
}

impl Archive {
    /// Keeps the words of calls. What is there already stays as it is.
    ///
    /// # Errors
    /// [`Error::Unavailable`], [`Error::Timeout`]: part of them may have been kept.
    pub async fn put_call_bodies(&self, all: &[ArchivedBodies]) -> Result<(), Error> {
        let now = DateTime::now();
        let document = |kept: &ArchivedBodies| {
            doc! {
                "_id": kept.bodies.call_id.to_string(),
                "tenant": kept.tenant.to_string(),
                "execution": kept.execution.map(|execution| execution.to_string()),
                "request": &kept.bodies.request,
                "response": &kept.bodies.response,
                "cut": kept.bodies.cut,
                "expires_at": self.expiry(now),
            }
        };
        let documents: Vec<_> = all.iter().map(document).collect();
        self.put(COLLECTION, &documents).await
    }

    /// The words of one call; none where they were not kept, and of another tenant's call.
    ///
    /// # Errors
    /// [`Error::Unavailable`], [`Error::Timeout`].
    pub async fn call_bodies(
        &self,
        tenant: TenantId,
        id: CallId,
    ) -> Result<Option<CallBodies>, Error> {
        let filter = doc! {"tenant": tenant.to_string(), "_id": id.to_string()};
        let found: Vec<Stored> = self.find(COLLECTION, filter, doc! {"_id": 1}, 1).await?;
        Ok(found.into_iter().next().map(|stored| CallBodies {
            call_id: id,
            request: stored.request,
            response: stored.response,
            cut: stored.cut,
        }))
    }
}
