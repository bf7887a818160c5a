//! Flows of which so many executions run at a time.

use std::collections::HashSet;

use contracts::{
    ErrorCode, Principal, Role,
    execution::{Accepted, ExecutionState, Finished, Usage},
    flow::{
        Concurrency, ConcurrencyPolicy, ConcurrencyScope, ExecuteFlow, Flow, GetConcurrency,
        RetryExecution, SetConcurrency, TestFlow,
    },
    id::{ChatId, ExecutionId},
    trigger::FireOutcome,
};
use serde_json::json;
use testkit::eventually;

use crate::{Fixture, SOON, reason, triggers::spec};

fn rules(policy: ConcurrencyPolicy, max_parallel: u32) -> Concurrency {
    Concurrency {
        policy,
        max_parallel: Some(max_parallel),
        ..Concurrency::default()
    }
}

impl Fixture {
    async fn limited(&self, who: &Principal, concurrency: Concurrency) -> Flow {
        let (flow, _) = self.published(who).await;
        self.limit(who, &flow, concurrency).await;
        flow
    }

    async fn limit(&self, who: &Principal, flow: &Flow, concurrency: Concurrency) {
        let flow_id = flow.id;
        let request = SetConcurrency {
            flow_id,
            concurrency,
        };
        assert_eq!(self.ask(who, &request).await.unwrap(), concurrency);
    }

    async fn begin(&self, who: &Principal, request: &ExecuteFlow) -> Accepted {
        self.ask(who, request).await.unwrap()
    }

    /// The execution comes to its end, and that is said.
    async fn finish(&self, who: &Principal, id: ExecutionId, state: ExecutionState) {
        self.world.set(id, state);
        let starts = self.started();
        let start = starts.iter().find(|it| it.execution_id == id).unwrap();
        assert!(start.notify, "its end is not said");
        let event = Finished {
            execution_id: id,
            origin: start.origin,
            state,
            usage: Usage::ZERO,
        };
        self.bus.emit(who.tenant, &event).await.unwrap();
    }

    async fn until(&self, id: ExecutionId, state: ExecutionState) {
        eventually(SOON * 3, async || {
            (self.world.state(id) == Some(state)).then_some(())
        })
        .await;
    }

    async fn places(&self, who: &Principal, flow: &Flow) -> usize {
        let admin = sea_orm::Database::connect(self.database.url())
            .await
            .unwrap();
        let schema = sql::SchemaName::of(who.tenant).unwrap();
        let text = format!(
            "SELECT execution_id FROM \"{schema}\".flow_places WHERE flow_id = '{}'",
            flow.id.uuid()
        );
        let statement = sea_orm::Statement::from_string(sea_orm::DbBackend::Postgres, text);
        let rows = sea_orm::ConnectionTrait::query_all_raw(&admin, statement)
            .await
            .unwrap();
        admin.close().await.unwrap();
        rows.len()
    }
}

fn execute(flow: &Flow) -> ExecuteFlow {
    ExecuteFlow {
        flow_id: flow.id,
        input: json!({"name": "Ada"}),
        revision: None,
        session: None,
        priority: None,
        idempotency_key: None,
    }
}

#[tokio::test]
async fn of_a_burst_so_many_run_and_all_come_to_their_end() {
    let mut fixture = Fixture::start().await;
    fixture.revive().await;
    let user = fixture.user(Role::Editor).await;
    let flow = fixture
        .limited(&user, rules(ConcurrencyPolicy::Enqueue, 2))
        .await;
    let request = execute(&flow);
    let starts = (0..20).map(|_| fixture.begin(&user, &request));
    let accepted = futures::future::join_all(starts).await;
    let queued = accepted
        .iter()
        .filter(|it| it.state == ExecutionState::Queued);
    assert_eq!(queued.count(), 18);
    for _ in 0..20 {
        let running = eventually(SOON, async || fixture.world.running().first().copied()).await;
        fixture
            .finish(&user, running, ExecutionState::Succeeded)
            .await;
    }
    eventually(SOON, async || {
        (fixture.places(&user, &flow).await == 0).then_some(())
    })
    .await;
    assert_eq!(*fixture.world.most.lock().unwrap(), 2);
    let began = fixture.world.began.lock().unwrap().clone();
    assert_eq!(began.len(), 20);
    // A place that is free is taken at once.
    let next = fixture.begin(&user, &request).await;
    assert_eq!(next.state, ExecutionState::Running);
}

#[tokio::test]
async fn who_waits_comes_by_priority_then_in_order_also_after_a_restart() {
    let mut fixture = Fixture::start().await;
    let user = fixture.user(Role::Editor).await;
    let flow = fixture
        .limited(&user, rules(ConcurrencyPolicy::Enqueue, 1))
        .await;
    let begin = async |priority| {
        let request = ExecuteFlow {
            priority,
            ..execute(&flow)
        };
        fixture.begin(&user, &request).await.id
    };
    let first = begin(None).await;
    let plain = [begin(None).await, begin(None).await];
    let late = begin(Some(-5)).await;
    let soon = [begin(Some(9)).await, begin(Some(9)).await];
    let given_up = begin(Some(50)).await;
    // What is cancelled while it waits makes no room, and takes none.
    fixture
        .finish(&user, given_up, ExecutionState::Cancelled)
        .await;
    eventually(SOON, async || {
        (fixture.places(&user, &flow).await == 6).then_some(())
    })
    .await;
    assert_eq!(fixture.world.running(), [first]);

    fixture.running.clear();
    fixture
        .finish(&user, first, ExecutionState::Succeeded)
        .await;
    fixture.revive().await;
    let order = [soon[0], soon[1], plain[0], plain[1], late];
    for id in order {
        fixture.until(id, ExecutionState::Running).await;
        assert_eq!(fixture.world.running(), [id]);
        fixture.finish(&user, id, ExecutionState::Failed).await;
    }
    assert_eq!(fixture.world.began.lock().unwrap()[1..], order);
}

#[tokio::test]
async fn a_start_beyond_is_refused_and_the_same_key_may_come_again() {
    let fixture = Fixture::start().await;
    let user = fixture.user(Role::Editor).await;
    let flow = fixture
        .limited(&user, rules(ConcurrencyPolicy::Reject, 1))
        .await;
    let keyed = |key: &str| ExecuteFlow {
        idempotency_key: Some(key.into()),
        ..execute(&flow)
    };
    let first = fixture.begin(&user, &keyed("one")).await;
    let refused = fixture.ask(&user, &keyed("two")).await.unwrap_err();
    assert_eq!(reason(&refused), (409, "concurrency_limit"));
    assert!(refused.detail.contains(&flow.id.to_string()), "{refused:?}");
    assert!(
        refused.detail.contains(&first.id.to_string()),
        "{refused:?}"
    );
    assert_eq!(fixture.started().len(), 1);
    // What runs is answered as it stands, not refused.
    assert_eq!(fixture.begin(&user, &keyed("one")).await, first);
    // Tests and what belongs to others need no place.
    let test = TestFlow {
        flow_id: flow.id,
        input: json!({}),
        revision: None,
        until: None,
        pins: Default::default(),
        idempotency_key: None,
    };
    fixture.ask(&user, &test).await.unwrap();
    fixture
        .finish(&user, first.id, ExecutionState::Succeeded)
        .await;
    let second = eventually(SOON, async || fixture.ask(&user, &keyed("two")).await.ok()).await;
    // What is over holds no place, and is still what its key names.
    let again = fixture.begin(&user, &keyed("one")).await;
    assert_eq!(
        (again.id, again.state),
        (first.id, ExecutionState::Succeeded)
    );
    let retry = RetryExecution {
        execution_id: fixture.past(&user, first.origin, ExecutionState::Failed),
        node: None,
        idempotency_key: None,
    };
    let refused = fixture.ask(&user, &retry).await.unwrap_err();
    assert_eq!(reason(&refused), (409, "concurrency_limit"));
    assert!(
        refused.detail.contains(&second.id.to_string()),
        "{refused:?}"
    );

    // A trigger is told the same.
    let each_second = spec(json!({"cron": {"expression": "* * * * * *"}}));
    let made = fixture.trigger(&user, &flow, each_second).await.trigger;
    let fire = eventually(SOON, async || {
        let fires = fixture.fires(&user, &made).await.into_iter();
        fires
            .rev()
            .find(|fire| fire.outcome != FireOutcome::Pending)
    })
    .await;
    assert_eq!(fire.outcome, FireOutcome::Refused);
    assert_eq!(fire.reason.as_deref(), Some("concurrency_limit"));
}

#[tokio::test]
async fn a_key_that_waits_names_one_execution_and_only_so_many_wait() {
    let fixture = Fixture::start().await;
    let user = fixture.user(Role::Editor).await;
    let flow = fixture
        .limited(
            &user,
            Concurrency {
                max_waiting: Some(1),
                ..rules(ConcurrencyPolicy::Enqueue, 1)
            },
        )
        .await;
    let keyed = ExecuteFlow {
        idempotency_key: Some("order-7".into()),
        ..execute(&flow)
    };
    let first = fixture.begin(&user, &execute(&flow)).await;
    let waits = futures::future::join_all((0..6).map(|_| fixture.begin(&user, &keyed))).await;
    assert!(waits.iter().all(|it| *it == waits[0]), "{waits:?}");
    assert_eq!(waits[0].state, ExecutionState::Queued);
    let full = fixture.ask(&user, &execute(&flow)).await.unwrap_err();
    assert_eq!(reason(&full), (429, "queue_full"));
    assert!(full.retry_after_ms.is_some());
    fixture
        .finish(&user, first.id, ExecutionState::Succeeded)
        .await;
    fixture.until(waits[0].id, ExecutionState::Running).await;
    // Whoever raises the limit lets the others in.
    let second = fixture.begin(&user, &execute(&flow)).await;
    assert_eq!(second.state, ExecutionState::Queued);
    fixture.limit(&user, &flow, Concurrency::default()).await;
    assert_eq!(
        fixture.world.state(second.id),
        Some(ExecutionState::Running)
    );
}

#[tokio::test]
async fn the_newest_takes_the_place_of_the_oldest_when_that_is_over() {
    let fixture = Fixture::start().await;
    let user = fixture.user(Role::Editor).await;
    let flow = fixture
        .limited(&user, rules(ConcurrencyPolicy::Interrupt, 1))
        .await;
    let request = execute(&flow);
    let first = fixture.begin(&user, &request).await.id;
    let second = fixture.begin(&user, &request).await.id;
    let third = fixture.begin(&user, &request).await.id;
    // The second never began, and is over at once; the first still undoes what it did.
    assert_eq!(fixture.world.state(second), Some(ExecutionState::Cancelled));
    let cancelled = fixture.world.cancelled.lock().unwrap().clone();
    assert!(cancelled.contains(&first) && !cancelled.contains(&third));
    assert_eq!(fixture.world.state(third), Some(ExecutionState::Queued));
    fixture
        .finish(&user, first, ExecutionState::Cancelled)
        .await;
    fixture.until(third, ExecutionState::Running).await;
    assert_eq!(*fixture.world.began.lock().unwrap(), [first, third]);
}

#[tokio::test]
async fn sessions_count_by_themselves() {
    let fixture = Fixture::start().await;
    let user = fixture.user(Role::Editor).await;
    let flow = fixture
        .limited(
            &user,
            Concurrency {
                scope: ConcurrencyScope::Session,
                ..rules(ConcurrencyPolicy::Enqueue, 1)
            },
        )
        .await;
    let begin = async |session: Option<&str>| {
        let request = ExecuteFlow {
            session: session.map(str::to_owned),
            ..execute(&flow)
        };
        fixture.begin(&user, &request).await.state
    };
    for session in [Some("a"), Some("b"), None] {
        assert_eq!(begin(session).await, ExecutionState::Running);
        assert_eq!(begin(session).await, ExecutionState::Queued);
    }
    // A conversation is a session too.
    let turn = |session_id| contracts::flow::RunTurn {
        principal: user.clone(),
        execution_id: ExecutionId::generate(),
        target: contracts::flow::TurnTarget::Flow { flow_id: flow.id },
        session_id,
        message: "Hello".into(),
        messages: Vec::new(),
        attachments: Vec::new(),
    };
    let chat = ChatId::generate();
    for (session, expected) in [
        (chat, ExecutionState::Running),
        (chat, ExecutionState::Queued),
        (ChatId::generate(), ExecutionState::Running),
    ] {
        let call = bus::Call::anonymous();
        let answer = fixture.bus.call(user.tenant, &turn(session), call).await;
        assert_eq!(answer.unwrap().state, expected);
    }
}

#[tokio::test]
async fn a_trigger_names_session_and_priority() {
    let mut fixture = Fixture::start().await;
    fixture.revive().await;
    let user = fixture.user(Role::Editor).await;
    let of_sessions = Concurrency {
        scope: ConcurrencyScope::Session,
        ..rules(ConcurrencyPolicy::Enqueue, 1)
    };
    let flow = fixture.limited(&user, of_sessions).await;
    let paid =
        json!({"event": {"name": "paid"}, "session_pointer": "/data/customer", "priority": 5});
    let trigger = fixture.trigger(&user, &flow, spec(paid)).await.trigger;
    let fires = async |id: &str, body: &str| {
        fixture.says(&user, "paid", Some(id), body).await;
        eventually(SOON, async || {
            let fires = fixture.fires(&user, &trigger).await;
            let settled = fires.into_iter().find(|it| it.key == id);
            settled.filter(|it| it.outcome != FireOutcome::Pending)
        })
        .await
    };
    let first = fires("m-1", r#"{"customer": "ada"}"#)
        .await
        .execution_id
        .unwrap();
    let plain = ExecuteFlow {
        session: Some("ada".into()),
        ..execute(&flow)
    };
    let plain = fixture.begin(&user, &plain).await;
    assert_eq!(plain.state, ExecutionState::Queued);
    let urgent = fires("m-2", r#"{"customer": "ada"}"#)
        .await
        .execution_id
        .unwrap();
    let numbered = fires("m-3", r#"{"customer": 7}"#)
        .await
        .execution_id
        .unwrap();
    let unnamed = fires("m-4", "{}").await.execution_id.unwrap();
    let running = HashSet::from_iter(fixture.world.running());
    assert_eq!(running, HashSet::from([first, numbered, unnamed]));
    let refused = fires("m-5", r#"{"customer": [1]}"#).await;
    assert_eq!(refused.outcome, FireOutcome::Refused);
    assert_eq!(refused.reason.as_deref(), Some("session_invalid"));

    fixture
        .finish(&user, first, ExecutionState::Succeeded)
        .await;
    fixture.until(urgent, ExecutionState::Running).await;
    fixture
        .finish(&user, urgent, ExecutionState::Succeeded)
        .await;
    fixture.until(plain.id, ExecutionState::Running).await;
}

#[tokio::test]
async fn what_was_lost_in_between_is_found() {
    let fixture = Fixture::start().await;
    let user = fixture.user(Role::Editor).await;
    let flow = fixture
        .limited(&user, rules(ConcurrencyPolicy::Enqueue, 1))
        .await;
    let first = fixture.begin(&user, &execute(&flow)).await.id;
    let second = fixture.begin(&user, &execute(&flow)).await.id;
    // Nobody says that it is over.
    fixture.world.set(first, ExecutionState::Succeeded);
    fixture.until(second, ExecutionState::Running).await;

    // A start that the engine may have, or not, keeps its place until that is known.
    fixture.world.set(second, ExecutionState::Succeeded);
    eventually(SOON, async || {
        (fixture.places(&user, &flow).await == 0).then_some(())
    })
    .await;
    *fixture.world.refusals.lock().unwrap() = 1;
    let lost = fixture.ask(&user, &execute(&flow)).await.unwrap_err();
    assert_eq!(lost.code, ErrorCode::Unavailable);
    let third = fixture.begin(&user, &execute(&flow)).await;
    assert_eq!(third.state, ExecutionState::Queued);
    let later = "UPDATE flow_places SET changed_at = changed_at - interval '3 minutes' WHERE state = 'running'";
    fixture.sql(user.tenant, later).await;
    fixture.until(third.id, ExecutionState::Running).await;

    // The process broke down after the place was given and before the engine was told.
    let fourth = fixture.begin(&user, &execute(&flow)).await.id;
    fixture.world.set(third.id, ExecutionState::Succeeded);
    let given = format!(
        "UPDATE flow_places SET state = 'admitted' WHERE execution_id = '{}'; DELETE FROM flow_places WHERE execution_id = '{}'",
        fourth.uuid(),
        third.id.uuid()
    );
    fixture.sql(user.tenant, &given).await;
    fixture.until(fourth, ExecutionState::Running).await;
}

#[tokio::test]
async fn rules_are_checked_kept_and_shown() {
    let fixture = Fixture::start().await;
    let user = fixture.user(Role::Editor).await;
    let flow = fixture.flow(&user).await;
    let get = GetConcurrency { flow_id: flow.id };
    assert_eq!(
        fixture.ask(&user, &get).await.unwrap(),
        Concurrency::default()
    );
    let wrong = SetConcurrency {
        flow_id: flow.id,
        concurrency: rules(ConcurrencyPolicy::Parallel, 2),
    };
    let problem = fixture.ask(&user, &wrong).await.unwrap_err();
    assert_eq!(
        (problem.status, problem.errors[0].path.as_str()),
        (422, "/max_parallel")
    );
    let some = Concurrency {
        max_waiting: Some(7),
        priority: -3,
        ..rules(ConcurrencyPolicy::Enqueue, 4)
    };
    fixture.limit(&user, &flow, some).await;
    assert_eq!(fixture.ask(&user, &get).await.unwrap(), some);
    for bad in [
        ExecuteFlow {
            session: Some(String::new()),
            ..execute(&flow)
        },
        ExecuteFlow {
            priority: Some(101),
            ..execute(&flow)
        },
    ] {
        assert_eq!(fixture.ask(&user, &bad).await.unwrap_err().status, 422);
    }
}
