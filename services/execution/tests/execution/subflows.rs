//! Flows within flows: paused, parked, cancelled and given up together.

use contracts::{
    execution::{
        AnswerExecution, CancelExecution, ExecutionSummary, ListExecutions, PauseExecution,
        ResumeExecution,
    },
    live::ExecutionEvent,
    tool::FlowPin,
};

use super::*;

const PARK_AFTER_MS: u32 = 200;

/// A flow whose one step is another flow.
async fn calling(fixture: &Fixture, inner: &str, more: Value) -> String {
    let mut node = json!({"id": "sub", "type": "flow", "config": {"flow_id": FlowId::EXAMPLE}});
    let fields = more.as_object().unwrap().clone();
    node.as_object_mut().unwrap().extend(fields);
    let definition = json!({
        "nodes": [{"id": "t", "type": "trigger"}, node,
            {"id": "o", "type": "output", "config": {"value": "{{ nodes.sub.output ~ '!' }}"}}],
        "edges": [{"from": "t", "to": "sub"}, {"from": "sub", "to": "o"}],
    });
    let pin = FlowPin {
        flow_id: FlowId::EXAMPLE,
        revision: Some(1),
        hash: Some(inner.to_owned()),
    };
    let executable = Executable {
        definition: serde_json::from_value(definition).unwrap(),
        flows: [("sub".to_owned(), pin)].into(),
        ..Executable::default()
    };
    fixture.store(&executable).await
}

/// A flow that asks.
async fn asking(fixture: &Fixture) -> String {
    let form = json!({"type": "object", "properties": {"name": {"type": "string"}}});
    let nodes = json!([
        {"id": "t", "type": "trigger"},
        {"id": "q", "type": "approval", "config": {"title": "Who?", "form": form}},
        {"id": "o", "type": "output", "config": {"value": "{{ nodes.q.output.values.name }}"}}
    ]);
    let edges = [("t", "out", "q"), ("q", "approve", "o")];
    fixture.define(nodes, &edges).await
}

async fn listed(fixture: &Fixture) -> Vec<ExecutionSummary> {
    let list = ListExecutions::default();
    fixture
        .ask(&fixture.user, &list)
        .await
        .map_or_else(|_| Vec::new(), |page| page.items)
}

/// What the steps of an execution began, as such a caller sees it.
async fn begun_by(fixture: &Fixture, by: &Principal, id: ExecutionId) -> Vec<ExecutionSummary> {
    let list = ListExecutions {
        parent_id: Some(id),
        ..ListExecutions::default()
    };
    let page = fixture.ask(by, &list).await;
    page.map_or_else(|_| Vec::new(), |page| page.items)
}

/// The execution that a step of this one has begun.
async fn child_of(fixture: &Fixture, id: ExecutionId) -> ExecutionId {
    eventually(SOON, async || {
        let children = begun_by(fixture, &fixture.user, id).await;
        children.first().map(|child| child.id)
    })
    .await
}

/// Waits until an execution is in such a state, as everybody sees it.
async fn is(fixture: &Fixture, id: ExecutionId, state: ExecutionState) {
    let get = GetExecution { execution_id: id };
    eventually(SOON, async || {
        let execution = fixture.ask(&fixture.user, &get).await.ok()?;
        (execution.state == state).then_some(())
    })
    .await;
}

async fn answer(fixture: &Fixture, id: ExecutionId) {
    let answer = AnswerExecution {
        execution_id: id,
        node: "q".into(),
        port: "approve".into(),
        values: json!({"name": "Ada"}),
        comment: String::new(),
    };
    eventually(SOON, async || {
        fixture.ask(&fixture.user, &answer).await.ok()
    })
    .await;
}

/// Waits until so many are out of memory.
async fn parked(fixture: &Fixture, count: u64) {
    eventually(SOON, async || {
        let whole = execution::check_integrity(&fixture.config, &fixture.bus).await;
        (whole.ok()?.parked == count).then_some(())
    })
    .await;
}

async fn replace_engine(fixture: &mut Fixture) {
    let other = fixture.engine().await;
    fixture.running.replace(other).unwrap().drain().await;
}

#[tokio::test]
async fn a_flow_that_waits_for_a_flow_is_parked_and_woken_by_its_end() {
    let mut fixture =
        Fixture::set_up(|config| config.engine.engine_park_after_ms = PARK_AFTER_MS).await;
    let inner = asking(&fixture).await;
    let middle = calling(&fixture, &inner, json!({})).await;
    let outer = calling(&fixture, &middle, json!({})).await;
    let id = fixture.execute(&outer, json!({})).await;
    let child = child_of(&fixture, id).await;
    let grandchild = child_of(&fixture, child).await;
    // Nobody looks at any of them meanwhile: that would wake it.
    parked(&fixture, 3).await;
    replace_engine(&mut fixture).await;
    answer(&fixture, grandchild).await;
    let done = fixture.finished(id).await;
    assert_eq!(done.output, Some(json!("Ada!!")), "{:?}", done.error);
    let kinds = fixture.kinds(id).await;
    let begun = kinds.iter().filter(|kind| **kind == "step_started").count();
    assert_eq!(begun, 1, "{kinds:?}");
    parked(&fixture, 0).await;
    fixture.drain().await;
}

#[tokio::test]
async fn what_an_execution_began_is_found_by_it_and_by_the_step() {
    let fixture = Fixture::start().await;
    let inner = asking(&fixture).await;
    let middle = calling(&fixture, &inner, json!({})).await;
    let outer = calling(&fixture, &middle, json!({})).await;
    let id = fixture.execute(&outer, json!({})).await;
    let other = fixture.execute(&outer, json!({})).await;
    let child = child_of(&fixture, id).await;
    let grandchild = child_of(&fixture, child).await;
    child_of(&fixture, other).await;
    let begun = begun_by(&fixture, &fixture.user, id).await;
    let ids: Vec<_> = begun.iter().map(|it| (it.id, it.parent_id)).collect();
    assert_eq!(ids, [(child, Some(id))]);
    assert_eq!(begun_by(&fixture, &fixture.user, grandchild).await, []);
    let stranger = testkit::principal(TenantId::generate(), Role::Owner);
    fixture.provision(stranger.tenant).await;
    assert_eq!(begun_by(&fixture, &stranger, id).await, []);
    let frames = fixture.events(id).await;
    let key = frames.iter().find_map(|frame| match &frame.event {
        ExecutionEvent::StepStarted { node, key, .. } if node == "sub" => Some(key),
        _ => None,
    });
    assert_eq!(contracts::execution::begun_by(id, key.unwrap(), 1), child);
    for execution in [id, other] {
        let cancel = CancelExecution {
            execution_id: execution,
        };
        fixture.ask(&fixture.user, &cancel).await.unwrap();
        fixture.finished(execution).await;
    }
    fixture.drain().await;
}

#[tokio::test]
async fn a_flow_is_paused_with_all_that_it_has_begun() {
    let mut fixture = Fixture::start().await;
    let inner = asking(&fixture).await;
    let middle = calling(&fixture, &inner, json!({})).await;
    let outer = calling(&fixture, &middle, json!({})).await;
    let id = fixture.execute(&outer, json!({})).await;
    let child = child_of(&fixture, id).await;
    let grandchild = child_of(&fixture, child).await;
    let pause = |execution_id| PauseExecution { execution_id };
    fixture.ask(&fixture.user, &pause(id)).await.unwrap();
    for execution in [id, child, grandchild] {
        is(&fixture, execution, ExecutionState::Paused).await;
    }
    // The list says so as well.
    eventually(SOON, async || {
        let listed = listed(&fixture).await;
        let all = listed.iter().all(|it| it.state == ExecutionState::Paused);
        all.then_some(())
    })
    .await;
    replace_engine(&mut fixture).await;
    is(&fixture, grandchild, ExecutionState::Paused).await;
    let resume = ResumeExecution { execution_id: id };
    eventually(SOON, async || {
        fixture.ask(&fixture.user, &resume).await.ok()
    })
    .await;
    is(&fixture, child, ExecutionState::Running).await;
    is(&fixture, grandchild, ExecutionState::Waiting).await;
    // Who was paused by hand stays so.
    fixture
        .ask(&fixture.user, &pause(grandchild))
        .await
        .unwrap();
    fixture.ask(&fixture.user, &pause(id)).await.unwrap();
    is(&fixture, child, ExecutionState::Paused).await;
    eventually(SOON, async || {
        let kinds = fixture.kinds(grandchild).await;
        let paused = kinds.iter().filter(|kind| **kind == "execution_paused");
        (paused.count() == 3).then_some(())
    })
    .await;
    fixture.ask(&fixture.user, &resume).await.unwrap();
    eventually(SOON, async || {
        let kinds = fixture.kinds(grandchild).await;
        let resumed = kinds.iter().filter(|kind| **kind == "execution_resumed");
        (resumed.count() == 2).then_some(())
    })
    .await;
    assert_eq!(fixture.get(grandchild).await.state, ExecutionState::Paused);
    let resume = ResumeExecution {
        execution_id: grandchild,
    };
    fixture.ask(&fixture.user, &resume).await.unwrap();
    answer(&fixture, grandchild).await;
    assert_eq!(fixture.finished(id).await.output, Some(json!("Ada!!")));
    fixture.drain().await;
}

#[tokio::test]
async fn a_flow_that_is_begun_while_it_is_paused_waits() {
    let fixture = Fixture::set_up(|config| config.engine.workers_flow = 1).await;
    let inner = asking(&fixture).await;
    let watched = json!({"idle_timeout_ms": 60_000});
    for more in [json!({}), watched] {
        let outer = calling(&fixture, &inner, more).await;
        let start = fixture.start_of(&outer, json!({}));
        let id = start.execution_id;
        let pause = PauseExecution { execution_id: id };
        fixture.begin(&start).await;
        fixture.ask(&fixture.user, &pause).await.unwrap();
        let child = child_of(&fixture, id).await;
        is(&fixture, child, ExecutionState::Paused).await;
        let resume = ResumeExecution { execution_id: id };
        fixture.ask(&fixture.user, &resume).await.unwrap();
        is(&fixture, child, ExecutionState::Waiting).await;
        answer(&fixture, child).await;
        assert_eq!(fixture.finished(id).await.output, Some(json!("Ada!")));
    }
    fixture.drain().await;
}

#[tokio::test]
async fn a_cancel_ends_all_and_a_time_limit_counts_without_a_worker() {
    let fixture =
        Fixture::set_up(|config| config.engine.engine_park_after_ms = PARK_AFTER_MS).await;
    let inner = asking(&fixture).await;
    let outer = calling(&fixture, &inner, json!({})).await;
    let id = fixture.execute(&outer, json!({})).await;
    let child = child_of(&fixture, id).await;
    let cancel = CancelExecution { execution_id: id };
    fixture.ask(&fixture.user, &cancel).await.unwrap();
    for execution in [id, child] {
        let over = fixture.finished(execution).await;
        assert_eq!(over.state, ExecutionState::Cancelled);
    }
    let limited = json!({"timeout_ms": 1500, "on_error": {"default": "late"}});
    let outer = calling(&fixture, &inner, limited).await;
    let id = fixture.execute(&outer, json!({})).await;
    let done = fixture.finished(id).await;
    assert_eq!(done.output, Some(json!("late!")));
    let took = done.finished_at.unwrap() - done.created_at;
    assert!(took >= chrono::TimeDelta::milliseconds(1500), "{took}");
    // Nobody waits for it any more.
    let left = child_of(&fixture, id).await;
    is(&fixture, left, ExecutionState::Cancelled).await;
    fixture.drain().await;
}

#[tokio::test]
async fn another_attempt_begins_another_execution() {
    let outside = outside::Outside::start().await;
    let fixture = &outside.fixture;
    let nodes = json!([
        {"id": "t", "type": "trigger"},
        outside.call("a", json!({})),
        {"id": "o", "type": "output", "config": {"value": "{{ nodes.a.output.status }}"}}
    ]);
    let edges = [("t", "out", "a"), ("a", "out", "o")];
    let inner = fixture.define(nodes, &edges).await;
    let retry = json!({"retry": {"max_attempts": 2, "backoff_ms": 10, "on": ["http_status"]}});
    let outer = calling(fixture, &inner, retry).await;
    outside.ledger.answer_next(400, "{}");
    let id = fixture.execute(&outer, json!({})).await;
    let done = fixture.finished(id).await;
    assert_eq!(done.output, Some(json!("200!")), "{:?}", done.error);
    let children = eventually(SOON, async || {
        let listed = listed(fixture).await.into_iter();
        let children: Vec<_> = listed.filter(|it| it.parent_id == Some(id)).collect();
        (children.len() == 2).then_some(children)
    })
    .await;
    let states = children.iter().map(|child| child.state);
    let mut states: Vec<_> = states.map(ExecutionState::as_str).collect();
    states.sort_unstable();
    assert_eq!(states, ["failed", "succeeded"]);
    outside.fixture.drain().await;
}

#[tokio::test]
async fn what_runs_finds_room_for_its_parts() {
    let fixture = Fixture::set_up(|config| config.engine.engine_max_open = 1).await;
    let nodes = json!([
        {"id": "t", "type": "trigger"},
        {"id": "o", "type": "output", "config": {"value": 7}}
    ]);
    let inner = fixture.define(nodes, &[("t", "out", "o")]).await;
    let outer = calling(&fixture, &inner, json!({})).await;
    // Their parts come to both partitions, and to the one that is full.
    for _ in 0..8 {
        let id = fixture.execute(&outer, json!({})).await;
        let done = fixture.finished(id).await;
        assert_eq!(done.state, ExecutionState::Succeeded, "{:?}", done.error);
    }
    fixture.drain().await;
}
