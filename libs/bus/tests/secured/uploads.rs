//! Files between the gateway and the services that keep them, and events for one service.

use std::time::Duration;

use bus::{Bus, Delivery, Error, MAX_UPLOAD};
use contracts::{
    Service,
    execution::{ExecutionState, Finished, Origin, Usage},
    id::{AgentId, ExecutionId, TenantId, UploadId},
};
use futures::{Stream, StreamExt};

use crate::{Raw, connect, platform};

async fn put(bus: &Bus, tenant: TenantId, bytes: &[u8], limit: u64) -> Result<UploadId, Error> {
    let upload = UploadId::generate();
    let uploads = bus.uploads().await.expect("opens");
    let size = uploads.put(tenant, upload, bytes, limit).await?;
    assert_eq!(size, bytes.len() as u64);
    Ok(upload)
}

#[tokio::test]
async fn the_gateway_puts_files_that_agent_and_chat_take() {
    let nats = platform().await;
    let gateway = connect(&nats, Service::Gateway).await;
    let tenant = TenantId::generate();
    // More than one chunk.
    let bytes: Vec<u8> = (0..700_000u32).map(|n| n.to_le_bytes()[0]).collect();
    for service in [Service::Agent, Service::Chat] {
        let upload = put(&gateway, tenant, &bytes, MAX_UPLOAD)
            .await
            .expect("stores");
        let bus = connect(&nats, service).await;
        let uploads = bus.uploads().await.expect("opens");
        let read = uploads
            .get(tenant, upload, MAX_UPLOAD)
            .await
            .expect("reads");
        assert!(read.is_some_and(|read| read == bytes), "{service}");
        let foreign = uploads.get(TenantId::generate(), upload, MAX_UPLOAD).await;
        assert_eq!(foreign.expect("reads"), None);
        let limited = uploads.get(tenant, upload, 1000).await;
        assert!(matches!(limited, Err(Error::TooLarge { limit: 1000 })));
        uploads.delete(tenant, upload).await.expect("deletes");
        uploads.delete(tenant, upload).await.expect("deletes twice");
        let gone = uploads.get(tenant, upload, MAX_UPLOAD).await;
        assert_eq!(gone.expect("reads"), None);
    }
    let empty = put(&gateway, tenant, &[], 0).await.expect("stores");
    let chat = connect(&nats, Service::Chat).await;
    let uploads = chat.uploads().await.expect("opens");
    let read = uploads.get(tenant, empty, 0).await.expect("reads");
    assert_eq!(read.expect("a file").len(), 0);
}

#[tokio::test]
async fn a_file_above_its_limit_is_never_seen() {
    let nats = platform().await;
    let gateway = connect(&nats, Service::Gateway).await;
    let (tenant, upload) = (TenantId::generate(), UploadId::generate());
    let uploads = gateway.uploads().await.expect("opens");
    let bytes = vec![7; 300_001];
    let stored = uploads.put(tenant, upload, &bytes[..], 300_000).await;
    assert!(matches!(stored, Err(Error::TooLarge { limit: 300_000 })));
    let endless = uploads
        .put(tenant, upload, tokio::io::repeat(1), u64::MAX)
        .await;
    assert!(matches!(
        endless,
        Err(Error::TooLarge { limit: MAX_UPLOAD })
    ));
    let chat = connect(&nats, Service::Chat).await;
    let uploads = chat.uploads().await.expect("opens");
    let read = uploads.get(tenant, upload, MAX_UPLOAD).await;
    assert_eq!(read.expect("reads"), None);
}

#[tokio::test]
async fn nobody_else_reaches_the_bucket() {
    let nats = platform().await;
    for service in Service::ALL {
        let mut raw = Raw::connect(&nats, service).await;
        let writes = service == Service::Gateway;
        let takes = matches!(service, Service::Agent | Service::Chat);
        for (subject, expected) in [
            ("$O.UPLOADS.C.nuid", writes),
            ("$O.UPLOADS.M.name", writes || takes),
            ("$JS.API.CONSUMER.CREATE.OBJ_UPLOADS", takes),
            ("$JS.API.STREAM.PURGE.OBJ_UPLOADS", takes),
            ("$JS.API.STREAM.DELETE.OBJ_UPLOADS", false),
        ] {
            assert_eq!(
                raw.may_publish(subject).await,
                expected,
                "{service} says {subject}"
            );
        }
        assert!(
            !raw.may_subscribe("$O.UPLOADS.>").await,
            "{service} listens"
        );
    }
}

#[tokio::test]
async fn an_event_waits_for_its_reader_until_it_is_acknowledged() {
    let nats = platform().await;
    let execution = connect(&nats, Service::Execution).await;
    let tenant = TenantId::generate();
    let event = Finished {
        execution_id: ExecutionId::generate(),
        origin: Origin::agent(AgentId::EXAMPLE, 1),
        state: ExecutionState::Succeeded,
        usage: Usage::ZERO,
    };
    execution.emit(tenant, &event).await.expect("stores");
    // The same key again is the same event.
    execution.emit(tenant, &event).await.expect("stores");

    // The reader comes after the event.
    let chat = connect(&nats, Service::Chat).await;
    let events = chat.events::<Finished>(Service::Chat, 4).await;
    let mut events = std::pin::pin!(events.expect("reads"));
    let first = next(&mut events).await.expect("an event");
    assert_eq!(read(&first), event);
    first.give_back(Duration::ZERO).await.expect("gives back");
    let again = next(&mut events).await.expect("the event again");
    assert_eq!((read(&again), again.deliveries()), (event, 2));
    again.bury_event("no use").await.expect("buries");
    assert!(next(&mut events).await.is_none(), "an event came once more");
    let tool = connect(&nats, Service::Tool).await;
    assert!(tool.events::<Finished>(Service::Tool, 4).await.is_err());
}

fn read(delivery: &Delivery) -> Finished {
    serde_json::from_slice(delivery.payload()).expect("an event")
}

/// None when nothing comes for a while.
async fn next(
    events: &mut (impl Stream<Item = Result<Delivery, Error>> + Unpin),
) -> Option<Delivery> {
    let next = tokio::time::timeout(Duration::from_millis(500), events.next());
    let next = next.await.ok()?;
    Some(next.expect("the stream goes on").expect("readable"))
}
