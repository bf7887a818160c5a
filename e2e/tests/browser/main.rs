//! The web app in a real browser: each file of `e2e/browser` against a platform of its own.

#![allow(clippy::unwrap_used, reason = "a test may panic, and its helpers too")]

mod letter;
mod vendor;

use std::{path::Path, time::Duration};

use e2e::Platform;
use testkit::{ContainerEngine, FakeLlm, Ledger, containers::BUSYBOX_IMAGE, eventually};
use tokio::process::Command;

/// How long a page is looked at before the platform is killed.
const PATIENCE: Duration = Duration::from_secs(150);

#[tokio::test]
async fn pages_in_light() {
    pages("light").await;
}

#[tokio::test]
async fn pages_in_dark() {
    pages("dark").await;
}

async fn pages(theme: &str) {
    let platform = Platform::start().await;
    platform.user("ada").await;
    check(browser(&platform, "pages").env("THEME", theme)).await;
}

#[tokio::test]
async fn payloads() {
    let (platform, vendor) = with_vendor().await;
    platform.user("ada").await;
    check(asking(&vendor, &mut browser(&platform, "payloads"))).await;
}

#[tokio::test]
async fn reconnect() {
    let (mut platform, vendor) = with_vendor().await;
    platform.user("ada").await;
    let mut browser = browser(&platform, "reconnect");
    browser.env("TROUPE_PID", platform.process_id().to_string());
    tokio::select! {
        () = check(asking(&vendor, &mut browser)) => {}
        () = revive(&mut platform) => {}
    }
}

/// Starts the process again whenever it was killed.
async fn revive(platform: &mut Platform) {
    loop {
        eventually(PATIENCE, async || (!platform.lives()).then_some(())).await;
        platform.restart().await;
    }
}

/// Its user registers in the page.
#[tokio::test]
async fn journey_flow() {
    let (platform, vendor) = with_vendor().await;
    check(asking(&vendor, &mut browser(&platform, "journey_flow"))).await;
}

#[tokio::test]
async fn journey_crew() {
    let (platform, vendor) = with_vendor().await;
    platform.user("ada").await;
    check(asking(&vendor, &mut browser(&platform, "journey_crew"))).await;
}

#[tokio::test]
async fn journey_tools() {
    let (engine, outside) = (ContainerEngine::start().await, Ledger::start().await);
    let platform = Platform::with_containers(&engine, &[outside.address()]).await;
    platform.user("ada").await;
    let mut browser = browser(&platform, "journey_tools");
    browser
        .env("OUTSIDE_URL", outside.url())
        .env("BUSYBOX_IMAGE", BUSYBOX_IMAGE);
    check(&mut browser).await;
}

#[tokio::test]
async fn journey_executions() {
    let (platform, vendor) = with_vendor().await;
    platform.user("ada").await;
    check(asking(
        &vendor,
        &mut browser(&platform, "journey_executions"),
    ))
    .await;
}

#[tokio::test]
async fn providers() {
    let (platform, vendor) = with_vendor().await;
    platform.user("ada").await;
    check(asking(&vendor, &mut browser(&platform, "providers"))).await;
}

#[tokio::test]
async fn llm_routes() {
    let platform = Platform::start().await;
    platform.user("ada").await;
    check(&mut browser(&platform, "llm_routes")).await;
}

#[tokio::test]
async fn spending() {
    let (platform, vendor) = with_vendor().await;
    platform.user("ada").await;
    check(asking(&vendor, &mut browser(&platform, "spending"))).await;
}

#[tokio::test]
async fn approvals() {
    let platform = Platform::start().await;
    platform.user("ada").await;
    check(&mut browser(&platform, "approvals")).await;
}

#[tokio::test]
async fn journey_again() {
    let platform = Platform::start().await;
    platform.user("ada").await;
    check(&mut browser(&platform, "journey_again")).await;
}

#[tokio::test]
async fn large_values() {
    let platform = Platform::start().await;
    platform.user("ada").await;
    check(&mut browser(&platform, "large_values")).await;
}

#[tokio::test]
async fn dead_letters() {
    let platform = Platform::start().await;
    let ada = platform.user("ada").await;
    letter::put_away(&platform, &ada).await;
    check(&mut browser(&platform, "dead_letters")).await;
}

#[tokio::test]
async fn upgrade() {
    let platform = Platform::start().await;
    platform.user("ada").await;
    check(&mut browser(&platform, "upgrade")).await;
}

/// A platform that reaches a vendor of models.
async fn with_vendor() -> (Platform, FakeLlm) {
    let vendor = vendor::start().await;
    let platform = Platform::allowing(&[vendor.address()]).await;
    (platform, vendor)
}

/// The tests of one file, run by Node.js.
fn browser(platform: &Platform, name: &str) -> Command {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("browser");
    let mut node = Command::new("node");
    node.args(["--test", "--test-reporter=spec"])
        .arg(folder.join(format!("{name}.test.mjs")))
        .env("TROUPE_URL", platform.url())
        .env("TROUPE_EMAIL", "ada@example.com")
        .env("TROUPE_PASSWORD", "correct horse battery")
        .kill_on_drop(true);
    node
}

/// Tells the tests where the vendor is.
fn asking<'a>(vendor: &FakeLlm, browser: &'a mut Command) -> &'a mut Command {
    browser
        .env("VENDOR_URL", vendor.base_url())
        .env("VENDOR_KEY", FakeLlm::API_KEY)
}

async fn check(browser: &mut Command) {
    let output = browser.output().await.expect("Node.js runs");
    let told = |bytes| String::from_utf8_lossy(bytes).into_owned();
    let (said, complained) = (told(&output.stdout), told(&output.stderr));
    assert!(output.status.success(), "{said}\n{complained}");
    // A file without tests would pass as well.
    assert!(!said.contains("tests 0"), "{said}");
}
