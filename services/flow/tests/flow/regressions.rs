//! Past executions against a draft.

use contracts::{
    Role,
    execution::{
        Compared, Comparison, ExecutionState, NodeComparison, NodeEnd, NodeOutcome, Origin,
        SourceKind, Usage,
    },
    flow::{GetRegression, NodeVerdict, RegressionState, StartRegression, Verdict},
    id::ExecutionId,
};

use crate::{Fixture, reason};

fn compared(state: ExecutionState) -> Compared {
    Compared {
        id: ExecutionId::EXAMPLE,
        origin: Origin::default(),
        state,
        error: None,
        usage: Usage::ZERO,
        duration_ms: 1,
    }
}

/// One node, which succeeded before.
fn comparison(now: ExecutionState, end: NodeEnd, same: bool) -> Comparison {
    let outcome = |end| NodeOutcome {
        end,
        attempts: 1,
        port: None,
        error: None,
        duration_ms: 1,
        usage: Usage::ZERO,
        reused: false,
    };
    let node = NodeComparison {
        node: "greet".into(),
        execution: Some(outcome(NodeEnd::Succeeded)),
        with: Some(outcome(end)),
        same,
        same_output: same,
        same_config: Some(false),
        same_input: Some(true),
    };
    Comparison {
        execution: compared(ExecutionState::Succeeded),
        with: compared(now),
        same_input: true,
        same_output: same,
        nodes: vec![node],
        changed: Vec::new(),
    }
}

#[tokio::test]
async fn each_past_execution_gets_a_verdict() {
    let fixture = Fixture::start().await;
    let user = fixture.user(Role::Editor).await;
    let (flow, _) = fixture.published(&user).await;
    let origin = Origin::flow(flow.id, Some(1));
    let past = || fixture.past(&user, origin, ExecutionState::Succeeded);
    let sources = [past(), past(), past()];
    let other = Origin::flow(contracts::id::FlowId::EXAMPLE, Some(1));
    let foreign = fixture.past(&user, other, ExecutionState::Succeeded);
    let request = StartRegression {
        flow_id: flow.id,
        execution_ids: [&sources[..], &[foreign, sources[0]]].concat(),
        revision: None,
    };
    let begun = fixture.ask(&user, &request).await.unwrap();
    assert_eq!(
        (begun.items.len(), begun.done, begun.revision),
        (4, 1, None)
    );
    let refused = begun.items.iter().find(|it| it.source_id == foreign);
    assert!(refused.unwrap().problem.is_some());
    let starts = fixture.started();
    assert_eq!(starts.len(), 3);
    let source = &starts[0].basis.as_ref().unwrap().source;
    assert_eq!(source.kind, SourceKind::Regression);
    // It goes on with each look; what began is not begun again.
    let get = GetRegression {
        regression_id: begun.id,
    };
    let viewer = testkit::principal(user.tenant, Role::Viewer);
    let running = fixture.ask(&viewer, &get).await.unwrap();
    assert_eq!(running, begun);
    let outcomes = [
        comparison(ExecutionState::Succeeded, NodeEnd::Succeeded, true),
        comparison(ExecutionState::Succeeded, NodeEnd::Succeeded, false),
        comparison(ExecutionState::Failed, NodeEnd::Failed, false),
    ];
    for (source, outcome) in sources.iter().zip(outcomes) {
        let item = begun.items.iter().find(|it| it.source_id == *source);
        let id = item.unwrap().execution_id;
        fixture.ended(&user, id, origin, outcome.with.state);
        let mut comparisons = fixture.world.comparisons.lock().unwrap();
        comparisons.insert(id, outcome);
    }
    let done = fixture.ask(&viewer, &get).await.unwrap();
    assert_eq!(
        (done.done, done.same, done.changed, done.broke),
        (4, 1, 1, 2)
    );
    let broke = done.items.iter().find(|it| it.source_id == sources[2]);
    let broke = broke.unwrap();
    assert_eq!(broke.state, RegressionState::Done);
    let verdict = NodeVerdict {
        node: "greet".into(),
        verdict: Verdict::Broke,
    };
    assert_eq!(
        (broke.verdict, &broke.nodes),
        (Some(Verdict::Broke), &vec![verdict])
    );
    assert_eq!(fixture.started().len(), 3);
}

#[tokio::test]
async fn too_many_and_unknown_ones_are_refused() {
    let fixture = Fixture::start().await;
    let user = fixture.user(Role::Editor).await;
    let (flow, _) = fixture.published(&user).await;
    let request = |execution_ids| StartRegression {
        flow_id: flow.id,
        execution_ids,
        revision: None,
    };
    for ids in [vec![], (0..51).map(|_| ExecutionId::generate()).collect()] {
        let problem = fixture.ask(&user, &request(ids)).await.unwrap_err();
        assert_eq!(problem.status, 422);
    }
    let get = GetRegression {
        regression_id: contracts::id::RegressionId::generate(),
    };
    let problem = fixture.ask(&user, &get).await.unwrap_err();
    assert_eq!(problem.status, 404);
    let strange = fixture.user(Role::Owner).await;
    let begun = fixture
        .ask(&user, &request(vec![ExecutionId::generate()]))
        .await;
    let begun = begun.unwrap();
    let get = GetRegression {
        regression_id: begun.id,
    };
    assert_eq!(fixture.ask(&strange, &get).await.unwrap_err().status, 404);
    assert_eq!((begun.done, begun.broke), (1, 1), "it does not exist");
    assert_eq!(reason(&problem).0, 404);
}
