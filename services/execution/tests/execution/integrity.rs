//! The archive beside the log.

use std::collections::BTreeSet;

use contracts::subject::partition_of;
use execution::What;

use super::*;

#[tokio::test]
async fn what_the_archive_lacks_is_told() {
    let fixture = Fixture::start().await;
    // As long as one is open, the log of its partition keeps what follows.
    let waits = json!([{"id": "t", "type": "trigger"}, {"id": "w", "type": "wait", "config": {"seconds": 3600}}]);
    let waits = fixture.define(waits, &[("t", "out", "w")]).await;
    let partitions = fixture.bus.partitions().await.unwrap();
    let mut held = BTreeSet::new();
    while held.len() < usize::from(partitions) {
        let id = fixture.execute(&waits, json!({})).await;
        held.insert(partition_of(id, partitions));
    }
    let hash = inline_flow(&fixture).await;
    let (one, other) = (
        fixture.execute(&hash, json!({"name": "Ada"})).await,
        fixture.execute(&hash, json!({"name": "Eve"})).await,
    );
    for id in [one, other] {
        fixture.finished(id).await;
    }
    // How far the archive is, is noted with further entries, once in a second.
    let whole = eventually(SOON, async || {
        fixture.execute(&hash, json!({"name": "Joe"})).await;
        let found = execution::check_integrity(&fixture.config, &fixture.bus)
            .await
            .unwrap();
        (found.events >= 10).then_some(found)
    })
    .await;
    assert_eq!((whole.differences, whole.deleted), (0, 0), "{whole:?}");
    let archive = documents::Archive::connect(&fixture.config.documents)
        .await
        .unwrap();
    archive
        .delete_events(fixture.user.tenant, &[one])
        .await
        .unwrap();
    let found = execution::check_integrity(&fixture.config, &fixture.bus)
        .await
        .unwrap();
    assert_eq!(found.differences, 5, "{found:?}");
    assert!(
        found
            .told
            .iter()
            .all(|it| it.execution == one && it.what == What::Missing)
    );
    fixture.drain().await;
}
