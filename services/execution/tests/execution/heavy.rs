//! Steps that workers do.

use contracts::{
    ErrorCode, Subject,
    live::{ExecutionEvent, TokenDelta},
    subject::Token,
};
use futures::StreamExt;

use super::{outside::*, *};

const TRIGGER: &str = r#"{"id": "t", "type": "trigger"}"#;

fn trigger() -> Value {
    serde_json::from_str(TRIGGER).unwrap()
}

#[tokio::test]
async fn parallel_calls_join_and_send_their_keys() {
    let outside = Outside::start().await;
    let fixture = &outside.fixture;
    let hash = fixture
        .define(
            json!([trigger(), outside.call("a", json!({})), outside.call("b", json!({})),
                {"id": "o", "type": "output", "config": {"value": ["{{ nodes.a.output.status }}", "{{ nodes.b.output.body.call }}"]}}]),
            &[("t", "out", "a"), ("t", "out", "b"), ("a", "out", "o"), ("b", "out", "o")],
        )
        .await;
    let execution = fixture
        .finished(fixture.execute(&hash, json!({})).await)
        .await;
    assert_eq!(execution.state, ExecutionState::Succeeded);
    let calls = outside.ledger.calls();
    assert_eq!(calls.len(), 2);
    assert_eq!(execution.output.unwrap()[0], json!(200));
    let keys: Vec<_> = calls.iter().map(|call| &call.idempotency_key).collect();
    assert!(keys[0].is_some() && keys[1].is_some() && keys[0] != keys[1]);
    assert_eq!(calls[0].body, r#"{"n":1}"#);
    outside.fixture.drain().await;
}

#[tokio::test]
async fn an_llm_step_streams_and_counts() {
    let fixture = Fixture::start().await;
    let (script, services) = model(&fixture, vec![Ok("Hello dear Ada")]).await;
    let hash = fixture
        .define(
            json!([trigger(),
                {"id": "m", "type": "llm", "config": {"prompt": "Greet {{ input.name }}", "system": "Be kind", "temperature": 0.5, "max_tokens": 50}},
                {"id": "o", "type": "output", "config": {"value": "{{ nodes.m.output }}"}}]),
            &[("t", "out", "m"), ("m", "out", "o")],
        )
        .await;
    let start = fixture.start_of(&hash, json!({"name": "Ada"}));
    let step = Token::new("m").unwrap();
    let tokens = Subject::tokens(start.tenant, start.execution_id, &step);
    let mut tokens = fixture.bus.subscribe(&tokens, None).await.unwrap();
    fixture.bus.flush().await.unwrap();
    let id = fixture.begin(&start).await.id;
    let execution = fixture.finished(id).await;
    assert_eq!(execution.output, Some(json!("Hello dear Ada")));
    assert_eq!(execution.usage.prompt_tokens, 7);
    assert_eq!(execution.usage.cost, Some("0.25".parse().unwrap()));
    let mut text = String::new();
    for n in 1..=3 {
        let message = tokens.next().await.unwrap();
        let delta: TokenDelta = serde_json::from_slice(message.payload()).unwrap();
        assert_eq!((delta.n, delta.attempt), (n, 1));
        text.push_str(&delta.text);
    }
    assert_eq!(text, "Hello dear Ada");
    let asked = script.asked.lock().await;
    let (principal, question) = &asked[0];
    assert_eq!(principal.user_id, fixture.user.user_id);
    assert_eq!(principal.execution_id, Some(id));
    assert_eq!(question.messages[1].content, json!("Greet Ada"));
    assert_eq!(
        (question.temperature, question.max_tokens),
        (Some(0.5), Some(50))
    );
    drop(asked);
    for service in services {
        service.drain().await;
    }
    fixture.drain().await;
}

#[tokio::test]
async fn an_answer_that_does_not_fit_its_schema_is_asked_for_again() {
    let fixture = Fixture::start().await;
    let answers = vec![
        Ok("no JSON"),
        Err(ErrorCode::Unavailable),
        Ok(r#"{"mood": 3}"#),
        Ok("```json\n{\"mood\": \"good\"}\n```"),
    ];
    let (script, services) = model(&fixture, answers).await;
    let schema =
        json!({"type": "object", "properties": {"mood": {"type": "string"}}, "required": ["mood"]});
    let hash = fixture
        .define(
            json!([trigger(),
                {"id": "m", "type": "llm", "config": {"prompt": "Mood?", "output_schema": schema}, "retry": {"max_attempts": 5, "backoff_ms": 1}},
                {"id": "o", "type": "output", "config": {"value": "{{ nodes.m.output.mood }}"}}]),
            &[("t", "out", "m"), ("m", "out", "o")],
        )
        .await;
    let id = fixture.execute(&hash, json!({})).await;
    let execution = fixture.finished(id).await;
    assert_eq!(execution.output, Some(json!("good")));
    // Three calls were answered and paid for, one of them well.
    assert_eq!(execution.usage.prompt_tokens, 21);
    let errors: Vec<_> = fixture
        .events(id)
        .await
        .into_iter()
        .filter_map(|frame| match frame.event {
            ExecutionEvent::StepRetrying { error, .. } => Some(error.code),
            _ => None,
        })
        .collect();
    assert_eq!(errors, ["output_schema", "unavailable", "output_schema"]);
    let asked = script.asked.lock().await;
    let keys: Vec<_> = asked
        .iter()
        .map(|(_, question)| question.idempotency_key.clone())
        .collect();
    assert!(keys.iter().all(|key| *key == keys[0]));
    drop(asked);
    for service in services {
        service.drain().await;
    }
    fixture.drain().await;
}

#[tokio::test]
async fn a_code_step_sees_input_and_nodes_and_fails_typed() {
    let fixture = Fixture::start().await;
    let code = |source: &str| json!({"id": "c", "type": "code", "config": {"language": "javascript", "source": source}, "timeout_ms": 5000});
    let flow = async |source: &str| {
        let nodes = json!([trigger(),
            {"id": "a", "type": "transform", "config": {"value": [1, 2, 3]}},
            code(source),
            {"id": "o", "type": "output", "config": {"value": "{{ nodes.c.output }}"}}]);
        let edges = [("t", "out", "a"), ("a", "out", "c"), ("c", "out", "o")];
        let hash = fixture.define(nodes, &edges).await;
        let id = fixture.execute(&hash, json!({"n": 10})).await;
        fixture.finished(id).await
    };
    let sum = "export default async ({input, nodes}) => ({sum: nodes.a.output.reduce((a, b) => a + b, input.n), raw: '{{ input.n }}'})";
    assert_eq!(
        flow(sum).await.output,
        Some(json!({"sum": 16, "raw": "{{ input.n }}"}))
    );
    let thrown = flow("export default () => { throw new Error('no') }").await;
    assert_eq!(thrown.error.unwrap().code, "code_exception");
    // No database holds a NUL in a text; it keeps the execution's row, and those of others, from nobody.
    let thrown = flow(r"export default () => { throw new Error('a\0b') }").await;
    assert!(thrown.error.unwrap().message.contains("a\0b"));
    let row = eventually(SOON, async || {
        let list = contracts::execution::ListExecutions::default();
        let page = fixture.ask(&fixture.user, &list).await.ok()?;
        let mut rows = page.items.into_iter();
        rows.find(|row| row.id == thrown.id && row.state.is_final())
    })
    .await;
    assert!(row.error.unwrap().message.contains("a\u{fffd}b"));
    fixture.drain().await;
}
