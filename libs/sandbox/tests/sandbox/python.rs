//! Python in the worker: what it may do, and that it ends at its limits.

use super::*;

async fn python(sandbox: &Sandbox, source: &str) -> Result<Value, Error> {
    sandbox
        .run_python(source, &json!({"a": 2, "b": [3, null]}), LONG)
        .await
}

#[tokio::test]
async fn a_function_gets_its_arguments_by_name() {
    let sandbox = sandbox("python-values");
    for (source, expect) in [
        (
            "def run(a, b):\n    return {'sum': a + b[0], 'none': b[1]}",
            json!({"sum": 5, "none": null}),
        ),
        (
            "def run(**all):\n    print(all)\n    return sorted(all)",
            json!(["a", "b"]),
        ),
        (
            "import json, math\ndef run(a, b):\n    return json.dumps([math.sqrt(16), a])",
            json!("[4.0, 2]"),
        ),
        (
            "def run(a, b):\n    return (1.5, True, 'é', 2 ** 62)",
            json!([1.5, true, "é", 1_u64 << 62]),
        ),
    ] {
        assert_eq!(python(&sandbox, source).await, Ok(expect), "{source}");
    }
    assert_eq!(run(&sandbox, "export default () => 1").await, Ok(json!(1)));
}

#[tokio::test]
async fn what_goes_wrong_has_its_own_code() {
    let sandbox = sandbox("python-errors");
    for (source, code) in [
        ("def run(a, b):\n    return (", "code_syntax"),
        ("x = 1", "code_exception"),
        ("def run(a):\n    return a", "code_exception"),
        (
            "def run(a, b):\n    raise ValueError('no')",
            "code_exception",
        ),
        ("def run(a, b):\n    return run(a, b)", "code_stack"),
        ("def run(a, b):\n    return {1, 2}", "code_not_json"),
        ("def run(a, b):\n    return float('nan')", "code_not_json"),
        (
            "def run(a, b):\n    return 'x' * 100000",
            "code_output_too_large",
        ),
        (
            "import os\ndef run(a, b):\n    return os.listdir('/')",
            "code_exception",
        ),
        (
            "def run(a, b):\n    return open('/etc/passwd').read()",
            "code_exception",
        ),
        (
            "import socket\ndef run(a, b):\n    return 1",
            "code_exception",
        ),
    ] {
        let error = python(&sandbox, source).await.unwrap_err();
        assert_eq!(error.code(), code, "{source}: {error}");
    }
    let error = python(&sandbox, "def run(a, b):\n    raise ValueError('no')").await;
    let expect = Error::Exception {
        message: "ValueError: no".into(),
        line: Some(2),
    };
    assert_eq!(error, Err(expect));
}

#[tokio::test]
async fn time_and_memory_end() {
    let sandbox = sandbox("python-limits");
    let source = "def run(a, b):\n    while True:\n        pass";
    let limit = Duration::from_millis(200);
    let error = sandbox
        .run_python(source, &json!({"a": 1, "b": 2}), limit)
        .await;
    assert_eq!(error, Err(Error::Timeout { limit_ms: 200 }));
    for source in [
        "def run(a, b):\n    return len('x' * 10 ** 9)",
        "def run(a, b):\n    all = []\n    while True:\n        all.append('x' * 1000 + str(len(all)))",
    ] {
        let error = python(&sandbox, source).await.unwrap_err();
        assert_eq!(error.code(), "code_memory", "{source}: {error}");
    }
    let fine = python(&sandbox, "def run(a, b):\n    return len([0] * 1000000)").await;
    assert_eq!(fine, Ok(json!(1_000_000)));
}
