//! Logs that were lost or damaged, made anew from the archive.

use chrono::{TimeDelta, Utc};
use contracts::subject::partition_of;
use execution::Restored;

use super::{
    asking::asking,
    outside::Outside,
    parking::{answer, question},
    *,
};

impl Fixture {
    async fn archive(&self) -> documents::Archive {
        documents::Archive::connect(&self.config.documents)
            .await
            .unwrap()
    }

    /// Waits until the archive has all that happened to an execution, and the database has its row.
    pub(super) async fn archived(&self, id: ExecutionId) {
        let (archive, count) = (self.archive().await, self.events(id).await.len());
        eventually(SOON, async || {
            let events = archive.events(self.user.tenant, id, 0, 100).await.unwrap();
            (events.len() >= count).then_some(())
        })
        .await;
        // Rows are later than starts.
        eventually(SOON, async || {
            let list = contracts::execution::ListExecutions::default();
            let rows = self.ask(&self.user, &list).await.unwrap().items;
            rows.iter().any(|row| row.id == id).then_some(())
        })
        .await;
    }

    async fn stop(&mut self) {
        self.running.take().unwrap().drain().await;
    }

    /// Another NATS server, which knows of nothing.
    async fn lose_the_server(&mut self) {
        self._nats = Nats::start().await;
        self.bus = testkit::bus(&self._nats.url()).await;
        self.runtime = testkit::runtime(&self.bus).await;
    }

    async fn restore(&self, partition: Option<u16>) -> Result<Restored, execution::Error> {
        execution::restore(&self.config, &self.bus, partition).await
    }
}

/// A flow whose one step is this node `a`.
async fn calling(fixture: &Fixture, node: Value) -> String {
    let nodes = json!([
        {"id": "t", "type": "trigger"},
        node,
        {"id": "o", "type": "output", "config": {"value": "{{ nodes.a.output.status }}"}}
    ]);
    let edges = [("t", "out", "a"), ("a", "out", "o")];
    fixture.define(nodes, &edges).await
}

#[tokio::test]
async fn what_a_lost_server_had_goes_on() {
    let mut outside = Outside::start().await;
    let fixture = &outside.fixture;
    let asks = asking(fixture, question()).await;
    let ended = fixture
        .execute(&inline_flow(fixture).await, json!({"name": "Ada"}))
        .await;
    fixture.finished(ended).await;
    let node = outside.call("a", json!({"timeout_ms": 600_000}));
    let keyed = calling(fixture, node).await;
    outside.ledger.hold();
    let calls = fixture.execute(&keyed, json!({})).await;
    outside.calls(1).await;
    let node = outside.call_to(&outside.other, "a", json!({"idempotency": "at_most_once"}));
    let once = calling(fixture, node).await;
    outside.other.hold();
    let once = fixture.execute(&once, json!({})).await;
    Outside::calls_of(&outside.other, 1).await;
    let sleeping = sleeping_flow(fixture).await;
    let until = Utc::now() + TimeDelta::seconds(10);
    let sleeps = fixture.execute(&sleeping, json!({"until": until})).await;
    for id in [asks, sleeps, ended, calls, once] {
        fixture.archived(id).await;
    }

    let before = fixture.events(ended).await;
    // Nothing that it did after this moment counts: it is as if the whole machine were gone.
    drop(outside.fixture.running.take());
    outside.fixture.lose_the_server().await;
    let none = outside.fixture.restore(Some(99)).await.unwrap_err();
    assert!(none.to_string().contains("99"), "{none}");
    let done = outside.fixture.restore(None).await.unwrap();
    assert_eq!(
        (done.executions, done.ended, done.lost),
        (3, 1, 0),
        "{done:?}"
    );
    assert_eq!(
        done.partitions,
        outside.fixture.bus.partitions().await.unwrap()
    );
    // Once more: it is the same.
    let again = outside.fixture.restore(None).await.unwrap();
    assert_eq!((again.executions, again.lost), (3, 0), "{again:?}");

    outside.fixture.running = Some(outside.fixture.engine().await);
    let fixture = &outside.fixture;
    // Begun once more, with the same key.
    outside.calls(2).await;
    outside.ledger.release();
    assert_eq!(fixture.finished(calls).await.output, Some(json!(200)));
    let keys: Vec<_> = outside.ledger.calls();
    assert_eq!(keys[0].idempotency_key, keys[1].idempotency_key);
    fixture.ask(&fixture.user, &answer(asks)).await.unwrap();
    assert_eq!(fixture.finished(asks).await.output, Some(json!("Ada")));
    let slept = fixture.finished(sleeps).await;
    assert_eq!(slept.state, ExecutionState::Succeeded);
    assert!(slept.finished_at.unwrap() >= until);
    assert_eq!(fixture.events(ended).await, before);
    let given_up = fixture.finished(once).await;
    assert_eq!(given_up.error.unwrap().code, "outcome_unknown");
    outside.other.release();
    assert_eq!(outside.other.calls().len(), 1);
    for id in [calls, asks, sleeps, once] {
        fixture.events(id).await;
    }
    outside.fixture.drain().await;
}

#[tokio::test]
async fn a_damaged_partition_goes_on_without_what_cannot_be_read() {
    let mut fixture = Fixture::start().await;
    let id = asking(&fixture, question()).await;
    fixture.archived(id).await;
    let refused = fixture.restore(None).await.unwrap_err();
    assert!(
        refused.to_string().contains("stop all engines"),
        "{refused}"
    );
    fixture.stop().await;
    let partition = partition_of(id, fixture.bus.partitions().await.unwrap());
    let (_, last) = fixture.bus.log_bounds(partition).await.unwrap();
    let damage = fixture.bus.append(partition, last, "no entry".into());
    damage.await.unwrap();
    let done = fixture.restore(Some(partition)).await.unwrap();
    assert_eq!(
        (done.partitions, done.unreadable, done.executions, done.lost),
        (1, 1, 1, 0),
        "{done:?}"
    );
    fixture.running = Some(fixture.engine().await);
    eventually(SOON, async || {
        match fixture.ask(&fixture.user, &answer(id)).await {
            Ok(answered) => Some(answered),
            Err(problem) => {
                assert_eq!(problem.status, 503, "{problem:?}");
                None
            }
        }
    })
    .await;
    let done = fixture.finished(id).await;
    assert_eq!(done.state, ExecutionState::Succeeded);
    fixture.events(id).await;
    fixture.drain().await;
}

#[tokio::test]
async fn what_the_archive_has_not_is_failed_and_named() {
    let mut fixture = Fixture::start().await;
    let id = asking(&fixture, question()).await;
    fixture.archived(id).await;
    fixture.stop().await;
    let archive = fixture.archive().await;
    archive
        .delete_events(fixture.user.tenant, &[id])
        .await
        .unwrap();
    fixture.lose_the_server().await;
    let done = fixture.restore(None).await.unwrap();
    assert_eq!((done.executions, done.lost), (0, 1), "{done:?}");
    assert_eq!(done.told[0].execution, id);
    fixture.running = Some(fixture.engine().await);
    let lost = fixture.finished(id).await;
    assert_eq!(lost.state, ExecutionState::Failed);
    assert_eq!(lost.error.unwrap().code, "history_lost");
    fixture.drain().await;
}
