//! Versions of node types: nodes keep to theirs, and go to the current one where they are told to.

use contracts::{
    Principal, Role,
    flow::{
        CreateFlow, Definition, Flow, GetFlow, GetRevision, ListNodeTypes, PublishFlow,
        RestoreRevision, UpdateFlow, UpgradeFlow, ValidateFlow,
    },
};
use serde_json::{Value, json};

use crate::{Fixture, reason};

fn definition(call: Value) -> Definition {
    serde_json::from_value(json!({
        "nodes": [{"id": "start", "type": "trigger"}, call, {"id": "end", "type": "output", "config": {"value": 1}}],
        "edges": [{"from": "start", "to": "call"}, {"from": "call", "to": "end"}]
    }))
    .unwrap()
}

/// A node without a version, with a body as the first version has it.
fn call() -> Value {
    json!({"id": "call", "type": "http", "config": {"method": "POST", "url": "https://example.com", "body": {"n": 1}}})
}

fn versions(definition: &Definition) -> Vec<Option<u32>> {
    let nodes = definition.nodes.iter();
    nodes.map(|node| node.type_version).collect()
}

async fn made(fixture: &Fixture, user: &Principal, definition: Definition) -> Flow {
    let create = CreateFlow {
        name: "Call".into(),
        description: String::new(),
        definition,
    };
    fixture.ask(user, &create).await.unwrap()
}

/// A flow that was stored before nodes had versions.
async fn old(fixture: &Fixture, user: &Principal) -> Flow {
    let flow = made(fixture, user, definition(call())).await;
    let text = serde_json::to_string(&definition(call())).unwrap();
    assert!(!text.contains("version"));
    let statement = format!("UPDATE flows SET definition = '{text}'");
    fixture.sql(user.tenant, &statement).await;
    let read = fixture.ask(user, &GetFlow { flow_id: flow.id }).await;
    read.unwrap()
}

fn save(flow: &Flow, definition: Definition) -> UpdateFlow {
    UpdateFlow {
        flow_id: flow.id,
        name: None,
        description: None,
        definition: Some(definition),
        if_version: None,
    }
}

fn upgrade(flow: &Flow, apply: bool) -> UpgradeFlow {
    UpgradeFlow {
        flow_id: flow.id,
        nodes: None,
        apply,
        if_version: None,
    }
}

#[tokio::test]
async fn what_is_saved_names_its_versions() {
    let fixture = Fixture::start().await;
    let user = fixture.user(Role::Editor).await;
    let fresh = made(&fixture, &user, definition(call())).await;
    assert_eq!(versions(&fresh.definition), [Some(1), Some(2), Some(1)]);
    let old = old(&fixture, &user).await;
    assert_eq!(versions(&old.definition), [Some(1); 3]);
    // Who knows nothing of versions saves what it read before, and changes nothing by it.
    let saved = fixture.ask(&user, &save(&old, definition(call()))).await;
    let saved = saved.unwrap();
    assert_eq!(versions(&saved.definition), [Some(1); 3]);
    let mut other = definition(call());
    other.nodes[1].kind = "transform".into();
    let saved = fixture.ask(&user, &save(&old, other)).await.unwrap();
    assert_eq!(versions(&saved.definition), [Some(1); 3]);
    let saved = fixture.ask(&user, &save(&old, definition(call()))).await;
    let saved = saved.unwrap();
    assert_eq!(versions(&saved.definition), [Some(1), Some(2), Some(1)]);
}

#[tokio::test]
async fn a_revision_keeps_its_versions() {
    let fixture = Fixture::start().await;
    let user = fixture.user(Role::Editor).await;
    let flow = old(&fixture, &user).await;
    let publish = PublishFlow {
        flow_id: flow.id,
        notes: String::new(),
    };
    let revision = fixture.ask(&user, &publish).await.unwrap();
    assert_eq!(versions(&revision.definition), [Some(1); 3]);
    let upgraded = fixture.ask(&user, &upgrade(&flow, true)).await.unwrap();
    assert!(upgraded.applied);
    let second = fixture.ask(&user, &publish).await.unwrap();
    assert_eq!(versions(&second.definition), [Some(1), Some(2), Some(1)]);
    let flow_id = flow.id;
    let first = GetRevision {
        flow_id,
        revision: 1,
    };
    let first = fixture.ask(&user, &first).await.unwrap();
    assert_eq!(first.definition, revision.definition);
    let restore = RestoreRevision {
        flow_id,
        revision: 1,
    };
    let restored = fixture.ask(&user, &restore).await.unwrap();
    assert_eq!(restored.definition, revision.definition);
}

#[tokio::test]
async fn an_unknown_version_is_no_flow_to_publish() {
    let fixture = Fixture::start().await;
    let user = fixture.user(Role::Editor).await;
    let mut call = call();
    call["type_version"] = json!(9);
    let flow = made(&fixture, &user, definition(call)).await;
    let validate = ValidateFlow { flow_id: flow.id };
    let told = fixture.ask(&user, &validate).await.unwrap().problems;
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(
        (
            told[0].code.as_str(),
            told[0].path.as_str(),
            told[0].node.as_deref()
        ),
        (
            "unknown_node_type_version",
            "/nodes/1/type_version",
            Some("call")
        )
    );
    assert_eq!(
        told[0].message,
        "`call`: there is no version 9 of `http`, only 1, 2"
    );
    let publish = PublishFlow {
        flow_id: flow.id,
        notes: String::new(),
    };
    let refused = fixture.ask(&user, &publish).await.unwrap_err();
    assert_eq!(reason(&refused), (422, "flow_invalid"));
    let left = fixture.ask(&user, &upgrade(&flow, true)).await.unwrap();
    assert_eq!((left.applied, left.version), (false, flow.version));
    assert_eq!(left.left[0].code, "unknown_node_type_version");
}

#[tokio::test]
async fn an_upgrade_is_shown_and_then_done() {
    let fixture = Fixture::start().await;
    let user = fixture.user(Role::Editor).await;
    let flow = old(&fixture, &user).await;
    let shown = fixture.ask(&user, &upgrade(&flow, false)).await.unwrap();
    assert_eq!((shown.applied, shown.version), (false, flow.version));
    let node = &shown.nodes[0];
    assert_eq!((node.node.as_str(), node.from, node.to), ("call", 1, 2));
    assert_eq!(
        (&node.before["body"], &node.after["body"]),
        (&json!({"n": 1}), &json!({"value": {"n": 1}}))
    );
    assert!(!node.changes.is_empty() && shown.left.is_empty());
    let read = GetFlow { flow_id: flow.id };
    assert_eq!(fixture.ask(&user, &read).await.unwrap(), flow);
    let stale = UpgradeFlow {
        if_version: Some(flow.version + 1),
        ..upgrade(&flow, true)
    };
    let refused = fixture.ask(&user, &stale).await.unwrap_err();
    assert_eq!(reason(&refused), (412, "version_mismatch"));
    let done = UpgradeFlow {
        nodes: Some(vec!["call".into()]),
        if_version: Some(flow.version),
        ..upgrade(&flow, true)
    };
    let done = fixture.ask(&user, &done).await.unwrap();
    assert_eq!((done.applied, done.version), (true, flow.version + 1));
    assert_eq!(
        (&done.definition, &done.nodes),
        (&shown.definition, &shown.nodes)
    );
    let after = fixture.ask(&user, &read).await.unwrap();
    assert_eq!(
        (&after.definition, after.version),
        (&shown.definition, done.version)
    );
    assert_eq!(after.definition.edges, flow.definition.edges);
    // What is of the current version already is not changed again.
    let again = fixture.ask(&user, &upgrade(&flow, true)).await.unwrap();
    assert_eq!(
        (again.applied, again.version, again.nodes.len()),
        (false, done.version, 0)
    );
}

#[tokio::test]
async fn an_upgrade_of_what_is_not_there_is_refused() {
    let fixture = Fixture::start().await;
    let user = fixture.user(Role::Editor).await;
    let flow = old(&fixture, &user).await;
    let ghost = UpgradeFlow {
        nodes: Some(vec!["call".into(), "ghost".into()]),
        ..upgrade(&flow, true)
    };
    let refused = fixture.ask(&user, &ghost).await.unwrap_err();
    assert_eq!(reason(&refused), (422, "no_such_node"));
    assert_eq!(refused.errors[0].path, "/nodes/1");
    let read = GetFlow { flow_id: flow.id };
    assert_eq!(fixture.ask(&user, &read).await.unwrap(), flow);
    let viewer = testkit::principal(user.tenant, Role::Viewer);
    let refused = fixture.ask(&viewer, &upgrade(&flow, false)).await;
    assert_eq!(refused.unwrap_err().status, 403);
}

#[tokio::test]
async fn older_versions_are_told_with_what_they_take() {
    let fixture = Fixture::start().await;
    let user = fixture.user(Role::Viewer).await;
    let types = fixture.ask(&user, &ListNodeTypes {}).await.unwrap().items;
    let http = types.iter().find(|kind| kind.kind == "http").unwrap();
    assert_eq!(
        (http.version, http.older.len(), http.older[0].version),
        (2, 1, 1)
    );
    assert!(http.config_schema["properties"]["query"].is_object());
    assert!(http.older[0].config_schema["properties"]["query"].is_null());
    let llm = types.iter().find(|kind| kind.kind == "llm").unwrap();
    assert_eq!((llm.version, llm.older.len()), (1, 0));
}
