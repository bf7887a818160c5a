//! Events of integrators, with the permissions of production.

use std::time::Duration;

use bus::{NewEvent, server_config::ServerUser};
use contracts::{
    Service, Subject,
    id::TenantId,
    subject::{Token, kept_event_of},
};
use futures::StreamExt;

use crate::{connect, platform};

const SOON: Duration = Duration::from_secs(10);

fn event(tenant: TenantId, id: &str) -> NewEvent {
    NewEvent {
        tenant,
        name: Token::new("paid").expect("a token"),
        id: id.to_owned(),
        body: "{}".into(),
    }
}

#[tokio::test]
async fn no_service_publishes_events_and_flow_alone_keeps_them() {
    let nats = platform().await;
    let flow = connect(&nats, Service::Flow).await;
    let mut arriving = flow.arriving_events(Service::Flow).await.expect("is heard");
    flow.flush().await.expect("flushes");
    let subject = Subject::inbound(TenantId::EXAMPLE, &Token::new("x").expect("a token"));
    for user in [
        ServerUser::Admin,
        Service::Flow.into(),
        Service::Gateway.into(),
    ] {
        let bus = connect(&nats, user).await;
        bus.publish_bytes(&subject, "{}".into())
            .await
            .expect("is sent");
        bus.flush().await.expect("flushes");
    }
    let none = tokio::time::timeout(Duration::from_millis(500), arriving.next()).await;
    assert!(none.is_err(), "an event of a service arrived");
    let gateway = connect(&nats, Service::Gateway).await;
    let kept = gateway.keep_event(event(TenantId::EXAMPLE, "1"));
    let kept = tokio::time::timeout(Duration::from_secs(1), kept).await;
    assert!(!matches!(kept, Ok(Ok(_))), "the gateway kept an event");
}

#[tokio::test]
async fn the_events_of_one_organization_do_not_hold_up_those_of_another() {
    const FLOOD: usize = 200;
    let nats = platform().await;
    let flow = connect(&nats, Service::Flow).await;
    let bucket = |tenant| {
        let kept = Subject::kept_event(tenant, &Token::new("paid").expect("a token"));
        kept.as_str().split('.').nth(2).map(str::to_owned)
    };
    let one = TenantId::generate();
    let other = std::iter::repeat_with(TenantId::generate);
    let other = other.into_iter().find(|it| bucket(*it) != bucket(one));
    let other = other.expect("there is one");
    for number in 0..FLOOD {
        let kept = flow.keep_event(event(one, &number.to_string())).await;
        kept.expect("is stored");
    }
    // The same id as an event of the other organization.
    flow.keep_event(event(other, "0")).await.expect("is stored");
    let events = flow.kept_events(Service::Flow, 16).await;
    let mut events = Box::pin(events.expect("may be read"));
    for place in 0..FLOOD / 2 {
        let next = tokio::time::timeout(SOON, events.next()).await;
        let next = next.expect("it comes").expect("the stream goes on");
        let next = next.expect("it arrives");
        let (tenant, name) = kept_event_of(next.subject()).expect("is an event");
        assert_eq!(name.as_str(), "paid");
        if tenant == other {
            assert_eq!(next.event_id(), "0", "at {place}");
            return next.ack().await.expect("is acknowledged");
        }
        next.ack().await.expect("is acknowledged");
    }
    panic!("it waits behind those of another");
}
