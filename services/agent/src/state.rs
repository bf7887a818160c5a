//! What handlers and tasks share.

use tokio::sync::Notify;

use crate::{
    Config, Error,
    knowledge::{KnowledgeStore, Queue},
    memory::MemoryStore,
    store::{AgentStore, MIGRATIONS},
};

/// The stores of this service.
pub struct State {
    pub(crate) store: AgentStore,
    pub(crate) knowledge: KnowledgeStore,
    pub(crate) queue: Queue,
    /// This process has put something into the queue.
    pub(crate) wake: Notify,
    pub(crate) memory: MemoryStore,
}

impl State {
    /// # Errors
    /// When PostgreSQL is not there or not migrated.
    pub async fn connect(config: &Config) -> Result<Self, Error> {
        let pool = sql::Pool::connect(&config.sql, &MIGRATIONS).await?;
        Ok(Self {
            store: AgentStore::new(pool.clone()),
            knowledge: KnowledgeStore::new(pool.clone()),
            queue: Queue::new(pool.clone()),
            wake: Notify::new(),
            memory: MemoryStore::new(pool),
        })
    }
}
