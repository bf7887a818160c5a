//! From registering to a flow of tools: registered, imported, tried, put in a row, and cut where they go too far.

use e2e::{Client, Platform};
use serde_json::{Value, json};
use testkit::{ContainerEngine, Ledger, containers::BUSYBOX_IMAGE};

use crate::agents::made;

/// A shop's interface: the price of an item.
fn document(server: &str) -> String {
    format!(
        r#"
openapi: 3.1.0
servers: [{{url: "{server}"}}]
paths:
  /prices/{{item}}:
    get:
      operationId: price
      summary: Reads a price.
      parameters:
        - {{name: item, in: path, required: true, schema: {{type: string}}}}
        - {{name: units, in: query, schema: {{type: integer}}}}
      responses: {{200: {{description: ok}}}}
"#
    )
}

/// Makes a tool of each operation of a document that is fetched; the id of the only one.
async fn imported(user: &Client, outside: &Ledger) -> String {
    outside.answer_next(200, document(&outside.url()));
    let url = json!({"url": format!("{}/openapi.yaml", outside.url())});
    let made = user.post("/api/v1/tools/import/openapi", &url).await;
    assert_eq!(
        (made.status, &made.body["problems"]),
        (200, &json!([])),
        "{made:?}"
    );
    made.body["items"][0]["id"].as_str().unwrap().to_owned()
}

/// A tool of which every argument in `properties` is needed.
fn tool(name: &str, kind: &str, properties: Value, config: Value) -> Value {
    let needed: Vec<&String> = properties.as_object().unwrap().keys().collect();
    json!({
        "name": name, "kind": kind, "description": "A tool of a test.", "config": config, "timeout_ms": 10_000,
        "input_schema": {"type": "object", "required": needed, "properties": properties}
    })
}

fn sh(script: &str) -> Value {
    json!({"image": BUSYBOX_IMAGE, "command": ["/bin/sh", "-c", script]})
}

/// Tries a tool: first with one argument of the wrong type, then as it should be.
async fn tried(user: &Client, tool: &str, arguments: Value, wrong: (&str, Value)) -> Value {
    let path = format!("/api/v1/tools/{tool}/invoke");
    let mut bad = arguments.clone();
    bad[wrong.0] = wrong.1;
    let refused = user.post(&path, &json!({"arguments": bad})).await;
    assert_eq!(
        (refused.status, &refused.body["errors"][0]["path"]),
        (422, &json!(format!("/arguments/{}", wrong.0))),
        "{refused:?}"
    );
    let called = user.post(&path, &json!({"arguments": arguments})).await;
    assert_eq!(called.status, 200, "{called:?}");
    called.body["result"].clone()
}

/// A flow that calls tools one after the other and ends with what the last one said.
fn row(steps: &[(&str, &str, Value)]) -> Value {
    let last = steps.last().expect("a step").0;
    let mut nodes = vec![json!({"id": "start", "type": "trigger"})];
    nodes.extend(steps.iter().map(|(id, tool, arguments)| {
        json!({"id": id, "type": "tool", "config": {"tool_id": tool, "arguments": arguments}})
    }));
    let value = format!("{{{{ nodes.{last}.output }}}}");
    nodes.push(json!({"id": "end", "type": "output", "config": {"value": value}}));
    let edges = nodes.windows(2);
    let edges: Vec<_> = edges
        .map(|pair| json!({"from": pair[0]["id"], "to": pair[1]["id"]}))
        .collect();
    json!({"nodes": nodes, "edges": edges})
}

#[tokio::test]
async fn journey_tools_in_a_flow() {
    let (engine, outside) = (ContainerEngine::start().await, Ledger::start().await);
    let platform = Platform::with_containers(&engine, &[outside.address()]).await;
    let user = platform.user("ada").await;
    let price = imported(&user, &outside).await;
    let twice = r#"read -r line; n=${line#*\"cents\":}; echo $((2 * ${n%%[,\}]*}))"#;
    let twice = tool(
        "twice",
        "container",
        json!({"cents": {"type": "integer"}}),
        sh(twice),
    );
    let twice = made(&user, "/api/v1/tools", twice).await;
    let say = json!({"source": "export default ({item, cents}) => `${item}: ${cents / 100} EUR`"});
    let both = json!({"item": {"type": "string"}, "cents": {"type": "integer"}});
    let say = made(&user, "/api/v1/tools", tool("say", "javascript", both, say)).await;

    outside.answer_next(200, r#"{"cents": 175}"#);
    let tea = json!({"item": "tea", "units": 1});
    let said = tried(&user, &price, tea, ("units", json!("one"))).await;
    assert_eq!(said["body"], json!({"cents": 175}), "{said}");
    let cents = json!({"cents": 21});
    let said = tried(&user, &twice, cents, ("cents", json!("x"))).await;
    assert_eq!(said, json!(42));
    let tea = json!({"item": "tea", "cents": 250});
    let said = tried(&user, &say, tea, ("item", json!(7))).await;
    assert_eq!(said, json!("tea: 2.5 EUR"));

    let flow = row(&[
        (
            "price",
            &price,
            json!({"item": "{{ input.item }}", "units": 2}),
        ),
        (
            "twice",
            &twice,
            json!({"cents": "{{ nodes.price.output.body.cents }}"}),
        ),
        (
            "say",
            &say,
            json!({"item": "{{ input.item }}", "cents": "{{ nodes.twice.output }}"}),
        ),
    ]);
    let flow = user.publish(flow).await;
    outside.answer_next(200, r#"{"cents": 175}"#);
    let execution = user.execute(&flow, json!({"item": "green tea"})).await;
    let end = user.end_of(&execution).await;
    assert_eq!(end["output"], "green tea: 3.5 EUR", "{end}");
    let paths: Vec<_> = outside.calls().into_iter().map(|call| call.path).collect();
    let expect = [
        "/openapi.yaml",
        "/prices/tea?units=1",
        "/prices/green%20tea?units=2",
    ];
    assert_eq!(paths, expect);
    limits_show(&user).await;
}

/// What the sandbox cuts is a failure of its step, with a word of its own.
async fn limits_show(user: &Client) {
    for (name, script, timeout_ms, code) in [
        ("endless", "while :; do :; done", 1000, "timeout"),
        ("flood", "yes | tr -d '\\n'", 10_000, "output_too_large"),
    ] {
        let mut bomb = tool(name, "container", json!({}), sh(script));
        bomb["timeout_ms"] = json!(timeout_ms);
        let bomb = made(user, "/api/v1/tools", bomb).await;
        let flow = user.publish(row(&[("bomb", &bomb, json!({}))])).await;
        let execution = user.execute(&flow, json!({})).await;
        let end = user.end_of(&execution).await;
        assert_eq!(
            (&end["state"], &end["error"]["code"], &end["error"]["node"]),
            (&json!("failed"), &json!(code), &json!("bomb")),
            "{end}"
        );
        let events = user.events(&execution).await;
        let failed = events.iter().find(|event| event["type"] == "step_failed");
        let failed = failed.expect("a step that failed");
        assert_eq!(
            (&failed["node"], &failed["error"]["code"]),
            (&json!("bomb"), &json!(code))
        );
    }
}
