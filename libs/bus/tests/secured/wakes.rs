//! Wake-ups of triggers, with the permissions of production.

use std::time::Duration;

use chrono::{TimeDelta, Utc};
use contracts::{
    Service, Subject,
    id::{TenantId, TriggerId},
    subject::Token,
};
use futures::StreamExt;

use crate::{connect, platform};

const SOON: Duration = Duration::from_secs(10);

#[tokio::test]
async fn a_wake_up_comes_at_its_time_until_it_is_acknowledged() {
    let nats = platform().await;
    let flow = connect(&nats, Service::Flow).await;
    let (tenant, trigger) = (TenantId::generate(), TriggerId::generate());
    let label = Token::new("v1").expect("a token");
    let at = Utc::now() + TimeDelta::seconds(1);
    let replaced = Utc::now() + TimeDelta::days(300);
    for at in [replaced, at] {
        flow.wake_at(tenant, trigger, &label, at)
            .await
            .expect("is stored");
    }
    let wakes = flow.wakes(Service::Flow, 4).await.expect("may be read");
    let mut wakes = Box::pin(wakes);
    let next = tokio::time::timeout(SOON, wakes.next()).await;
    let wake = next
        .expect("it comes")
        .expect("the stream goes on")
        .expect("it arrives");
    assert!(Utc::now() >= at, "it came before its time");
    assert_eq!(wake.subject(), Subject::wake(tenant, trigger).as_str());
    assert!(wake.stored_at().is_some_and(|stored| stored >= at));
    wake.give_back(Duration::from_millis(50))
        .await
        .expect("is given back");
    let next = tokio::time::timeout(SOON, wakes.next()).await;
    let again = next
        .expect("it comes")
        .expect("the stream goes on")
        .expect("it arrives");
    assert_eq!(again.deliveries(), 2);
    again.ack().await.expect("is acknowledged");
}
