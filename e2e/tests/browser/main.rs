//! The web app in a real browser: each file of `e2e/browser` against a platform of its own.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::path::Path;

use e2e::Platform;
use tokio::process::Command;

#[tokio::test]
async fn pages() {
    run("pages").await;
}

async fn run(name: &str) {
    let platform = Platform::start().await;
    platform.user("ada").await;
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("browser");
    let output = Command::new("node")
        .args(["--test", "--test-reporter=spec"])
        .arg(folder.join(format!("{name}.test.mjs")))
        .env("TROUPE_URL", platform.url())
        .env("TROUPE_EMAIL", "ada@example.com")
        .env("TROUPE_PASSWORD", "correct horse battery")
        .kill_on_drop(true)
        .output()
        .await
        .expect("Node.js runs");
    let told = |bytes| String::from_utf8_lossy(bytes).into_owned();
    assert!(
        output.status.success(),
        "{}\n{}",
        told(&output.stdout),
        told(&output.stderr)
    );
}
