//! Programs that go too far, on a real engine: they end in time, and afterwards it is as if they had never been.

use std::{fs, time::Instant};

use testkit::{ContainerEngine, containers::BUSYBOX_IMAGE};
use tool::ContainersConfig;

use super::*;

/// How much later than its limit a container may be gone.
const SLACK: Duration = Duration::from_secs(2);
/// How long after the last of them anything may be left.
const AFTERMATH: Duration = Duration::from_secs(60);

/// A program that must be stopped, the call's limit in milliseconds, and the reason that the caller is told.
const BOMBS: [(&str, &str, u64, &str); 9] = [
    ("busy", "while :; do :; done", 1_000, "timeout"),
    (
        "deaf",
        "trap '' TERM INT HUP; while :; do sleep 1; done",
        1_000,
        "timeout",
    ),
    ("silent", "sleep 3600", 1_000, "timeout"),
    (
        "fork",
        "b() { b | b & b; }; (b); while :; do :; done",
        1_000,
        "timeout",
    ),
    (
        "children",
        "for n in 1 2 3 4; do sleep 3600 & done; wait",
        1_000,
        "timeout",
    ),
    ("memory", "x=x; while :; do x=$x$x; done", 20_000, "memory"),
    (
        "disk",
        "head -c 300000000 /dev/zero >/tmp/f || exit 9",
        20_000,
        "exit_code",
    ),
    ("output", "yes | tr -d '\\n'", 20_000, "output_too_large"),
    ("errors", "yes >&2", 20_000, "output_too_large"),
];

/// The processes of this machine that carry a mark in their command or their environment.
fn marked(mark: &str) -> Vec<String> {
    let holds = |file: std::path::PathBuf| {
        // One that has ended meanwhile carries nothing, and what another user's has in its environment is not shown.
        let bytes = fs::read(file).unwrap_or_default();
        String::from_utf8_lossy(&bytes).contains(mark)
    };
    let entries = fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    entries
        .filter(|entry| {
            ["cmdline", "environ"]
                .map(|file| entry.path().join(file))
                .into_iter()
                .any(holds)
        })
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect()
}

#[tokio::test]
async fn bombs_end_in_time_and_leave_nothing() {
    let engine = ContainerEngine::start().await;
    let config = ContainersConfig::of(engine.url(), engine.group());
    let fixture = Fixture::with(config).await;
    let before = engine.belongings().await;
    let mark = format!("bomb-of-{}", engine.group());
    let sh = |script: &str| {
        let script = format!("export MARK={mark}; {script}");
        json!({"image": BUSYBOX_IMAGE, "command": ["/bin/sh", "-c", script]})
    };
    for (name, script, timeout_ms, reason) in BOMBS {
        let tool = ToolSpec {
            timeout_ms: Some(timeout_ms),
            ..spec(ToolKind::Container, name, sh(script))
        };
        let tool = fixture.make_of(tool).await;
        let begun = Instant::now();
        let (told, ()) = tokio::join!(fixture.fails(&tool, json!({})), async {
            // Without it the look afterwards would prove nothing.
            if name == "deaf" {
                eventually(SOON, async || (!marked(&mark).is_empty()).then_some(())).await;
            }
        });
        assert_eq!(told, reason, "{name}");
        let limit = Duration::from_millis(timeout_ms) + SLACK;
        engine
            .nothing_left(limit.saturating_sub(begun.elapsed()))
            .await;
    }
    eventually(AFTERMATH, async || marked(&mark).is_empty().then_some(())).await;
    let left: Vec<_> = engine
        .belongings()
        .await
        .difference(&before)
        .cloned()
        .collect();
    assert_eq!(left, Vec::<String>::new(), "volumes and networks");
    let echo = fixture.make(ToolKind::Container, "echo", sh("cat")).await;
    let begun = Instant::now();
    assert_eq!(
        fixture.call(&echo, json!({"a": 1})).await,
        Ok(json!({"a": 1}))
    );
    assert!(begun.elapsed() < SLACK, "{:?}", begun.elapsed());
    fixture.drain().await;
    assert_eq!(engine.containers().await, Vec::<String>::new());
}
