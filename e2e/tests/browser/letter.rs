//! A work item that no worker can read, so that it ends among the dead letters.

use bus::{Bus, Config};
use contracts::{
    Service,
    id::ExecutionId,
    subject::{Token, WorkAddress},
    work::WorkClass,
};
use e2e::{Client, NATS_SECRET, Platform};

/// Queues it in the name of the execution service, which alone may.
pub(crate) async fn put_away(platform: &Platform, user: &Client) {
    let config = Config::of(platform.nats_url(), NATS_SECRET, Service::Execution);
    let bus = Bus::connect(&config).await.unwrap();
    let address = WorkAddress {
        class: WorkClass::Http,
        tenant: user.organization.parse().unwrap(),
        execution: ExecutionId::generate(),
        step: Token::new("fetch").unwrap(),
        attempt: 1,
    };
    let item = format!("no item {}", "x".repeat(5000));
    let queued = bus.redispatch(&address, item.into(), "unreadable").await;
    queued.unwrap();
}
