//! NATS as a public interface: the example programs, run as an outsider runs them.

use std::{path::Path, process::Stdio};

use e2e::{Client, Platform};
use serde_json::json;
use tokio::process::Command;

async fn prepared() -> (Platform, Client, String) {
    let platform = Platform::start().await;
    let user = platform.user("ada").await;
    let flow = user
        .publish(json!({
            "nodes": [
                {"id": "start", "type": "trigger"},
                {"id": "greet", "type": "llm", "config": {"prompt": "Greet {{ input.name }}."}},
                {"id": "end", "type": "output", "config": {"value": {"greeting": "{{ nodes.greet.output }}"}}}
            ],
            "edges": [{"from": "start", "to": "greet"}, {"from": "greet", "to": "end"}]
        }))
        .await;
    (platform, user, flow)
}

async fn run(command: &mut Command, platform: &Platform, user: &Client, flow: &str) -> String {
    let output = command
        .env("NATS_URL", platform.nats_url())
        .env("TROUPE_TOKEN", user.token.as_deref().unwrap())
        .args([flow, r#"{"name": "Ada"}"#])
        .stdin(Stdio::null())
        .output()
        .await
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success(),
        "{text}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    text
}

fn check(text: &str) {
    let kinds: Vec<_> = text
        .lines()
        .filter_map(|line| line.split_whitespace().nth(1))
        .collect();
    assert_eq!(kinds.first(), Some(&"execution_started"), "{text}");
    assert!(kinds.contains(&"step_succeeded"), "{text}");
    assert!(
        text.contains("execution_succeeded") && text.contains("greeting"),
        "{text}"
    );
}

#[tokio::test]
async fn the_python_example_executes_a_flow_and_follows_it() {
    let (platform, user, flow) = prepared().await;
    let python = std::env::var("TROUPE_TEST_PYTHON")
        .expect("`TROUPE_TEST_PYTHON` is not set: run `cargo xtask test`");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../nats/examples/execute_flow.py");
    check(&run(Command::new(python).arg(script), &platform, &user, &flow).await);
}

#[tokio::test]
async fn the_rust_example_executes_a_flow_and_follows_it() {
    let (platform, user, flow) = prepared().await;
    let test = std::env::current_exe().unwrap();
    let example = test
        .ancestors()
        .nth(2)
        .unwrap()
        .join("examples/execute_flow");
    check(&run(&mut Command::new(example), &platform, &user, &flow).await);
}
