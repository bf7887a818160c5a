//! From an execution that has ended to a start that goes on from it.

use chrono::Utc;
use contracts::{
    ErrorCode, Principal, Role,
    execution::{
        Events, Execution, ExecutionState, ExecutionWithEvents, Origin, Pin, Source, SourceKind,
        Usage,
    },
    flow::{
        ContinueExecution, ForkExecution, RetryExecution, RevisionChoice, TestFlow, UpdateFlow,
    },
    id::ExecutionId,
    live::{ExecutionEvent, Frame},
};
use serde_json::json;

use crate::{Fixture, reason};

impl Fixture {
    /// An execution that has ended, or not.
    pub(crate) fn past(
        &self,
        user: &Principal,
        origin: Origin,
        state: ExecutionState,
    ) -> ExecutionId {
        let id = ExecutionId::generate();
        self.ended(user, id, origin, state);
        id
    }

    pub(crate) fn ended(
        &self,
        user: &Principal,
        id: ExecutionId,
        origin: Origin,
        state: ExecutionState,
    ) {
        let execution = Execution {
            id,
            origin,
            parent_id: None,
            source: None,
            state,
            input: json!({"name": "Ada"}),
            output: None,
            error: None,
            handled: false,
            uncompensated: Vec::new(),
            usage: Usage::ZERO,
            last_event: 9,
            approvals: Vec::new(),
            answers: Vec::new(),
            started_by: user.user_id,
            created_at: Utc::now(),
            finished_at: None,
        };
        let event = ExecutionEvent::ExecutionStarted {
            origin,
            definition_hash: "abc".into(),
            started_by: user.user_id,
            input: json!({"name": "Ada"}),
            source: None,
            variables: Default::default(),
            queued: false,
        };
        let first = Frame {
            n: 1,
            ts: Utc::now(),
            event,
        };
        let events = Events {
            items: vec![first],
            next: Some(1),
        };
        let past = ExecutionWithEvents { execution, events };
        self.world
            .past
            .lock()
            .unwrap()
            .insert((user.tenant, id), past);
    }
}

fn retry(execution_id: ExecutionId) -> RetryExecution {
    RetryExecution {
        execution_id,
        node: None,
        idempotency_key: None,
    }
}

#[tokio::test]
async fn a_retry_asks_for_the_same_definition_and_input() {
    let fixture = Fixture::start().await;
    let user = fixture.user(Role::Operator).await;
    let origin = Origin::flow(contracts::id::FlowId::EXAMPLE, Some(4));
    let past = fixture.past(&user, origin, ExecutionState::Failed);
    let keyed = RetryExecution {
        idempotency_key: Some("again-1".into()),
        ..retry(past)
    };
    let accepted = fixture.ask(&user, &keyed).await.unwrap();
    let repeated = fixture.ask(&user, &keyed).await.unwrap();
    assert_eq!(accepted.id, repeated.id);
    let start = &fixture.started()[0];
    assert_eq!(
        (start.definition_hash.as_str(), start.origin),
        ("abc", origin)
    );
    assert_eq!(start.input, json!({"name": "Ada"}));
    let source = Source {
        execution_id: Some(past),
        kind: SourceKind::Retry,
        node: None,
    };
    assert_eq!(start.basis.as_ref().unwrap().source, source);
    let other = RetryExecution {
        node: Some("a".into()),
        ..keyed
    };
    let refused = fixture.ask(&user, &other).await.unwrap_err();
    assert_eq!(reason(&refused), (422, "idempotency_key_reused"));
}

#[tokio::test]
async fn what_has_not_ended_or_not_failed_is_not_retried() {
    let fixture = Fixture::start().await;
    let user = fixture.user(Role::Operator).await;
    let origin = Origin::flow(contracts::id::FlowId::EXAMPLE, Some(4));
    let running = fixture.past(&user, origin, ExecutionState::Running);
    let problem = fixture.ask(&user, &retry(running)).await.unwrap_err();
    assert_eq!(reason(&problem), (409, "not_ended"));
    let succeeded = fixture.past(&user, origin, ExecutionState::Succeeded);
    let problem = fixture.ask(&user, &retry(succeeded)).await.unwrap_err();
    assert_eq!(reason(&problem), (422, "nothing_failed"));
    let named = RetryExecution {
        node: Some("a".into()),
        ..retry(succeeded)
    };
    fixture.ask(&user, &named).await.unwrap();
    let stranger = fixture.user(Role::Owner).await;
    let problem = fixture.ask(&stranger, &retry(succeeded)).await.unwrap_err();
    assert_eq!(problem.code, ErrorCode::NotFound);
}

#[tokio::test]
async fn a_fork_gives_one_output() {
    let fixture = Fixture::start().await;
    let user = fixture.user(Role::Operator).await;
    let origin = Origin::flow(contracts::id::FlowId::EXAMPLE, Some(4));
    let past = fixture.past(&user, origin, ExecutionState::Succeeded);
    let fork = ForkExecution {
        execution_id: past,
        node: "a".into(),
        output: json!({"x": 1}),
        port: Some("yes".into()),
        idempotency_key: None,
    };
    fixture.ask(&user, &fork).await.unwrap();
    let basis = fixture.started()[0].basis.clone().unwrap();
    let source = Source {
        execution_id: Some(past),
        kind: SourceKind::Fork,
        node: Some("a".into()),
    };
    assert_eq!(basis.source, source);
    let pin = Pin {
        output: json!({"x": 1}),
        port: Some("yes".into()),
    };
    assert_eq!(basis.pins["a"], pin);
}

#[tokio::test]
async fn another_revision_continues_with_the_input() {
    let fixture = Fixture::start().await;
    let user = fixture.user(Role::Editor).await;
    let (flow, _) = fixture.published(&user).await;
    let past = fixture.past(
        &user,
        Origin::flow(flow.id, Some(1)),
        ExecutionState::Failed,
    );
    let mut changed = flow.definition.clone();
    changed.nodes[1].name = Some("Another name".into());
    let update = UpdateFlow {
        flow_id: flow.id,
        name: None,
        description: None,
        definition: Some(changed),
        if_version: None,
    };
    fixture.ask(&user, &update).await.unwrap();
    let continued = ContinueExecution {
        execution_id: past,
        revision: Some(RevisionChoice::DRAFT),
        idempotency_key: None,
    };
    let accepted = fixture.ask(&user, &continued).await.unwrap();
    assert_eq!(accepted.origin, Origin::flow(flow.id, None));
    let latest = ContinueExecution {
        revision: None,
        ..continued
    };
    let accepted = fixture.ask(&user, &latest).await.unwrap();
    assert_eq!(accepted.origin.revision, Some(1));
    let starts = fixture.started();
    assert_ne!(starts[0].definition_hash, starts[1].definition_hash);
    assert_eq!(starts[0].input, json!({"name": "Ada"}));
    let agent = Origin::agent(contracts::id::AgentId::EXAMPLE, 1);
    let past = fixture.past(&user, agent, ExecutionState::Failed);
    let none = ContinueExecution {
        execution_id: past,
        ..latest
    };
    let problem = fixture.ask(&user, &none).await.unwrap_err();
    assert_eq!(reason(&problem), (422, "no_flow"));
}

#[tokio::test]
async fn a_test_runs_the_draft_with_what_is_given() {
    let fixture = Fixture::start().await;
    let user = fixture.user(Role::Editor).await;
    let flow = fixture.flow(&user).await;
    let pin = Pin {
        output: json!({"text": "Hello"}),
        port: None,
    };
    let test = TestFlow {
        flow_id: flow.id,
        input: json!(1),
        revision: None,
        until: Some("greet".into()),
        pins: [("t".to_owned(), pin)].into(),
        idempotency_key: Some("test-1".into()),
    };
    let accepted = fixture.ask(&user, &test).await.unwrap();
    assert_eq!(accepted.origin, Origin::flow(flow.id, None));
    assert_eq!(fixture.ask(&user, &test).await.unwrap().id, accepted.id);
    let start = &fixture.started()[0];
    let basis = start.basis.as_ref().unwrap();
    let source = Source {
        execution_id: None,
        kind: SourceKind::Test,
        node: Some("greet".into()),
    };
    assert_eq!((&basis.source, &basis.pins), (&source, &test.pins));
    let other = TestFlow {
        until: None,
        ..test
    };
    let problem = fixture.ask(&user, &other).await.unwrap_err();
    assert_eq!(reason(&problem), (422, "idempotency_key_reused"));
}
