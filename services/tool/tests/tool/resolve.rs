//! What a run pins: versions of many tools at once, with all that an agent needs and nothing that is secret.

use contracts::{
    agent::Pin,
    id::{FlowId, ToolId},
    tool::{Approval, DeleteTool, FlowPin, ResolveTools, SetSecret, ToolSnapshot, UpdateTool},
};

use super::*;

fn pins<const N: usize>(pins: [(ToolId, Option<u32>); N]) -> ResolveTools {
    let pin = |(id, version)| Pin { id, version };
    ResolveTools {
        tools: pins.into_iter().map(pin).collect(),
    }
}

impl Fixture {
    async fn resolve<const N: usize>(
        &self,
        who: &Principal,
        asked: [(ToolId, Option<u32>); N],
    ) -> Vec<ToolSnapshot> {
        self.ask(who, &pins(asked)).await.unwrap().items
    }
}

#[tokio::test]
async fn versions_come_in_the_order_they_are_asked_for() {
    let fixture = Fixture::start().await;
    let user = &fixture.user;
    let add = fixture.make_of(ToolSpec::example()).await;
    let update = UpdateTool {
        tool_id: add.id,
        spec: ToolSpec {
            description: "Adds two numbers, with care.".into(),
            approval: Approval::SecondPerson,
            timeout_ms: Some(1234),
            ..ToolSpec::example()
        },
        if_version: None,
    };
    fixture.ask(user, &update).await.unwrap();
    let time = json!({"name": "time"});
    let time = fixture.make(ToolKind::Builtin, "time", time).await;
    let resolved = fixture
        .resolve(
            user,
            [
                (time.id, None),
                (add.id, None),
                (add.id, Some(1)),
                // The same again, what was never written, what no column holds, and what is not there.
                (add.id, Some(2)),
                (add.id, Some(3)),
                (add.id, Some(u32::MAX)),
                (ToolId::generate(), None),
            ],
        )
        .await;
    let [pinned, newest, first] = &resolved[..] else {
        panic!("{resolved:?}");
    };
    assert_eq!((pinned.id, &*pinned.name), (time.id, "time"));
    let spec = ToolSpec::example();
    let expected = ToolSnapshot {
        id: add.id,
        version: 1,
        name: spec.name,
        description: spec.description,
        input_schema: spec.input_schema,
        approval: Approval::None,
        timeout_ms: ToolSpec::DEFAULT_TIMEOUT_MS,
        flow: None,
    };
    assert_eq!(first, &expected);
    let expected = ToolSnapshot {
        version: 2,
        description: "Adds two numbers, with care.".into(),
        approval: Approval::SecondPerson,
        timeout_ms: 1234,
        ..expected
    };
    assert_eq!(newest, &expected);

    let tool_id = add.id;
    fixture.ask(user, &DeleteTool { tool_id }).await.unwrap();
    let left = fixture.resolve(user, [(add.id, Some(1)), (time.id, None)]);
    assert_eq!(left.await, std::slice::from_ref(pinned));
    let stranger = fixture.owner().await;
    assert_eq!(fixture.resolve(&stranger, [(time.id, None)]).await, []);
    fixture.drain().await;
}

#[tokio::test]
async fn nothing_of_a_tools_configuration_is_told() {
    let fixture = Fixture::start().await;
    let secret = SetSecret {
        name: "weather".into(),
        value: "v3ry s3cret".into(),
        hosts: vec![fixture.ledger.address().to_string()],
    };
    fixture.ask(&fixture.user, &secret).await.unwrap();
    let url = fixture.ledger.url().to_string();
    let config = json!({"method": "GET", "url": url, "headers": {"x-key": {"$secret": "weather"}}});
    let http = fixture.make(ToolKind::Http, "keyed", config).await;
    let source = "export default () => 'in the source'";
    let script = json!({ "source": source });
    let script = fixture.make(ToolKind::Javascript, "script", script).await;
    let asked = pins([(http.id, None), (script.id, None)]);
    let resolved = fixture.ask(&fixture.user, &asked).await.unwrap();
    assert_eq!(resolved.items.len(), 2);
    let text = serde_json::to_string(&resolved).unwrap();
    for hidden in ["s3cret", "weather", "x-key", url.as_str(), "source"] {
        assert!(!text.contains(hidden), "{hidden}: {text}");
    }
    fixture.drain().await;
}

#[tokio::test]
async fn only_a_flow_as_a_tool_names_its_flow() {
    let fixture = Fixture::start().await;
    let flow_id = FlowId::generate();
    let report = json!({ "flow_id": flow_id });
    let report = fixture.make(ToolKind::Flow, "report", report).await;
    let find = json!({"name": "find"});
    let find = fixture.make(ToolKind::Nats, "find", find).await;
    let asked = [(report.id, None), (find.id, None)];
    let resolved = fixture.resolve(&fixture.user, asked).await;
    let flows: Vec<_> = resolved.into_iter().map(|tool| tool.flow).collect();
    // Which revision it runs, the service of flows says.
    let pin = FlowPin {
        flow_id,
        revision: None,
        hash: None,
    };
    assert_eq!(flows, [Some(pin), None]);

    let many = pins([(report.id, None); 1025]);
    let refused = fixture.ask(&fixture.user, &many).await.unwrap_err();
    assert_eq!(refused.reason.as_deref(), Some("too_many_pins"));
    let empty = fixture.ask(&fixture.user, &pins([])).await.unwrap();
    assert_eq!(empty.items, []);
    fixture.drain().await;
}
