//! Knowledge: bases of documents, cut into passages that are found by meaning and by words.
//!
//! Reading order: [`domain`] has the rules, [`store`] the questions to the database, [`handlers`] put them in order.
//! Beside them the [`indexer`] makes passages of the documents that wait: [`queue`] says whose, [`reading`] how.

pub(crate) mod handlers;
pub(crate) mod indexer;

mod cursor;
mod domain;
mod queue;
mod reading;
mod store;

pub(crate) use queue::Queue;
pub(crate) use store::KnowledgeStore;
