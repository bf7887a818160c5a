//! Calls to models are kept once and read by their execution.

use contracts::{
    execution::Usage,
    id::{CallId, ExecutionId, TenantId},
    llm::CallRecord,
};
use documents::ArchivedCall;
use testkit::Mongo;

use crate::archive;

#[tokio::test]
async fn calls_are_kept_once_and_read_in_order() {
    let database = Mongo::create();
    let archive = archive(&database).await;
    let (tenant, execution) = (TenantId::generate(), ExecutionId::generate());
    let call = |second: u32, execution| ArchivedCall {
        tenant,
        record: CallRecord {
            id: CallId::generate(),
            provider: "rehearsal".into(),
            model: "$where".into(),
            execution_id: execution,
            flow_id: None,
            node: Some("a.b".into()),
            usage: Usage::ZERO,
            estimated: false,
            duration_ms: 12,
            error: None,
            at: format!("2026-01-02T03:04:{second:02}Z").parse().unwrap(),
        },
    };
    let later = call(2, Some(execution));
    let earlier = call(1, Some(execution));
    let elsewhere = call(0, None);
    let all = [later.clone(), earlier.clone(), elsewhere];
    archive.put_calls(&all).await.unwrap();
    archive.put_calls(&all).await.unwrap();

    let found = archive.calls(tenant, execution, 10).await.unwrap();
    assert_eq!(found, [earlier.record, later.record]);
    let other = TenantId::generate();
    assert_eq!(archive.calls(other, execution, 10).await.unwrap(), []);
}
