//! From a flow to a start at the engine.

use std::collections::BTreeMap;

use bus::Bucket;
use contracts::{
    ErrorCode, Role,
    flow::{
        Definition, DeleteFlow, Executable, ExecuteFlow, GetVariables, PublishFlow, RevisionChoice,
        SetVariables, UpdateFlow,
    },
    id::FlowId,
};
use serde_json::{Value, json};

use crate::{Fixture, reason};

fn execute(flow_id: FlowId, input: Value) -> ExecuteFlow {
    ExecuteFlow {
        flow_id,
        input,
        revision: None,
        session: None,
        priority: None,
        idempotency_key: None,
    }
}

#[tokio::test]
async fn the_engine_gets_the_revision_the_input_and_the_variables() {
    let fixture = Fixture::start().await;
    let user = fixture.user(Role::Editor).await;
    let (flow, revision) = fixture.published(&user).await;
    let variables = SetVariables {
        variables: BTreeMap::from([("region".into(), json!("eu"))]),
    };
    fixture.ask(&user, &variables).await.unwrap();
    assert_eq!(
        fixture
            .ask(&user, &GetVariables {})
            .await
            .unwrap()
            .variables,
        variables.variables
    );
    let accepted = fixture
        .ask(&user, &execute(flow.id, json!({"name": "Ada"})))
        .await
        .unwrap();
    let starts = fixture.started();
    let start = &starts[0];
    assert_eq!(
        (start.execution_id, start.origin.revision),
        (accepted.id, Some(1))
    );
    assert_eq!(
        (&start.input, &start.vars),
        (&json!({"name": "Ada"}), &json!({"region": "eu"}))
    );
    assert_eq!(
        (start.tenant, start.principal.user_id),
        (user.tenant, user.user_id)
    );
    let bucket = fixture.bus.kv(Bucket::FlowDef).await.unwrap();
    let stored = bucket.get(&start.definition_hash).await.unwrap().unwrap();
    let executable: Executable = serde_json::from_slice(&stored.value).unwrap();
    assert_eq!(executable.definition, flow.definition);
    assert_eq!(revision.definition, flow.definition);
}

#[tokio::test]
async fn the_engine_gets_nothing_of_what_is_only_drawn() {
    let fixture = Fixture::start().await;
    let user = fixture.user(Role::Editor).await;
    let (flow, _) = fixture.published(&user).await;
    let mut drawn = serde_json::to_value(&flow.definition).unwrap();
    drawn["notes"] = json!([{"id": "n", "text": "Why", "position": {"x": 0.0, "y": 0.0}, "width": 240.0, "height": 96.0}]);
    drawn["groups"] = json!([{"id": "g", "name": "Work", "nodes": ["greet"], "collapsed": true}]);
    let drawn: Definition = serde_json::from_value(drawn).unwrap();
    let update = UpdateFlow {
        flow_id: flow.id,
        name: None,
        description: None,
        definition: Some(drawn.clone()),
        if_version: None,
    };
    fixture.ask(&user, &update).await.unwrap();
    let publish = PublishFlow {
        flow_id: flow.id,
        notes: String::new(),
    };
    let revision = fixture.ask(&user, &publish).await.unwrap();
    assert_eq!(revision.definition, drawn, "it is kept for who looks at it");
    let number = |revision| ExecuteFlow {
        revision: Some(RevisionChoice::Number(revision)),
        ..execute(flow.id, json!({"name": "Ada"}))
    };
    fixture.ask(&user, &number(1)).await.unwrap();
    fixture.ask(&user, &number(2)).await.unwrap();
    let starts = fixture.started();
    assert_eq!(starts[0].definition_hash, starts[1].definition_hash);
}

#[tokio::test]
async fn a_key_names_one_execution() {
    let fixture = Fixture::start().await;
    let user = fixture.user(Role::Editor).await;
    let (flow, _) = fixture.published(&user).await;
    let request = ExecuteFlow {
        idempotency_key: Some("order-1".into()),
        ..execute(flow.id, json!({"n": 1}))
    };
    let answers = futures::future::join_all((0..8).map(|_| fixture.ask(&user, &request))).await;
    let first = answers[0].as_ref().unwrap().id;
    assert!(
        answers
            .iter()
            .all(|answer| answer.as_ref().unwrap().id == first)
    );
    assert!(
        fixture
            .started()
            .iter()
            .all(|start| start.execution_id == first)
    );
    let other = ExecuteFlow {
        input: json!({"n": 2}),
        ..request.clone()
    };
    assert_eq!(
        reason(&fixture.ask(&user, &other).await.unwrap_err()),
        (422, "idempotency_key_reused")
    );
    let unkeyed = ExecuteFlow {
        idempotency_key: None,
        ..request.clone()
    };
    assert_ne!(fixture.ask(&user, &unkeyed).await.unwrap().id, first);
    let stranger = fixture.user(Role::Editor).await;
    let (theirs, _) = fixture.published(&stranger).await;
    let same_key = ExecuteFlow {
        flow_id: theirs.id,
        ..request.clone()
    };
    assert_ne!(fixture.ask(&stranger, &same_key).await.unwrap().id, first);
    for key in ["", "ä", "a\nb", &"k".repeat(256)] {
        let bad = ExecuteFlow {
            idempotency_key: Some(key.to_owned()),
            ..request.clone()
        };
        assert_eq!(
            fixture.ask(&user, &bad).await.unwrap_err().status,
            422,
            "{key:?}"
        );
    }
}

#[tokio::test]
async fn a_repeated_start_keeps_the_definition_it_began_with() {
    let fixture = Fixture::start().await;
    let user = fixture.user(Role::Editor).await;
    let flow = fixture.flow(&user).await;
    let request = ExecuteFlow {
        revision: Some(RevisionChoice::DRAFT),
        idempotency_key: Some("k".into()),
        ..execute(flow.id, json!({}))
    };
    fixture.ask(&user, &request).await.unwrap();
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
    fixture.ask(&user, &request).await.unwrap();
    let starts = fixture.started();
    assert_eq!(starts[0].definition_hash, starts[1].definition_hash);
    assert_eq!(starts[0].origin.revision, None);
}

#[tokio::test]
async fn what_cannot_run_is_refused() {
    let fixture = Fixture::start().await;
    let user = fixture.user(Role::Editor).await;
    let flow = fixture.flow(&user).await;
    let never = fixture
        .ask(&user, &execute(flow.id, json!({})))
        .await
        .unwrap_err();
    assert_eq!(reason(&never), (422, "not_published"));
    let mut strict = flow.definition.clone();
    strict.input_schema = Some(json!({"type": "object", "required": ["name"]}));
    let update = |definition| UpdateFlow {
        flow_id: flow.id,
        name: None,
        description: None,
        definition: Some(definition),
        if_version: None,
    };
    fixture.ask(&user, &update(strict)).await.unwrap();
    let draft = ExecuteFlow {
        revision: Some(RevisionChoice::DRAFT),
        ..execute(flow.id, json!({}))
    };
    let wrong = fixture.ask(&user, &draft).await.unwrap_err();
    assert_eq!(
        (reason(&wrong), wrong.errors[0].path.as_str()),
        ((422, "input_invalid"), "/input")
    );
    fixture
        .ask(&user, &update(Definition::default()))
        .await
        .unwrap();
    assert_eq!(
        reason(&fixture.ask(&user, &draft).await.unwrap_err()),
        (422, "flow_invalid")
    );
    let missing = ExecuteFlow {
        revision: Some(RevisionChoice::Number(7)),
        ..draft.clone()
    };
    assert_eq!(
        fixture.ask(&user, &missing).await.unwrap_err().code,
        ErrorCode::NotFound
    );
    fixture
        .ask(&user, &DeleteFlow { flow_id: flow.id })
        .await
        .unwrap();
    assert_eq!(
        fixture.ask(&user, &draft).await.unwrap_err().code,
        ErrorCode::NotFound
    );
    assert!(fixture.started().is_empty());
}
