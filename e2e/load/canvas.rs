//! How smoothly the flow editor's canvas follows the pointer in Chromium, beside React Flow with the same flow.
//!
//! Here: a platform with the app, and the script that drives the browser.

use std::{path::Path, process::Command};

use anyhow::{Context, Result, ensure};
use e2e::Platform;
use serde_json::Value;

#[tokio::main]
async fn main() -> Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("load/canvas");
    let npm = Command::new("npm").arg("ci").current_dir(&folder).status();
    ensure!(npm.context("npm")?.success(), "`npm ci` failed");
    let platform = Platform::start().await;
    platform.user("ada").await;
    let mut script = tokio::process::Command::new("node");
    script
        .arg(folder.join("canvas.mjs"))
        .env("TROUPE_URL", platform.url())
        .env("TROUPE_EMAIL", "ada@example.com")
        .env("TROUPE_PASSWORD", "correct horse battery")
        .stderr(std::process::Stdio::inherit());
    let output = script.output().await.context("node")?;
    ensure!(output.status.success(), "the script failed");
    let report: Value = serde_json::from_slice(&output.stdout).context("the script's report")?;
    let text = serde_json::to_string_pretty(&report)?;
    println!("{text}");
    let path = "target/bench/canvas.json";
    std::fs::create_dir_all("target/bench")?;
    std::fs::write(path, text)?;
    println!("\nwritten to {path}");
    Ok(())
}
