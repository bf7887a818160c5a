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
    let one = fixture.execute(&hash, json!({"name": "Ada"})).await;
    fixture.finished(one).await;
    let archive = documents::Archive::connect(&fixture.config.documents)
        .await
        .unwrap();
    let tenant = fixture.user.tenant;
    eventually(SOON, async || {
        let archived = archive.events(tenant, one, 0, 10).await.unwrap();
        (archived.len() == 5).then_some(())
    })
    .await;
    let check = async || {
        // How far the archive is, is noted with further entries, once in a second.
        fixture.execute(&hash, json!({"name": "Joe"})).await;
        let checked = execution::check_integrity(&fixture.config, &fixture.bus).await;
        checked.unwrap()
    };
    let whole = eventually(SOON, async || {
        let whole = check().await;
        (whole.events > 0).then_some(whole)
    })
    .await;
    assert_eq!((whole.differences, whole.deleted), (0, 0), "{whole:?}");
    archive.delete_events(tenant, &[one]).await.unwrap();
    let found = eventually(SOON, async || {
        let found = check().await;
        (found.differences > 0).then_some(found)
    })
    .await;
    assert_eq!(found.differences, 5, "{found:?}");
    assert!(
        found
            .told
            .iter()
            .all(|it| it.execution == one && it.what == What::Missing)
    );
    fixture.drain().await;
}
