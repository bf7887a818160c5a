//! Python tools.

use super::*;

#[tokio::test]
async fn a_python_function_is_called_with_the_arguments() {
    let fixture = Fixture::start().await;
    let of = |source: &str| json!({"source": source});
    let add = fixture
        .make(
            ToolKind::Python,
            "add",
            of("def run(a, b):\n    return {'sum': a + b}"),
        )
        .await;
    let answer = fixture.call(&add, json!({"a": 1, "b": 2})).await;
    assert_eq!(answer.unwrap(), json!({"sum": 3}));
    assert_eq!(fixture.fails(&add, json!({"a": 1})).await, "code_exception");
    let wrong = fixture
        .make(ToolKind::Python, "wrong", of("def run(:"))
        .await;
    assert_eq!(fixture.fails(&wrong, json!({})).await, "code_syntax");
    fixture.drain().await;
}
