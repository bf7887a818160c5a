//! Values that stand apart from the records of their execution.

use contracts::{
    Service,
    id::{ExecutionId, TenantId},
    payload::{Payload, PayloadRef},
};
use serde_json::{Value, json};

use crate::{connect, platform};

#[tokio::test]
async fn what_is_larger_than_a_message_is_stored_by_flow_and_read_by_execution() {
    let nats = platform().await;
    let flow = connect(&nats, Service::Flow).await;
    let execution = connect(&nats, Service::Execution).await;
    let (tenant, id) = (TenantId::generate(), ExecutionId::generate());
    let large = Value::String("x".repeat(10 * 1024 * 1024));
    let text = Payload::of(&large).expect("is large").text;
    let stored = flow.by_reference(tenant, id, large).await.expect("stores");
    let reference = PayloadRef::of(&stored).expect("stands for it");
    let read = execution.payload(tenant, id, &reference).await;
    assert!(read.expect("reads").is_some_and(|read| read == text));
    for (tenant, id) in [
        (TenantId::generate(), id),
        (tenant, ExecutionId::generate()),
    ] {
        let read = execution.payload(tenant, id, &reference).await;
        assert_eq!(read.expect("reads"), None);
    }
    execution.forget_payloads(tenant, id).await.expect("purges");
    let read = execution.payload(tenant, id, &reference).await;
    assert_eq!(read.expect("reads"), None);
}

#[tokio::test]
async fn what_is_small_goes_as_it_is() {
    let nats = platform().await;
    let flow = connect(&nats, Service::Flow).await;
    let value = json!({"text": "x".repeat(1000)});
    let sent = flow
        .by_reference(TenantId::generate(), ExecutionId::generate(), value.clone())
        .await;
    assert_eq!(sent.expect("needs no store"), value);
}
