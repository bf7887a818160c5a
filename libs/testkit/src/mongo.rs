//! A MongoDB database per test, on the server of the run.

use mongodb::Client;
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
