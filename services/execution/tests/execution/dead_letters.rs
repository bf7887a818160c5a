//! Work items that break their workers, or that cannot be read: put away, seen, put back.

use bus::Dispatched;
use contracts::{
    dead_letter::{DeadLetter, DeadReason, ListDeadLetters, Redrive},
    execution::CancelExecution,
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

/// An execution whose one step breaks down every worker that tries it, until it is put away.
async fn broken(outside: &mut Outside) -> (ExecutionId, DeadLetter, Running) {
    outside.fixture.without_workers().await;
    let fixture = &outside.fixture;
    let nodes = json!([
        {"id": "t", "type": "trigger"},
        outside.call("a", json!({})),
        {"id": "o", "type": "output", "config": {"value": "{{ nodes.a.output.status }}"}}
    ]);
    let hash = fixture
        .define(nodes, &[("t", "out", "a"), ("a", "out", "o")])
        .await;
    let id = fixture.execute(&hash, json!({})).await;
    let mut work = Box::pin(fixture.bus.work(WorkClass::Http, 1).await.unwrap());
    for n in 1..=bus::topology::MAX_DELIVERIES {
        let item = work.next().await.unwrap().unwrap();
        assert_eq!(item.deliveries(), n);
        // As a worker that dies with it.
        drop(item);
    }
    drop(work);
    let workers = outside.fixture.workers().await;
    let letter = outside.fixture.dead(1).await.remove(0);
    (id, letter, workers)
}

#[tokio::test]
async fn an_item_that_breaks_its_workers_is_put_away_and_back() {
    let mut outside = Outside::start().await;
    let (id, letter, workers) = broken(&mut outside).await;
    let fixture = &outside.fixture;
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
    assert_eq!(fixture.get(id).await.state, ExecutionState::Running);
    assert!(outside.ledger.calls().is_empty(), "nobody did it");

    let stranger = testkit::principal(TenantId::generate(), Role::Owner);
    fixture.provision(stranger.tenant).await;
    let redrive = Redrive {
        dead_letter_id: letter.id,
    };
    let list = ListDeadLetters::default();
    assert!(
        fixture
            .ask(&stranger, &list)
            .await
            .unwrap()
            .items
            .is_empty()
    );
    let refused = fixture.ask(&stranger, &redrive).await.unwrap_err();
    assert_eq!(refused.status, 404);
    let editor = fixture.ask(&fixture.user, &redrive).await.unwrap_err();
    assert_eq!(editor.status, 403);

    let put_back = fixture.redrive(&letter).await.unwrap();
    assert!(put_back.redriven_at.is_some() && put_back.redriven_by.is_some());
    assert_eq!(fixture.redrive(&letter).await.unwrap(), put_back);
    let execution = fixture.finished(id).await;
    assert_eq!(execution.output, Some(json!(200)));
    assert_eq!(fixture.redrive(&letter).await.unwrap(), put_back);
    assert_eq!(outside.ledger.calls().len(), 1);
    assert_eq!(fixture.dead(1).await, [put_back]);
    workers.drain().await;
    outside.fixture.drain().await;
}

#[tokio::test]
async fn what_nobody_waits_for_is_not_put_back() {
    let mut outside = Outside::start().await;
    let (id, letter, workers) = broken(&mut outside).await;
    let fixture = &outside.fixture;
    let cancel = CancelExecution { execution_id: id };
    fixture.ask(&fixture.user, &cancel).await.unwrap();
    let refused = fixture.redrive(&letter).await.unwrap_err();
    assert_eq!(
        (refused.status, refused.reason.as_deref()),
        (409, Some("not_wanted"))
    );
    assert_eq!(fixture.dead(1).await, [letter]);
    let unknown = Redrive {
        dead_letter_id: contracts::id::DeadLetterId::generate(),
    };
    let unknown = fixture.ask(&fixture.admin(), &unknown).await.unwrap_err();
    assert_eq!(unknown.status, 404);
    assert!(outside.ledger.calls().is_empty());
    workers.drain().await;
    outside.fixture.drain().await;
}

#[tokio::test]
async fn what_cannot_be_read_is_put_away_and_listed_in_pages() {
    let fixture = Fixture::start().await;
    let address = |attempt| WorkAddress {
        class: WorkClass::Http,
        bucket: 0,
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
