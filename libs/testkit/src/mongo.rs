//! A MongoDB database per test, on the server of the run.

use mongodb::{
    Client,
    bson::{Document, doc},
};
use uuid::Uuid;

use crate::servers::{clean_up_on_drop, from_environment};

/// The name of a database nobody else uses. Dropped on drop.
#[derive(Debug)]
pub struct Mongo {
    url: String,
    database: String,
}

impl Mongo {
    /// The server makes a database when it is first written to, so there is
    /// nothing to wait for.
    ///
    /// # Panics
    /// When the run has no MongoDB server.
    #[must_use]
    pub fn create() -> Self {
        Self {
            url: from_environment("TROUPE_TEST_MONGO_URL"),
            database: format!("test_{}", Uuid::now_v7().simple()),
        }
    }

    /// The server's URL, without a database in it.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The name of this test's database.
    #[must_use]
    pub fn database(&self) -> &str {
        &self.database
    }

    /// How many documents of a collection have a field.
    ///
    /// # Panics
    /// When the server does not answer.
    pub async fn count(&self, collection: &str, field: &str) -> u64 {
        let client = Client::with_uri_str(&self.url).await.expect("a server");
        let collection = client
            .database(&self.database)
            .collection::<Document>(collection);
        let having = doc! {field: {"$exists": true}};
        let counted = collection.count_documents(having).await;
        counted.expect("a server that answers")
    }
}

impl Drop for Mongo {
    fn drop(&mut self) {
        let (url, name) = (self.url.clone(), self.database.clone());
        clean_up_on_drop(&format!("MongoDB database `{name}`"), async move {
            let client = Client::with_uri_str(&url).await?;
            client.database(&name).drop().await?;
            Ok(())
        });
    }
}
