//! The connection, the indexes, and writing twice without harm.

use std::{sync::Arc, time::Duration};

use mongodb::{
    Client, Collection, Database, IndexModel,
    bson::{DateTime, Document, doc},
    error::{Error as DriverError, ErrorKind},
    options::{Acknowledgment, ClientOptions, IndexOptions, ReadConcern, WriteConcern},
};
use secrecy::ExposeSecret;
use serde::de::DeserializeOwned;
use tokio::sync::OnceCell;

use crate::{Config, Error, bodies, calls, chats, events, payloads};

/// Documents in one message to the server.
const BATCH: usize = 500;
/// MongoDB's code for a key that exists.
const DUPLICATE_KEY: i32 = 11000;
/// How long a connection may take, and how long to look for a server.
const CONNECT: Duration = Duration::from_secs(3);

/// The archive. Clones share its connections.
#[derive(Clone)]
pub struct Archive {
    pub(crate) database: Database,
    timeout: Duration,
    retention: Duration,
    indexes: Arc<OnceCell<()>>,
}

impl Archive {
    /// Reads the configuration. Connections are made when they are first needed: a server that is down stops no service.
    ///
    /// # Errors
    /// [`Error::Url`].
    pub async fn connect(config: &Config) -> Result<Self, Error> {
        let url = config.mongo_url.expose_secret();
        let mut options = ClientOptions::parse(url).await.map_err(Error::Url)?;
        options.app_name = Some("troupe".to_owned());
        options.max_pool_size = Some(config.mongo_pool);
        options.connect_timeout = Some(CONNECT);
        options.server_selection_timeout = Some(CONNECT);
        options.read_concern = Some(ReadConcern::majority());
        let acknowledged = WriteConcern::builder()
            .w(Acknowledgment::Majority)
            .journal(true);
        options.write_concern = Some(acknowledged.build());
        let client = Client::with_options(options).map_err(Error::Url)?;
        Ok(Self {
            database: client.database(&config.mongo_database),
            timeout: config.timeout(),
            retention: config.retention(),
            indexes: Arc::default(),
        })
    }

    /// One round trip to the server.
    ///
    /// # Errors
    /// [`Error::Unavailable`], [`Error::Timeout`].
    pub async fn ping(&self) -> Result<(), Error> {
        self.within(async { self.database.run_command(doc! {"ping": 1}).await })
            .await?;
        Ok(())
    }

    pub(crate) fn collection(&self, name: &str) -> Collection<Document> {
        self.database.collection(name)
    }

    /// When what happened at `at` is forgotten.
    pub(crate) fn expiry(&self, at: DateTime) -> DateTime {
        let retention = i64::try_from(self.retention.as_millis()).unwrap_or(i64::MAX);
        DateTime::from_millis(at.timestamp_millis().saturating_add(retention))
    }

    /// Writes documents; those whose `_id` is there already are left as they are.
    pub(crate) async fn put(&self, name: &str, documents: &[Document]) -> Result<(), Error> {
        self.ensure_indexes().await?;
        let collection = self.collection(name);
        for batch in documents.chunks(BATCH) {
            let insert = collection.insert_many(batch).ordered(false).into_future();
            match self.within(insert).await {
                Err(Error::Refused(error)) if only_duplicates(&error) => {}
                outcome => drop(outcome?),
            }
        }
        Ok(())
    }

    /// The documents of a filter that names the tenant, in the order of `sort`.
    pub(crate) async fn find<T>(
        &self,
        name: &str,
        filter: Document,
        sort: Document,
        limit: u32,
    ) -> Result<Vec<T>, Error>
    where
        T: DeserializeOwned + Send + Sync + Unpin,
    {
        debug_assert!(filter.contains_key("tenant"), "a read names its tenant");
        let collection = self.database.collection::<T>(name);
        self.within(async {
            let found = collection
                .find(filter)
                .sort(sort)
                .limit(i64::from(limit))
                .await?;
            futures::TryStreamExt::try_collect(found).await
        })
        .await
    }

    pub(crate) async fn ensure_indexes(&self) -> Result<(), Error> {
        let create = async || {
            for (name, keys) in [
                events::INDEXES,
                payloads::INDEXES,
                calls::INDEXES,
                bodies::INDEXES,
                chats::INDEXES,
            ]
            .concat()
            {
                let keys = keys.iter().map(|key| ((*key).to_owned(), 1.into()));
                let index = IndexModel::builder()
                    .keys(Document::from_iter(keys))
                    .build();
                let collection = self.collection(name);
                self.within(collection.create_index(index).into_future())
                    .await?;
            }
            // The time is in each document, so another retention needs no other index.
            for name in [
                events::COLLECTION,
                payloads::COLLECTION,
                calls::COLLECTION,
                bodies::COLLECTION,
            ] {
                let at_once = IndexOptions::builder().expire_after(Duration::ZERO).build();
                let index = IndexModel::builder()
                    .keys(doc! {"expires_at": 1})
                    .options(at_once)
                    .build();
                let collection = self.collection(name);
                self.within(collection.create_index(index).into_future())
                    .await?;
            }
            Ok(())
        };
        self.indexes.get_or_try_init(create).await.copied()
    }

    pub(crate) async fn within<T>(
        &self,
        operation: impl Future<Output = Result<T, DriverError>>,
    ) -> Result<T, Error> {
        match tokio::time::timeout(self.timeout, operation).await {
            Ok(outcome) => Ok(outcome?),
            Err(_) => Err(Error::Timeout),
        }
    }
}

fn only_duplicates(error: &DriverError) -> bool {
    let ErrorKind::InsertMany(failure) = error.kind.as_ref() else {
        return false;
    };
    let errors = failure.write_errors.as_deref().unwrap_or_default();
    failure.write_concern_error.is_none()
        && !errors.is_empty()
        && errors.iter().all(|error| error.code == DUPLICATE_KEY)
}
