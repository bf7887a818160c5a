//! What code returns and throws, and what it cannot reach.

use sandbox::Error;
use serde_json::json;

use crate::{run, sandbox};

#[tokio::test]
async fn returns_what_the_function_returns() {
    let sandbox = sandbox("values-returns");
    let cases = [
        ("export default () => 6 * 7", json!(42)),
        ("export default ({input}) => input.n + 0.5", json!(20.5)),
        (
            "export default async ({nodes}) => { await null; return nodes.fetch.output.map(x => x * 2) }",
            json!([2, 4]),
        ),
        ("export default () => undefined", json!(null)),
        (
            "export default () => ({s: 'é\\n\\u2028', u: undefined, d: new Date(0), n: NaN})",
            json!({"s": "é\n\u{2028}", "d": "1970-01-01T00:00:00.000Z", "n": null}),
        ),
        (
            "export default () => ({then: resolve => resolve('thenable')})",
            json!("thenable"),
        ),
        (
            "const late = await Promise.resolve(3); export default () => late",
            json!(3),
        ),
        (
            "export default () => 2 ** 53",
            json!(9_007_199_254_740_992_u64),
        ),
        (
            "function f() { return 1 } export { f as default }",
            json!(1),
        ),
    ];
    for (source, expected) in cases {
        assert_eq!(run(&sandbox, source).await, Ok(expected), "{source}");
    }
}

#[tokio::test]
async fn says_what_was_thrown_and_where() {
    let sandbox = sandbox("values-throws");
    let cases = [
        (
            "export default () => {\n  const a = 1;\n  throw new TypeError('no ' + a);\n}",
            "TypeError: no 1",
            Some(3),
        ),
        (
            "export default async () => {\n  await null;\n  return nothing.at.all;\n}",
            "ReferenceError: nothing is not defined",
            Some(3),
        ),
        ("export default () => { throw 'text' }", "text", None),
        (
            "export default () => { throw {a: 1} }",
            "a value of type `object`",
            None,
        ),
        (
            "\nthrow new Error('while loading'); export default () => 1",
            "Error: while loading",
            Some(2),
        ),
        (
            "export default () => new Promise(() => {})",
            "the promise never settles",
            None,
        ),
        (
            "await new Promise(() => {}); export default () => 1",
            "the promise never settles",
            None,
        ),
    ];
    for (source, message, line) in cases {
        let expected = Error::Exception {
            message: message.to_owned(),
            line,
        };
        let error = run(&sandbox, source).await.unwrap_err();
        assert_eq!(error, expected, "{source}");
        assert_eq!(error.code(), "code_exception");
    }
}

#[tokio::test]
async fn says_where_the_syntax_is_wrong() {
    let sandbox = sandbox("values-syntax");
    let error = run(&sandbox, "export default () => {\n  return 1 +;\n}")
        .await
        .unwrap_err();
    let Error::Syntax { line, .. } = &error else {
        panic!("{error:?}");
    };
    assert_eq!(*line, Some(2));
    assert_eq!(error.code(), "code_syntax");
    for source in ["export const a = 1", "export default 5", "", "a\0b"] {
        let error = run(&sandbox, source).await.unwrap_err();
        assert!(matches!(error, Error::Syntax { .. }), "{source}: {error:?}");
    }
}

#[tokio::test]
async fn refuses_values_without_a_json_form() {
    let sandbox = sandbox("values-not-json");
    let sources = [
        "export default () => 10n",
        "export default () => () => 1",
        "export default () => Symbol('s')",
        "export default () => { const a = []; a.push(a); return a }",
        "export default () => { let a = []; for (let i = 0; i < 500; i++) a = [a]; return a }",
        "export default () => ({toJSON() { throw new Error('no') }})",
    ];
    for source in sources {
        let error = run(&sandbox, source).await.unwrap_err();
        assert!(
            matches!(error, Error::NotJson { .. }),
            "{source}: {error:?}"
        );
        assert_eq!(error.code(), "code_not_json");
    }
}

#[tokio::test]
async fn finds_nothing_to_reach_the_outside_with() {
    let sandbox = sandbox("values-outside");
    let names = [
        "process",
        "require",
        "fetch",
        "std",
        "os",
        "scriptArgs",
        "print",
        "console",
        "setTimeout",
        "XMLHttpRequest",
        "WebAssembly",
        "Worker",
        "module",
        "Deno",
    ];
    let source = format!(
        "export default () => {}.filter(name => typeof globalThis[name] !== 'undefined')",
        json!(names)
    );
    assert_eq!(run(&sandbox, &source).await, Ok(json!([])));
    for module in [
        "std",
        "os",
        "qjs:std",
        "fs",
        "./x.js",
        "/etc/passwd",
        "file:///etc/passwd",
        "code.mjs2",
    ] {
        let imports = [
            format!("import * as m from '{module}'; export default () => typeof m"),
            format!("export default async () => typeof await import('{module}')"),
        ];
        for source in imports {
            let error = run(&sandbox, &source).await.unwrap_err();
            let Error::Exception { message, .. } = &error else {
                panic!("{source}: {error:?}");
            };
            assert!(
                message.contains("could not load module"),
                "{source}: {message}"
            );
        }
    }
}

#[tokio::test]
async fn a_job_leaves_nothing_to_the_next() {
    let sandbox = sandbox("values-fresh");
    let poison = "globalThis.left = 1; Array.prototype.map = () => 'poisoned'; JSON.stringify = () => '1'; \
        Promise.prototype.then = () => 0; export default () => [1]";
    assert_eq!(run(&sandbox, poison).await, Ok(json!([1])));
    let look = "export default async () => { await null; return [typeof left, [1].map(x => x), JSON.stringify([2])] }";
    assert_eq!(
        run(&sandbox, look).await,
        Ok(json!(["undefined", [1], "[2]"]))
    );
}
