//! Code that wants too much is stopped, and the next job runs as if nothing was.

use std::time::{Duration, Instant};

use sandbox::{Error, Sandbox};
use serde_json::json;

use crate::{LONG, config, run, sandbox, worker};

async fn assert_works(sandbox: &Sandbox) {
    let value = run(sandbox, "export default ({input}) => input.n").await;
    assert_eq!(value, Ok(json!(20)));
}

#[tokio::test]
async fn endless_code_is_stopped_near_its_limit() {
    let sandbox = sandbox("limits-time");
    let limit = Duration::from_millis(200);
    let sources = [
        "export default () => { while (true); }",
        "while (true); export default () => 1",
        "export default () => { for (;;) { try { while (true); } catch { } } }",
        "export default async () => { for (;;) await null }",
        "export default () => new Promise(() => { const again = () => Promise.resolve().then(again); again() })",
        // Exponential backtracking.
        "export default () => /^(a+)+$/.test('a'.repeat(40) + 'b')",
        "export default () => ({toJSON() { while (true); }})",
    ];
    for source in sources {
        let start = Instant::now();
        let error = sandbox.run(source, &json!({}), limit).await.unwrap_err();
        let took = start.elapsed();
        assert_eq!(error, Error::Timeout { limit_ms: 200 }, "{source}");
        assert_eq!(error.code(), "code_timeout");
        assert!(took >= limit, "{source}: {took:?}");
        assert!(took < Duration::from_secs(3), "{source}: {took:?}");
        assert_works(&sandbox).await;
    }
}

#[tokio::test]
async fn the_configured_time_bounds_a_longer_request() {
    let mut config = config();
    config.code_wall_ms = 100;
    let sandbox = Sandbox::new(config, worker("limits-configured"));
    let error = run(&sandbox, "export default () => { while (true); }").await;
    assert_eq!(error, Err(Error::Timeout { limit_ms: 100 }));
}

#[tokio::test]
async fn native_work_that_cannot_be_interrupted_is_killed() {
    let sandbox = sandbox("limits-native");
    let limit = Duration::from_millis(100);
    // A naive search: the engine compares ten million characters ten million times.
    let source = "export default () => 'a'.repeat(2e7).indexOf('a'.repeat(1e7) + 'b')";
    let start = Instant::now();
    let error = sandbox.run(source, &json!({}), limit).await.unwrap_err();
    assert_eq!(error, Error::Timeout { limit_ms: 100 });
    assert!(start.elapsed() < Duration::from_secs(3));
    assert_works(&sandbox).await;
}

#[tokio::test]
async fn a_full_memory_is_reported() {
    let sandbox = sandbox("limits-memory");
    let sources = [
        "export default () => { const a = []; for (;;) a.push({x: a.length}) }",
        "export default () => { let s = 'x'; const all = []; for (;;) { s += s; all.push(s + 'y') } }",
        "export default () => Array(5e8).fill(0)",
        "export default () => new Uint8Array(1e9)",
        "export default () => { let f = () => 1; for (;;) { const g = f; f = () => g } }",
        "export default async () => { const a = []; for (;;) { await null; a.push('y'.repeat(1000)) } }",
        "export default () => 'x'.repeat(2 ** 29)",
    ];
    for source in sources {
        let error = run(&sandbox, source).await.unwrap_err();
        let limit_bytes = 64 * 1024 * 1024;
        assert_eq!(error, Error::Memory { limit_bytes }, "{source}");
        assert_eq!(error.code(), "code_memory");
        assert_works(&sandbox).await;
    }
}

#[tokio::test]
async fn deep_recursion_is_reported() {
    let sandbox = sandbox("limits-stack");
    let sources = [
        "const f = n => f(n + 1) + 1; export default () => f(0)",
        "export default () => { const o = {get a() { return this.a }}; return o.a }",
        "export default () => { let a = []; for (let i = 0; i < 50000; i++) a = [a]; return a }",
    ];
    for source in sources {
        let error = run(&sandbox, source).await;
        assert_eq!(error, Err(Error::Stack), "{source}");
        assert_works(&sandbox).await;
    }
}

#[tokio::test]
async fn a_flood_of_output_is_refused() {
    let sandbox = sandbox("limits-output");
    let limit_bytes = 64 * 1024;
    let most = "export default () => 'x'.repeat(64 * 1024 - 2)";
    assert!(run(&sandbox, most).await.is_ok());
    for source in [
        "export default () => 'x'.repeat(64 * 1024 - 1)",
        "export default () => 'x'.repeat(1e7)",
        "export default () => Array(1e5).fill('\\u0001')",
    ] {
        let error = run(&sandbox, source).await.unwrap_err();
        assert_eq!(error, Error::OutputTooLarge { limit_bytes }, "{source}");
        assert_eq!(error.code(), "code_output_too_large");
    }
    let thrown = run(
        &sandbox,
        "export default () => { throw Error('\\u0001'.repeat(1e6)) }",
    )
    .await;
    let Err(Error::Exception { message, .. }) = thrown else {
        panic!("{thrown:?}");
    };
    assert_eq!(message.len(), 4 * 1024);
    assert_works(&sandbox).await;
}

#[tokio::test]
async fn a_job_that_is_too_large_is_refused() {
    let sandbox = sandbox("limits-input");
    let source = "export default argument => argument.length";
    let argument = json!("x".repeat(8_000_000));
    assert_eq!(
        sandbox.run(source, &argument, LONG).await,
        Ok(json!(8_000_000))
    );
    let argument = json!("x".repeat(9_000_000));
    let error = sandbox.run(source, &argument, LONG).await.unwrap_err();
    assert_eq!(error.code(), "code_input_too_large");
}
