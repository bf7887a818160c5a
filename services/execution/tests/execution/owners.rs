//! Owners come and go.

use chrono::{TimeDelta, Utc};
use contracts::subject::partition_of;

use super::*;

#[tokio::test]
async fn a_new_owner_knows_what_the_old_one_stored() {
    let mut fixture = Fixture::start().await;
    let hash = inline_flow(&fixture).await;
    let start = fixture.start_of(&hash, json!({"name": "Ada"}));
    let id = fixture.begin(&start).await.id;
    let events = fixture.events(id).await;
    fixture.running.take().unwrap().drain().await;
    fixture.running = Some(fixture.engine().await);
    // Started again under the new owner, it runs nothing.
    fixture.begin(&start).await;
    assert_eq!(fixture.events(id).await, events);
    fixture.drain().await;
}

#[tokio::test]
async fn what_sleeps_wakes_up_with_another_owner() {
    let mut fixture = Fixture::start().await;
    let hash = sleeping_flow(&fixture).await;
    let until = Utc::now() + TimeDelta::seconds(3);
    let id = fixture.execute(&hash, json!({"until": until})).await;
    eventually(SOON, async || {
        let slept = fixture.kinds(id).await.contains(&"step_sleeping");
        slept.then_some(())
    })
    .await;
    let other = fixture.engine().await;
    fixture.running.replace(other).unwrap().drain().await;
    let execution = fixture.finished(id).await;
    assert_eq!(execution.state, ExecutionState::Succeeded);
    assert!(execution.finished_at.unwrap() >= until, "never early");
    let kinds = fixture.kinds(id).await;
    let sleeps = kinds.iter().filter(|kind| **kind == "step_sleeping");
    assert_eq!(sleeps.count(), 1, "{kinds:?}");
    fixture.drain().await;
}

#[tokio::test]
async fn an_owner_that_was_replaced_drops_its_partition() {
    let fixture = Fixture::start().await;
    let hash = inline_flow(&fixture).await;
    let start = fixture.start_of(&hash, json!({"name": "Ada"}));
    let id = fixture.begin(&start).await.id;
    let events = fixture.events(id).await;
    // A copy of the owner's own first entry with another writer stands for a second owner that began an epoch.
    let partition = partition_of(id, fixture.bus.partitions().await.unwrap());
    let last = fixture.bus.last_entry(partition).await.unwrap().unwrap();
    let begin = epoch_after(&last.payload);
    fixture
        .bus
        .append(partition, last.sequence, begin.into())
        .await
        .unwrap();
    // The fenced owner answers nothing, takes the partition again, and then has both.
    let mut second = fixture.start_of(&hash, json!({"name": "Grace"}));
    while partition_of(second.execution_id, 2) != partition {
        second.execution_id = ExecutionId::generate();
    }
    fixture.begin(&second).await;
    assert_eq!(
        fixture.finished(second.execution_id).await.output,
        Some(json!("Hello Grace"))
    );
    assert_eq!(fixture.events(id).await, events);
    fixture.drain().await;
}

#[tokio::test]
async fn two_engines_share_the_partitions_and_one_takes_over_from_the_other() {
    let mut fixture = Fixture::start().await;
    let hash = inline_flow(&fixture).await;
    let first = fixture.execute(&hash, json!({"name": "Ada"})).await;
    let other = fixture.engine().await;
    let events = fixture.events(first).await;
    fixture.running.replace(other).unwrap().drain().await;
    for n in 0..8 {
        fixture.execute(&hash, json!({"name": n})).await;
    }
    assert_eq!(fixture.events(first).await, events);
    fixture.drain().await;
}

#[tokio::test]
async fn a_damaged_log_stops_its_partition_and_nothing_is_skipped() {
    let mut fixture = Fixture::start().await;
    let hash = inline_flow(&fixture).await;
    let id = fixture.execute(&hash, json!({"name": "Ada"})).await;
    fixture.running.take().unwrap().drain().await;
    let partition = partition_of(id, fixture.bus.partitions().await.unwrap());
    let last = fixture.bus.last_entry(partition).await.unwrap().unwrap();
    let mut damaged = last.payload.to_vec();
    *damaged.last_mut().unwrap() ^= 1;
    fixture
        .bus
        .append(partition, last.sequence, damaged.into())
        .await
        .unwrap();
    fixture.running = Some(fixture.engine().await);
    // The other partition serves; this one does not.
    let mut served = fixture.start_of(&hash, json!({"name": "Grace"}));
    while partition_of(served.execution_id, 2) == partition {
        served.execution_id = ExecutionId::generate();
    }
    fixture.begin(&served).await;
    let get = contracts::owner::Get {
        tenant: fixture.user.tenant,
        execution_id: id,
    };
    let refused = fixture.bus.ask_owner(&get, SOON).await.unwrap_err();
    assert_eq!(refused.status, 503);
    fixture.drain().await;
}

/// An `EpochBegin` that follows an entry, as another owner would write it.
fn epoch_after(entry: &[u8]) -> Vec<u8> {
    let epoch = u64::from_le_bytes(*entry[5..].first_chunk().unwrap());
    let mut begin = entry[..37].to_vec();
    begin[4] = 0;
    begin[5..13].copy_from_slice(&(epoch + 1).to_le_bytes());
    begin[13..21].copy_from_slice(&0_u64.to_le_bytes());
    begin[21..29].copy_from_slice(&77_u64.to_le_bytes());
    begin[29..33].copy_from_slice(&0_u32.to_le_bytes());
    let crc = crc32fast::hash(&begin[..33]);
    begin[33..37].copy_from_slice(&crc.to_le_bytes());
    begin
}
