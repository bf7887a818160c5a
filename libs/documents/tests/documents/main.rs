//! The archive on a real server that speaks MongoDB's protocol.

#![allow(clippy::unwrap_used, reason = "a test may panic, and its helpers too")]

mod calls;
mod chats;
mod events;

use documents::{Archive, Config};
use testkit::Mongo;

async fn archive(database: &Mongo) -> Archive {
    let config = Config::new(database.url(), database.database());
    Archive::connect(&config).await.unwrap()
}
