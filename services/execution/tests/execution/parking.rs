//! Executions that wait out of memory.

use chrono::{TimeDelta, Utc};
use contracts::{
    execution::{AnswerExecution, CancelExecution},
    owner,
    subject::partition_of,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinSet,
};

use super::{asking::asking, *};

/// Whoever waits for so long leaves memory, here.
const PARK_AFTER_MS: u32 = 200;

async fn parking() -> Fixture {
    Fixture::set_up(|config| config.engine.engine_park_after_ms = PARK_AFTER_MS).await
}

/// Waits until so many were parked since the process began.
async fn parked(count: u64) {
    eventually(SOON, async || {
        (execution::measure::measured().parked >= count).then_some(())
    })
    .await;
}

pub(crate) fn question() -> Value {
    json!({"title": "Go on?", "form": {"type": "object", "properties": {"name": {"type": "string"}}}})
}

fn woken() -> u64 {
    execution::measure::measured().woken
}

pub(crate) fn answer(id: ExecutionId) -> AnswerExecution {
    AnswerExecution {
        execution_id: id,
        node: "q".into(),
        port: "approve".into(),
        values: json!({"name": "Ada"}),
        comment: String::new(),
    }
}

#[tokio::test]
async fn a_parked_execution_is_answered() {
    let fixture = parking().await;
    let id = asking(&fixture, question()).await;
    parked(1).await;
    let expiring = fixture._mongo.count("execution_events", "expires_at").await;
    assert_eq!(expiring, 0, "however long it waits");
    // Who may not know of it learns nothing, and wakes nothing.
    let get = owner::Get {
        tenant: TenantId::generate(),
        execution_id: id,
    };
    assert_eq!(
        fixture.bus.ask_owner(&get, SOON).await.unwrap_err().status,
        404
    );
    assert_eq!(woken(), 0);
    let (first, second) = (answer(id), answer(id));
    let asked = tokio::join!(
        fixture.ask(&fixture.user, &first),
        fixture.ask(&fixture.user, &second)
    );
    asked.0.unwrap();
    asked.1.unwrap();
    let done = fixture.finished(id).await;
    assert_eq!(done.output, Some(json!("Ada")));
    let kinds = fixture.kinds(id).await;
    let answers = kinds.iter().filter(|kind| **kind == "answer_given");
    assert_eq!((answers.count(), woken()), (1, 1), "{kinds:?}");
    eventually(SOON, async || {
        let expiring = fixture._mongo.count("execution_events", "expires_at").await;
        (expiring == kinds.len() as u64).then_some(())
    })
    .await;
    fixture.drain().await;
}

#[tokio::test]
async fn a_parked_execution_goes_on_in_time() {
    let fixture = parking().await;
    let hash = sleeping_flow(&fixture).await;
    let until = Utc::now() + TimeDelta::seconds(6);
    let id = fixture.execute(&hash, json!({"until": until})).await;
    parked(1).await;
    // Whoever looked would wake it.
    eventually(SOON, async || (woken() == 1).then_some(())).await;
    assert!(Utc::now() < until, "a moment before");
    let execution = fixture.finished(id).await;
    let late = execution.finished_at.unwrap() - until;
    assert!(late >= TimeDelta::zero(), "never early");
    assert!(late < TimeDelta::seconds(1), "{late} late");
    fixture.drain().await;
}

#[tokio::test]
async fn what_is_parked_is_read_cancelled_and_rests_again() {
    let fixture = parking().await;
    let id = asking(&fixture, question()).await;
    parked(1).await;
    let waiting = fixture.get(id).await;
    assert_eq!(waiting.state, ExecutionState::Waiting);
    assert_eq!(waiting.answers[0].title, "Go on?");
    let before = fixture.kinds(id).await;
    parked(2).await;
    let cancel = CancelExecution { execution_id: id };
    fixture.ask(&fixture.user, &cancel).await.unwrap();
    assert_eq!(fixture.finished(id).await.state, ExecutionState::Cancelled);
    assert!(fixture.kinds(id).await.starts_with(&before));
    fixture.drain().await;
}

#[tokio::test]
async fn what_waits_for_its_place_is_parked_until_its_release() {
    let fixture = parking().await;
    let hash = inline_flow(&fixture).await;
    let mut start = fixture.start_of(&hash, json!({"name": "Ada"}));
    start.queued = true;
    fixture.begin(&start).await;
    parked(1).await;
    // The same start once more finds it.
    let accepted = fixture.begin(&start).await;
    assert_eq!(accepted.state, ExecutionState::Queued);
    let release = owner::Release {
        tenant: fixture.user.tenant,
        execution_id: start.execution_id,
    };
    fixture.bus.ask_owner(&release, SOON).await.unwrap();
    let done = fixture.finished(start.execution_id).await;
    assert_eq!(done.output, Some(json!("Hello Ada")));
    fixture.drain().await;
}

/// The owner is replaced, and what waits is answered and goes on.
async fn answered_by_another(fixture: &mut Fixture, id: ExecutionId) {
    let other = fixture.engine().await;
    fixture.running.replace(other).unwrap().drain().await;
    eventually(SOON, async || {
        fixture.ask(&fixture.user, &answer(id)).await.ok()
    })
    .await;
    let done = fixture.finished(id).await;
    assert_eq!(done.output, Some(json!("Ada")));
}

#[tokio::test]
async fn a_parked_execution_outlives_its_owner() {
    let mut fixture = parking().await;
    let id = asking(&fixture, question()).await;
    parked(1).await;
    answered_by_another(&mut fixture, id).await;
    fixture.drain().await;
}

/// Waits until the log has nothing of an execution any more: others are stored behind it.
async fn trimmed(fixture: &Fixture, id: ExecutionId) {
    let partitions = fixture.bus.partitions().await.unwrap();
    let partition = partition_of(id, partitions);
    let (_, last) = fixture.bus.log_bounds(partition).await.unwrap();
    let hash = inline_flow(fixture).await;
    for _ in 0..2 {
        let mut start = fixture.start_of(&hash, json!({"name": "Eve"}));
        while partition_of(start.execution_id, partitions) != partition {
            start.execution_id = ExecutionId::generate();
        }
        fixture.begin(&start).await;
    }
    eventually(SOON, async || {
        let (first, _) = fixture.bus.log_bounds(partition).await.unwrap();
        (first > last).then_some(())
    })
    .await;
}

#[tokio::test]
async fn what_waits_does_not_hold_the_log_and_outlives_its_owner() {
    let mut fixture = parking().await;
    let id = asking(&fixture, question()).await;
    let mut cancelled = fixture.start_of(&inline_flow(&fixture).await, json!({"name": "Ada"}));
    cancelled.queued = true;
    fixture.begin(&cancelled).await;
    parked(2).await;
    trimmed(&fixture, id).await;
    trimmed(&fixture, cancelled.execution_id).await;
    let whole = execution::check_integrity(&fixture.config, &fixture.bus)
        .await
        .unwrap();
    assert_eq!(
        (whole.parked, whole.differences),
        (2, 0),
        "{:?}",
        whole.told
    );
    // It comes back and ends, and its owner is replaced before the index says so.
    let cancel = CancelExecution {
        execution_id: cancelled.execution_id,
    };
    fixture.ask(&fixture.user, &cancel).await.unwrap();
    answered_by_another(&mut fixture, id).await;
    let over = fixture.finished(cancelled.execution_id).await;
    assert_eq!(over.state, ExecutionState::Cancelled);
    // Neither is in the index once it is over.
    eventually(SOON, async || {
        let whole = execution::check_integrity(&fixture.config, &fixture.bus).await;
        (whole.unwrap().parked == 0).then_some(())
    })
    .await;
    fixture.drain().await;
}

#[tokio::test]
async fn an_owner_that_was_replaced_cannot_write_the_index() {
    let fixture = parking().await;
    asking(&fixture, question()).await;
    parked(1).await;
    let kv = fixture.bus.kv(Bucket::Snapshots).await.unwrap();
    for partition in 0..fixture.bus.partitions().await.unwrap() {
        let family = format!("parked.{partition}");
        let claim = format!("{family}.owner");
        let claimed = eventually(SOON, async || kv.get(&claim).await.unwrap()).await;
        for last in [0, claimed.revision - 1] {
            let written = fixture
                .bus
                .put_after(Bucket::Snapshots, &family, "7", "stale".into(), last)
                .await;
            assert!(
                matches!(written, Err(bus::Error::Conflict { .. })),
                "{written:?}"
            );
        }
    }
    fixture.drain().await;
}

/// A way to MongoDB that can be cut.
struct Way {
    url: String,
    is_cut: watch::Sender<bool>,
    _tasks: JoinSet<()>,
}

impl Way {
    async fn to(url: &str) -> Self {
        let host = url.trim_start_matches("mongodb://").split('/').next();
        let host = host.unwrap().to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let here = listener.local_addr().unwrap();
        let (is_cut, cut) = watch::channel(false);
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut ways = JoinSet::new();
            loop {
                let (mut near, _) = listener.accept().await.unwrap();
                if *cut.borrow() {
                    continue;
                }
                let (host, mut cut) = (host.clone(), cut.clone());
                ways.spawn(async move {
                    let mut far = TcpStream::connect(&host).await.unwrap();
                    tokio::select! {
                        _ = tokio::io::copy_bidirectional(&mut near, &mut far) => {}
                        _ = cut.wait_for(|is_cut| *is_cut) => {}
                    }
                });
            }
        });
        Self {
            url: format!("mongodb://{here}/?directConnection=true"),
            is_cut,
            _tasks: tasks,
        }
    }

    fn cut(&self, is_cut: bool) {
        self.is_cut.send_replace(is_cut);
    }
}

#[tokio::test]
async fn without_the_archive_nobody_is_answered_and_nothing_is_lost() {
    let way = Way::to(testkit::Mongo::create().url()).await;
    let fixture = Fixture::set_up(|config| {
        config.engine.engine_park_after_ms = PARK_AFTER_MS;
        config.documents.mongo_url = way.url.clone().into();
    })
    .await;
    let id = asking(&fixture, question()).await;
    parked(1).await;
    way.cut(true);
    let give = owner::GiveAnswer {
        tenant: fixture.user.tenant,
        execution_id: id,
        answer: answer(id),
        by: fixture.user.user_id,
        role: fixture.user.role,
    };
    let refused = fixture.bus.ask_owner(&give, SOON).await.unwrap_err();
    assert_eq!(
        (refused.status, refused.reason.as_deref()),
        (503, Some("archive_unavailable"))
    );
    assert!(refused.retry_after_ms.is_some());
    // Whoever begins meanwhile is not held up.
    let hash = inline_flow(&fixture).await;
    let other = fixture.execute(&hash, json!({"name": "Eve"})).await;
    assert!(fixture.get(other).await.state.is_final());
    way.cut(false);
    eventually(SOON, async || fixture.bus.ask_owner(&give, SOON).await.ok()).await;
    let done = fixture.finished(id).await;
    assert_eq!(done.output, Some(json!("Ada")));
    fixture.drain().await;
}
