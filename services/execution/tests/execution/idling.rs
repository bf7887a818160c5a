//! Steps whose silence has a limit: signs of life keep an attempt going, without them it ends.

use contracts::{
    Subject,
    id::ToolId,
    live::ExecutionEvent,
    node::NodeReply,
    subject::Token,
    tool::{InvokeTool, ToolResult, ToolSnapshot},
};
use futures::StreamExt;
use kernel::{Ctx, Service};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    time::{Interval, interval},
};

use super::{outside::*, *};

/// The limit of silence, in milliseconds; what goes on shows it far more often, and for longer than that.
const IDLE_MS: u64 = 1500;
const SIGNS: usize = 18;

fn signs() -> Interval {
    interval(Duration::from_millis(100))
}

/// The flow of one step, and what it gives.
async fn run(fixture: &Fixture, node: Value, tools: &[ToolSnapshot]) -> ExecutionId {
    let id = node["id"].as_str().unwrap().to_owned();
    let definition = json!({
        "nodes": [{"id": "t", "type": "trigger"}, node,
            {"id": "o", "type": "output", "config": {"value": format!("{{{{ nodes.{id}.output }}}}")}}],
        "edges": [{"from": "t", "to": id}, {"from": id, "to": "o"}],
    });
    let executable = Executable {
        definition: serde_json::from_value(definition).unwrap(),
        tools: tools.iter().map(|tool| (tool.id, tool.clone())).collect(),
        ..Executable::default()
    };
    let hash = fixture.store(&executable).await;
    fixture.execute(&hash, json!({})).await
}

/// The codes of the errors that were tried again.
async fn retried(fixture: &Fixture, id: ExecutionId) -> Vec<String> {
    let frames = fixture.events(id).await.into_iter();
    frames
        .filter_map(|frame| match frame.event {
            ExecutionEvent::StepRetrying { error, .. } => Some(error.code),
            _ => None,
        })
        .collect()
}

#[tokio::test]
async fn an_http_step_lives_while_its_answer_arrives() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let allowed = address.to_string().parse().unwrap();
    let fixture = Fixture::with(egress::Config::allowing([allowed])).await;
    let serve = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        assert_ne!(stream.read(&mut [0; 4096]).await.unwrap(), 0);
        let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {SIGNS}\r\n\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut signs = signs();
        for _ in 0..SIGNS {
            signs.tick().await;
            stream.write_all(b"x").await.unwrap();
        }
        stream.flush().await.unwrap();
        stream
    };
    let node = json!({"id": "h", "type": "http", "idle_timeout_ms": IDLE_MS,
        "config": {"method": "GET", "url": format!("http://{address}/")}});
    let (id, _stream) = tokio::join!(run(&fixture, node, &[]), serve);
    let execution = fixture.finished(id).await;
    assert_eq!(execution.output.unwrap()["body"], "x".repeat(SIGNS));
    fixture.drain().await;
}

#[tokio::test]
async fn a_server_that_falls_silent_is_asked_again() {
    let outside = Outside::start().await;
    outside.ledger.hold();
    let node = outside.call(
        "a",
        json!({"idle_timeout_ms": 200, "retry": {"max_attempts": 2, "backoff_ms": 1}}),
    );
    let id = run(&outside.fixture, node, &[]).await;
    let calls = outside.calls(2).await;
    let execution = outside.fixture.finished(id).await;
    assert_eq!(execution.error.unwrap().code, "idle");
    assert_eq!(retried(&outside.fixture, id).await, ["idle"]);
    assert_eq!(calls[0].idempotency_key, calls[1].idempotency_key);
    outside.ledger.release();
    outside.fixture.drain().await;
}

#[tokio::test]
async fn a_node_of_an_integrator_lives_while_it_beats() {
    let fixture = Fixture::start().await;
    let name = Token::new("slow").unwrap();
    let subject = Subject::node(fixture.user.tenant, &name);
    let mut questions = fixture.bus.subscribe(&subject, None).await.unwrap();
    fixture.bus.flush().await.unwrap();
    let serve = async {
        // The first one is left alone.
        questions.next().await.unwrap();
        let question = questions.next().await.unwrap();
        let to = bus::heartbeat_in(question.headers(), fixture.user.tenant).unwrap();
        let mut signs = signs();
        for _ in 0..SIGNS {
            signs.tick().await;
            fixture.bus.beat(&to).await.unwrap();
        }
        let reply = NodeReply { output: json!(7) };
        fixture.bus.reply(&question, Ok(&reply)).await.unwrap();
        // Without a limit nobody listens.
        let question = questions.next().await.unwrap();
        let to = bus::heartbeat_in(question.headers(), fixture.user.tenant);
        fixture.bus.reply(&question, Ok(&reply)).await.unwrap();
        assert_eq!(to, None);
    };
    let node = |more: Value| {
        let mut node = json!({"id": "c", "type": "custom", "config": {"name": "slow"}});
        let fields = more.as_object().unwrap().clone();
        node.as_object_mut().unwrap().extend(fields);
        node
    };
    let ask = async {
        let patient =
            json!({"idle_timeout_ms": IDLE_MS, "retry": {"max_attempts": 2, "backoff_ms": 1}});
        let id = run(&fixture, node(patient), &[]).await;
        let execution = fixture.finished(id).await;
        assert_eq!(execution.output, Some(json!(7)));
        assert_eq!(retried(&fixture, id).await, ["idle"]);
        let id = run(&fixture, node(json!({})), &[]).await;
        assert_eq!(fixture.finished(id).await.output, Some(json!(7)));
    };
    tokio::join!(serve, ask);
    drop(questions);
    fixture.drain().await;
}

/// Beats where it is asked to, and answers whatever happens.
async fn invoke(ctx: Ctx<()>, request: InvokeTool) -> Result<ToolResult, Problem> {
    let to = ctx.heartbeat().unwrap();
    let is_quiet = request.arguments["quiet"] == json!(true);
    let mut signs = signs();
    for _ in 0..SIGNS {
        signs.tick().await;
        if !is_quiet {
            ctx.bus.beat(to).await.unwrap();
        }
    }
    Ok(ToolResult {
        result: json!("done"),
        version: 1,
        duration_ms: 1,
    })
}

#[tokio::test]
async fn a_tool_lives_while_its_service_hears_of_it() {
    let fixture = Fixture::start().await;
    let (_, services) = model(&fixture, Vec::new()).await;
    let tools = Service::new("tool", ())
        .on(invoke)
        .start(&fixture.runtime)
        .await
        .unwrap();
    let tool = ToolSnapshot {
        id: ToolId::generate(),
        version: 1,
        name: "slow".into(),
        description: String::new(),
        input_schema: json!({"type": "object"}),
        approval: contracts::tool::Approval::default(),
        timeout_ms: 60_000,
        flow: None,
    };
    let node = |quiet: bool, idle_ms: u64| {
        json!({"id": "w", "type": "tool", "idle_timeout_ms": idle_ms, "on_error": {"default": "given up"},
            "config": {"tool_id": tool.id, "arguments": {"quiet": quiet}}})
    };
    for (quiet, idle_ms, expect) in [(false, IDLE_MS, "done"), (true, 200, "given up")] {
        let id = run(&fixture, node(quiet, idle_ms), std::slice::from_ref(&tool)).await;
        let execution = fixture.finished(id).await;
        assert_eq!(execution.output, Some(json!(expect)));
    }
    tools.drain().await;
    for service in services {
        service.drain().await;
    }
    fixture.drain().await;
}
