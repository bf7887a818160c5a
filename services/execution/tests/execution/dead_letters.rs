//! Work items that break their workers, or that cannot be read: put away, seen, put back.

use bus::{Bucket, Dispatched};
use contracts::{
    dead_letter::{DeadLetter, DeadReason, ListDeadLetters, Redrive},
    page::Paging,
    subject::{Token, WorkAddress},
    work::WorkClass,
};
use futures::StreamExt;

use super::{outside::*, *};

impl Fixture {
    /// Puts an engine that does no HTTP steps in the place of the present one.
    async fn without_workers(&mut self) {
        self.running.take().unwrap().drain().await;
        self.config.engine.workers_http = 0;
        self.running = Some(self.engine().await);
    }

    /// A second engine: its workers work, while the partitions stay with the first.
    async fn workers(&mut self) -> Running {
        self.config.engine.workers_http = 4;
        self.engine().await
    }

    fn admin(&self) -> Principal {
        testkit::principal(self.user.tenant, Role::Admin)
    }

    /// Waits until there are so many dead letters.
    async fn dead(&self, count: usize) -> Vec<DeadLetter> {
        eventually(SOON, async || {
            let list = ListDeadLetters::default();
            let page = self.ask(&self.admin(), &list).await.unwrap();
            (page.items.len() >= count).then_some(page.items)
        })
        .await
    }

    async fn redrive(&self, letter: &DeadLetter) -> Result<DeadLetter, Problem> {
        let dead_letter_id = letter.id;
        self.ask(&self.admin(), &Redrive { dead_letter_id }).await
    }
}

/// An execution of one step, whose node says `more`, in an engine without workers.
async fn queued(outside: &mut Outside, more: Value) -> ExecutionId {
    outside.fixture.without_workers().await;
    let fixture = &outside.fixture;
    let nodes = json!([
        {"id": "t", "type": "trigger"},
        outside.call("a", more),
        {"id": "o", "type": "output", "config": {"value": "{{ nodes.a.output.status }}"}}
    ]);
    let hash = fixture
        .define(nodes, &[("t", "out", "a"), ("a", "out", "o")])
        .await;
    fixture.execute(&hash, json!({})).await
}

/// Leaves the item as if all workers but the last had died with it.
async fn exhaust(fixture: &Fixture) {
    let mut work = Box::pin(fixture.bus.work(WorkClass::Http, 1).await.unwrap());
    let item = work.next().await.unwrap().unwrap();
    let address = WorkAddress::parse(item.subject()).unwrap();
    let key = format!("{}.{}.{}", address.execution, address.step, address.attempt);
    let tries = fixture.bus.kv(Bucket::Tries).await.unwrap();
    tries.put(&key, "5".into()).await.unwrap();
    drop(item);
}

#[tokio::test]
async fn what_was_given_out_and_not_begun_is_not_to_blame() {
    let mut outside = Outside::start().await;
    let id = queued(&mut outside, json!({})).await;
    {
        let bus = &outside.fixture.bus;
        let mut work = Box::pin(bus.work(WorkClass::Http, 1).await.unwrap());
        for n in 1..=10 {
            let item = work.next().await.unwrap().unwrap();
            assert_eq!(item.deliveries(), n);
            drop(item);
        }
    }
    let workers = outside.fixture.workers().await;
    let execution = outside.fixture.finished(id).await;
    assert_eq!(execution.state, ExecutionState::Succeeded);
    workers.drain().await;
    outside.fixture.drain().await;
}

async fn assert_not_wanted(fixture: &Fixture, letter: &DeadLetter) {
    let refused = fixture.redrive(letter).await.unwrap_err();
    assert_eq!(
        (refused.status, refused.reason.as_deref()),
        (409, Some("not_wanted"))
    );
    assert!(refused.detail.contains(&letter.id.to_string()));
    assert_eq!(fixture.dead(1).await, std::slice::from_ref(letter));
}

#[tokio::test]
async fn what_may_be_done_once_only_is_not_begun_after_its_worker_broke_down() {
    let mut outside = Outside::start().await;
    let id = queued(&mut outside, json!({"idempotency": "at_most_once"})).await;
    outside.ledger.hold();
    let broken = outside.fixture.workers().await;
    outside.calls(1).await;
    // In the middle of its call.
    drop(broken);
    let workers = outside.fixture.workers().await;
    let fixture = &outside.fixture;
    let execution = fixture.finished(id).await;
    assert_eq!(execution.state, ExecutionState::Failed);
    assert_eq!(execution.error.unwrap().code, "outcome_unknown");
    assert_eq!(outside.ledger.calls().len(), 1);
    outside.ledger.release();
    workers.drain().await;
    outside.fixture.drain().await;
}

#[tokio::test]
async fn an_item_that_breaks_its_workers_fails_its_step_at_once() {
    let mut outside = Outside::start().await;
    // Nothing but the lost workers can end this step within the time of a test.
    let id = queued(&mut outside, json!({"timeout_ms": 600_000})).await;
    outside.ledger.hold();
    for n in 1..=bus::topology::MAX_DELIVERIES {
        let workers = outside.fixture.workers().await;
        outside.calls(usize::try_from(n).unwrap()).await;
        // In the middle of its call.
        drop(workers);
    }
    let workers = outside.fixture.workers().await;
    let fixture = &outside.fixture;
    let execution = fixture.finished(id).await;
    assert_eq!(execution.state, ExecutionState::Failed);
    assert_eq!(execution.error.unwrap().code, "worker_lost");
    let letter = fixture.dead(1).await.remove(0);
    assert_eq!(
        (letter.execution_id, letter.step.as_str(), letter.attempt),
        (id, "a", 1)
    );
    assert_eq!(
        (letter.class.as_str(), letter.reason),
        ("http", DeadReason::Exhausted)
    );
    assert!(letter.deliveries > bus::topology::MAX_DELIVERIES);
    assert!(letter.payload.contains(outside.ledger.url().as_str()));
    assert_eq!(letter.redriven_at, None);
    // Whoever answers them knows that the calls are one.
    let calls = outside.ledger.calls();
    assert_eq!(calls.len() as u64, bus::topology::MAX_DELIVERIES);
    assert!(
        calls
            .iter()
            .all(|call| call.idempotency_key == calls[0].idempotency_key)
    );
    outside.ledger.release();

    let stranger = testkit::principal(TenantId::generate(), Role::Owner);
    fixture.provision(stranger.tenant).await;
    let redrive = Redrive {
        dead_letter_id: letter.id,
    };
    let list = ListDeadLetters::default();
    let theirs = fixture.ask(&stranger, &list).await.unwrap();
    assert!(theirs.items.is_empty());
    let refused = fixture.ask(&stranger, &redrive).await.unwrap_err();
    assert_eq!(refused.status, 404);
    let editor = fixture.ask(&fixture.user, &redrive).await.unwrap_err();
    assert_eq!(editor.status, 403);
    assert_not_wanted(fixture, &letter).await;
    workers.drain().await;
    outside.fixture.drain().await;
}

#[tokio::test]
async fn a_retry_heals_lost_workers_and_the_lost_attempt_is_not_put_back() {
    let mut outside = Outside::start().await;
    let retry = json!({"retry": {"max_attempts": 2, "backoff_ms": 1}});
    let id = queued(&mut outside, retry).await;
    exhaust(&outside.fixture).await;
    let workers = outside.fixture.workers().await;
    let fixture = &outside.fixture;
    let execution = fixture.finished(id).await;
    assert_eq!(execution.output, Some(json!(200)));
    let letter = fixture.dead(1).await.remove(0);
    assert_eq!((letter.execution_id, letter.attempt), (id, 1));
    assert_not_wanted(fixture, &letter).await;
    assert_eq!(outside.ledger.calls().len(), 1);
    let unknown = Redrive {
        dead_letter_id: contracts::id::DeadLetterId::generate(),
    };
    let unknown = fixture.ask(&fixture.admin(), &unknown).await.unwrap_err();
    assert_eq!(unknown.status, 404);
    workers.drain().await;
    outside.fixture.drain().await;
}

#[tokio::test]
async fn what_cannot_be_read_is_put_away_and_listed_in_pages() {
    let fixture = Fixture::start().await;
    let address = |attempt| WorkAddress {
        class: WorkClass::Http,
        tenant: fixture.user.tenant,
        execution: ExecutionId::EXAMPLE,
        step: Token::new("a").unwrap(),
        attempt,
    };
    for attempt in 1..=3 {
        let item = format!("no item {}", "x".repeat(5000)).into();
        let key = attempt.to_string();
        let queued = fixture.bus.redispatch(&address(attempt), item, &key).await;
        assert_eq!(queued.unwrap(), Dispatched::New);
        let letters = fixture.dead(attempt as usize).await;
        assert_eq!(letters[0].attempt, attempt, "the newest first");
        assert_eq!(letters[0].reason, DeadReason::Unreadable);
        assert_eq!(letters[0].payload.len(), 4096);
        assert_eq!(letters[0].payload_bytes, 5008);
    }
    // This version still cannot read it: it comes back as another letter.
    let all = fixture.dead(3).await;
    fixture.redrive(&all[2]).await.unwrap();
    let all = fixture.dead(4).await;
    assert_eq!((all[0].attempt, all[3].attempt), (1, 1));
    assert!(all[0].redriven_at.is_none() && all[3].redriven_at.is_some());
    let mut list = ListDeadLetters {
        paging: Paging {
            cursor: None,
            limit: Some(3),
        },
    };
    let mut paged = Vec::new();
    loop {
        let page = fixture.ask(&fixture.admin(), &list).await.unwrap();
        paged.extend(page.items);
        let Some(next) = page.next else { break };
        list.paging.cursor = Some(next);
    }
    assert_eq!(paged, all);
    fixture.drain().await;
}
