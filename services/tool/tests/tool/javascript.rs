//! JavaScript in the sandbox.

use super::*;

async fn script(fixture: &Fixture, name: &str, source: &str) -> Tool {
    fixture
        .make(ToolKind::Javascript, name, json!({"source": source}))
        .await
}

#[tokio::test]
async fn the_function_gets_the_arguments() {
    let fixture = Fixture::start().await;
    let tool = fixture.make_of(ToolSpec::example()).await;
    let answer = fixture
        .ask(&fixture.user, &invoke(&tool, json!({"a": 1, "b": 2})))
        .await
        .unwrap();
    assert_eq!((answer.result, answer.version), (json!(3), 1));
    let misfit = fixture.call(&tool, json!({"a": "1", "c": 2})).await;
    let misfit = misfit.unwrap_err();
    assert_eq!(
        (misfit.status, misfit.reason.as_deref()),
        (422, Some("arguments_invalid"))
    );
    let paths: Vec<_> = misfit.errors.iter().map(|error| &error.path).collect();
    assert!(paths.contains(&&"/arguments/a".to_owned()), "{paths:?}");
    for arguments in [json!([1, 2]), json!(null)] {
        assert_eq!(fixture.fails(&tool, arguments).await, "arguments_invalid");
    }
    fixture.drain().await;
}

#[tokio::test]
async fn code_that_misbehaves_fails_with_a_word_for_it() {
    let fixture = Fixture::start().await;
    for (name, source, reason) in [
        (
            "throw",
            "export default () => { throw new Error('no') }",
            "code_exception",
        ),
        ("syntax", "export default (", "code_syntax"),
        (
            "memory",
            "export default () => { const a = []; for (;;) a.push(new Array(100000).fill(1)) }",
            "code_memory",
        ),
        (
            "stack",
            "export default function f() { return f() + 1 }",
            "code_stack",
        ),
        ("json", "export default () => () => 1", "code_not_json"),
        (
            "fetch",
            "export default async () => (await fetch('http://example.com')).status",
            "code_exception",
        ),
    ] {
        let tool = script(&fixture, name, source).await;
        assert_eq!(fixture.fails(&tool, json!({})).await, reason, "{name}");
    }
    let mut forever = spec(
        ToolKind::Javascript,
        "forever",
        json!({"source": "export default () => { for (;;); }"}),
    );
    forever.timeout_ms = Some(300);
    let forever = fixture.make_of(forever).await;
    let problem = fixture.call(&forever, json!({})).await.unwrap_err();
    assert_eq!(problem.code, contracts::ErrorCode::Timeout, "{problem:?}");
    // The sandbox is there for the next one.
    let fine = script(&fixture, "fine", "export default ({x}) => x * 2").await;
    assert_eq!(fixture.call(&fine, json!({"x": 21})).await, Ok(json!(42)));
    fixture.drain().await;
}

#[tokio::test]
async fn results_are_checked_and_bounded() {
    let fixture = Fixture::start().await;
    let mut promised = spec(
        ToolKind::Javascript,
        "promised",
        json!({"source": "export default ({x}) => ({x})"}),
    );
    promised.output_schema = Some(json!({"properties": {"x": {"type": "integer"}}}));
    let promised = fixture.make_of(promised).await;
    let kept = fixture.call(&promised, json!({"x": 1})).await;
    assert_eq!(kept, Ok(json!({"x": 1})));
    let broken = fixture.call(&promised, json!({"x": "private"})).await;
    let broken = broken.unwrap_err();
    assert_eq!(broken.reason.as_deref(), Some("result_schema"));
    assert!(!broken.detail.contains("private"), "{}", broken.detail);
    let source = "export default ({n}) => 'x'.repeat(n)";
    let long = script(&fixture, "long", source).await;
    assert!(fixture.call(&long, json!({"n": 500_000})).await.is_ok());
    let reason = fixture.fails(&long, json!({"n": 1_048_575})).await;
    assert!(
        ["code_output_too_large", "result_too_large"].contains(&reason.as_str()),
        "{reason}"
    );
    fixture.drain().await;
}
