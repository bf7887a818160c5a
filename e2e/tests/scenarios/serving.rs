//! Integrators that serve: the example programs answer as nodes of flows, run as an outsider runs them.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use e2e::{Client, Platform};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
    time::timeout,
};

const SOON: Duration = Duration::from_secs(20);

fn python(script: &str) -> Command {
    let python = std::env::var("TROUPE_TEST_PYTHON")
        .expect("`TROUPE_TEST_PYTHON` is not set: run `cargo xtask test`");
    let mut command = Command::new(python);
    command.arg(
        Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../nats/examples")
            .join(script),
    );
    command
}

fn rust(example: &str) -> Command {
    let test = std::env::current_exe().unwrap();
    let examples: PathBuf = test.ancestors().nth(2).unwrap().join("examples");
    Command::new(examples.join(example))
}

/// The program once it says that it serves. It ends when it is dropped.
async fn serving(mut command: Command, platform: &Platform, user: &Client) -> Child {
    let mut program = command
        .env("NATS_URL", platform.nats_url())
        .env("TROUPE_TOKEN", user.token.as_deref().unwrap())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(program.stdout.take().unwrap()).lines();
    let first = timeout(SOON, lines.next_line()).await.expect("in time");
    let first = first.unwrap().expect("it says that it serves");
    assert!(first.starts_with("serving "), "{first}");
    program
}

fn invoice_flow() -> Value {
    json!({
        "nodes": [
            {"id": "start", "type": "trigger"},
            {"id": "bill", "type": "custom", "idle_timeout_ms": 10_000, "config": {"name": "invoice", "config": {"currency": "{{ input.currency }}"}}},
            {"id": "end", "type": "output", "config": {"value": "{{ nodes.bill.output.total }}"}}
        ],
        "edges": [{"from": "start", "to": "bill"}, {"from": "bill", "to": "end"}]
    })
}

async fn a_flow_is_billed_by(command: Command) {
    let platform = Platform::start().await;
    let user = platform.user("ada").await;
    let flow = user.publish(invoice_flow()).await;
    // Nobody serves the name yet: the step fails with a word for it.
    let input = json!({"amount": 12.5, "currency": "EUR"});
    let early = user.execute(&flow, input.clone()).await;
    let early = user.end_of(&early).await;
    assert_eq!(early["error"]["code"], "node_unavailable", "{early}");

    let _node = serving(command, &platform, &user).await;
    let billed = user.execute(&flow, input).await;
    let billed = user.end_of(&billed).await;
    assert_eq!(billed["output"], "12.50 EUR", "{billed}");
    let refused = json!({"amount": -1, "currency": "EUR"});
    let refused = user.execute(&flow, refused).await;
    let refused = user.end_of(&refused).await;
    assert_eq!(refused["error"]["code"], "invoice_input", "{refused}");

    // The same flow of another organization finds no node.
    let stranger = platform.user("eve").await;
    let flow = stranger.publish(invoice_flow()).await;
    let input = json!({"amount": 1, "currency": "EUR"});
    let execution = stranger.execute(&flow, input).await;
    let execution = stranger.end_of(&execution).await;
    assert_eq!(execution["error"]["code"], "node_unavailable");
}

#[tokio::test]
async fn the_python_example_is_a_node() {
    a_flow_is_billed_by(python("serve_node.py")).await;
}

#[tokio::test]
async fn the_rust_example_is_a_node() {
    a_flow_is_billed_by(rust("serve_node")).await;
}
