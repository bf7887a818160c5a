//! What executions execute, by hash: an execution can be read back as long as its definition is there.

use mongodb::bson::{Document, doc};

use crate::{Archive, Error};

const COLLECTION: &str = "definitions";

impl Archive {
    /// Keeps the text of a definition for good. One that is there already stays as it is.
    ///
    /// # Errors
    /// [`Error::Unavailable`], [`Error::Timeout`].
    pub async fn put_definition(&self, hash: &str, text: &str) -> Result<(), Error> {
        self.put(COLLECTION, &[doc! {"_id": hash, "text": text}])
            .await
    }

    /// The text of a definition, whosever it is: the hash has to come from a record of an execution. None where it was never
    /// kept.
    ///
    /// # Errors
    /// [`Error::Unavailable`], [`Error::Timeout`].
    pub async fn definition(&self, hash: &str) -> Result<Option<String>, Error> {
        let collection = self.collection(COLLECTION);
        let found: Option<Document> = self
            .within(collection.find_one(doc! {"_id": hash}).into_future())
            .await?;
        Ok(found.and_then(|found| found.get_str("text").ok().map(str::to_owned)))
    }
}
