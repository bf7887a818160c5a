//! An execution that nobody can read any more waits alone, and goes on when it can be read.

use contracts::{live::ExecutionEvent, subject::partition_of};

use super::{
    asking::asking,
    parking::{answer, question},
    *,
};

/// Waits until another engine has taken over and answers about this execution.
async fn asked_again(fixture: &mut Fixture, id: ExecutionId) -> Problem {
    let other = fixture.engine().await;
    fixture.running.replace(other).unwrap().drain().await;
    let get = GetExecution { execution_id: id };
    eventually(SOON, async || {
        let problem = fixture.ask(&fixture.user, &get).await.unwrap_err();
        (problem.status != 503).then_some(problem)
    })
    .await
}

#[tokio::test]
async fn what_cannot_be_read_waits_alone() {
    let mut fixture = Fixture::start().await;
    let id = asking(&fixture, question()).await;
    fixture.archived(id).await;
    let hash = fixture
        .events(id)
        .await
        .into_iter()
        .find_map(|frame| match frame.event {
            ExecutionEvent::ExecutionStarted {
                definition_hash, ..
            } => Some(definition_hash),
            _ => None,
        });
    let (hash, bucket) = (
        hash.unwrap(),
        fixture.bus.kv(Bucket::FlowDef).await.unwrap(),
    );
    let definition = bucket.get(&hash).await.unwrap().unwrap().value;
    // Its node is not the one that the records name; then its definition is none.
    let other = str::from_utf8(&definition)
        .unwrap()
        .replace("\"q\"", "\"other\"");
    for damaged in [other.as_str(), "none"] {
        bucket.put(&hash, damaged.to_owned().into()).await.unwrap();
        let problem = asked_again(&mut fixture, id).await;
        let reason = problem.reason.as_deref();
        assert_eq!(
            (problem.status, reason),
            (500, Some("unreadable_history")),
            "{problem:?}"
        );
    }

    // Its partition goes on without it.
    let partitions = fixture.bus.partitions().await.unwrap();
    let inline = inline_flow(&fixture).await;
    loop {
        let beside = fixture.execute(&inline, json!({"name": "Ada"})).await;
        fixture.finished(beside).await;
        if partition_of(beside, partitions) == partition_of(id, partitions) {
            break;
        }
    }

    bucket.put(&hash, definition).await.unwrap();
    eventually(SOON, async || {
        fixture.ask(&fixture.user, &answer(id)).await.ok()
    })
    .await;
    assert_eq!(fixture.finished(id).await.output, Some(json!("Ada")));
    fixture.drain().await;
}
