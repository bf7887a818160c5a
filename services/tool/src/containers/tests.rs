//! Containers on a real engine.

mod mcp;

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use testkit::{ContainerEngine, containers::BUSYBOX_IMAGE, eventually};

use crate::{
    containers::{Asked, Config, ContainerSpec, Containers, reaper::Reaper},
    failure::Failure,
    pulse::Pulse,
};

const LONG: Duration = Duration::from_secs(30);
/// How much later than its limit a container may be gone.
const SLACK: Duration = Duration::from_secs(2);

struct Bench {
    engine: ContainerEngine,
    containers: Containers,
}

impl Bench {
    async fn start(warm: u16) -> Self {
        let engine = ContainerEngine::start().await;
        let containers = Containers::connect(&config(&engine, warm));
        Self { engine, containers }
    }

    async fn sh(&self, script: &str, timeout: Duration) -> Result<Value, Failure> {
        let spec = sh(script);
        let (input, pulse) = (json!({"a": 1}), Pulse::default());
        self.containers.run(&spec, &input, timeout, &pulse).await
    }

    /// Runs a script that must fail for `reason`, and leave nothing behind.
    async fn fails(&self, script: &str, timeout: Duration, reason: &str) {
        let started = Instant::now();
        let failure = self.sh(script, timeout).await.expect_err(script);
        assert_eq!(failure.reason, reason, "{script}: {failure}");
        let left = (timeout + SLACK).saturating_sub(started.elapsed());
        self.engine.nothing_left(left).await;
    }

    async fn wait_for(&self, count: usize) -> Vec<String> {
        eventually(LONG, async || {
            let found = self.engine.containers().await;
            (found.len() == count).then_some(found)
        })
        .await
    }
}

fn config(engine: &ContainerEngine, warm: u16) -> Config {
    Config {
        container_engine: engine.url(),
        container_group: engine.group(),
        containers: 4,
        containers_warm: warm,
        containers_warm_total: 4,
    }
}

fn sh(script: &str) -> ContainerSpec {
    let config = json!({"image": BUSYBOX_IMAGE, "command": ["/bin/sh", "-c", script]});
    ContainerSpec::parse(&config).unwrap()
}

#[tokio::test]
async fn a_line_goes_in_and_a_line_comes_out() {
    let bench = Bench::start(0).await;
    assert_eq!(bench.sh("cat", LONG).await, Ok(json!({"a": 1})));
    assert_eq!(bench.sh("printf 7", LONG).await, Ok(json!(7)));
    let large = json!("x".repeat(900_000));
    let answer = bench
        .containers
        .run(&sh("cat"), &large, LONG, &Pulse::default())
        .await;
    assert!(answer == Ok(large));
    bench.engine.nothing_left(SLACK).await;
}

#[tokio::test]
async fn a_container_that_gives_no_answer_says_why() {
    let bench = Bench::start(0).await;
    bench.fails("exit 3", LONG, "exit_code").await;
    bench.fails("echo no", LONG, "not_json").await;
    bench.fails("true", LONG, "not_json").await;
    let spec = |image: &str, program: &str| {
        ContainerSpec::parse(&json!({"image": image, "command": [program]})).unwrap()
    };
    for (spec, reason) in [
        (spec("troupe-test/none:1", "/bin/sh"), "image_not_found"),
        (spec(BUSYBOX_IMAGE, "/bin/none"), "start_failed"),
    ] {
        let failure = bench
            .containers
            .run(&spec, &Value::Null, LONG, &Pulse::default())
            .await;
        assert_eq!(failure.unwrap_err().reason, reason);
    }
    bench.engine.nothing_left(SLACK).await;
}

#[tokio::test]
async fn an_engine_across_a_network_is_none() {
    let containers = Containers::connect(&Config::of("tcp://127.0.0.1:2375", "none"));
    let failure = containers
        .run(&sh("cat"), &Value::Null, LONG, &Pulse::default())
        .await;
    assert_eq!(failure.unwrap_err().reason, "sandbox_unavailable");
}

#[tokio::test]
async fn a_container_has_no_rights() {
    let bench = Bench::start(0).await;
    let seen = |script: &'static str| bench.sh(script, LONG);
    assert_eq!(seen("id -u").await, Ok(json!(65534)));
    let status = |field: &str| {
        let script = format!(
            "while read name value; do [ $name = {field}: ] && echo \\\"$value\\\"; done </proc/self/status"
        );
        let bench = &bench;
        async move { bench.sh(&script, LONG).await }
    };
    assert_eq!(status("CapEff").await, Ok(json!("0000000000000000")));
    assert_eq!(status("CapBnd").await, Ok(json!("0000000000000000")));
    assert_eq!(status("NoNewPrivs").await, Ok(json!("1")));
    assert_eq!(status("Seccomp").await, Ok(json!("2")));
    for script in [
        "echo 1 >/tmp/x && cat /tmp/x",
        "echo x >/x || echo 1",
        "echo x >/bin/x || echo 1",
        "cat </bin/sh >/tmp/sh && /bin/busybox chmod 755 /tmp/sh && { /tmp/sh -c 'echo 2' || echo 1; }",
        "[ -e /dev/shm/. ] && echo x >/dev/shm/x || echo 1",
        "[ -S /var/run/docker.sock ] || echo 1",
        "wget -T 1 -O - http://1.1.1.1/ || echo 1",
    ] {
        assert_eq!(seen(script).await, Ok(json!(1)), "{script}");
    }
}

#[tokio::test]
async fn every_container_has_the_fixed_profile() {
    let bench = Bench::start(1).await;
    bench.sh("cat", LONG).await.unwrap();
    let waiting = eventually(LONG, async || {
        let found = bench.engine.containers().await;
        let [id] = found.as_slice() else { return None };
        let inspected = bench.engine.inspect(id).await;
        (inspected["State"]["Running"] == true).then_some(inspected)
    })
    .await;
    let mut host = waiting["HostConfig"].clone();
    assert!(!host["MaskedPaths"].as_array().unwrap().is_empty());
    assert!(!host["ReadonlyPaths"].as_array().unwrap().is_empty());
    let fields = host.as_object_mut().unwrap();
    // The engine's own choices, none of which opens anything.
    for chosen in [
        "MaskedPaths",
        "ReadonlyPaths",
        "ShmSize",
        "ConsoleSize",
        "Runtime",
        "CgroupnsMode",
    ] {
        fields.remove(chosen);
    }
    fields.retain(|_, value| !is_empty(value));
    assert_eq!(
        host,
        json!({
            "CapDrop": ["ALL"],
            "IpcMode": "none",
            "LogConfig": {"Type": "none", "Config": {}},
            "Memory": 67_108_864,
            "MemorySwap": 67_108_864,
            "NanoCpus": 1_000_000_000,
            "NetworkMode": "none",
            "PidsLimit": 64,
            "ReadonlyRootfs": true,
            "RestartPolicy": host["RestartPolicy"],
            "SecurityOpt": ["no-new-privileges:true"],
            "Tmpfs": {"/tmp": "rw,noexec,nosuid,nodev,size=16m,nr_inodes=4096,uid=65534,gid=65534,mode=0700"},
            "Ulimits": host["Ulimits"],
        })
    );
    let limits = host["Ulimits"].as_array().unwrap();
    for (name, most) in [("core", 0), ("fsize", 16_777_216), ("nofile", 256)] {
        assert!(limits.contains(&json!({"Name": name, "Soft": most, "Hard": most})));
    }
    assert_eq!(limits.len(), 3);
    assert_eq!(waiting["Config"]["User"], "65534:65534");
    assert_eq!(waiting["Mounts"], json!([]));
}

/// What the engine shows for an option that was not given.
fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::Bool(true) => false,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
    }
}

#[tokio::test]
async fn a_warm_container_serves_one_call() {
    let bench = Bench::start(2).await;
    let count = "echo x >>/tmp/calls; read line; n=0; while read l; do n=$((n+1)); done </tmp/calls; echo $n";
    for _ in 0..5 {
        assert_eq!(bench.sh(count, LONG).await, Ok(json!(1)));
        bench.wait_for(2).await;
    }
    bench.containers.close().await;
    assert_eq!(bench.engine.containers().await, Vec::<String>::new());
    let refused = bench.sh("cat", LONG).await;
    assert_eq!(refused.unwrap_err().reason, "sandbox_unavailable");
}

#[tokio::test]
async fn a_warm_container_that_was_killed_is_replaced() {
    let bench = Bench::start(1).await;
    assert_eq!(bench.sh("cat", LONG).await, Ok(json!({"a": 1})));
    // The container of that call may still be on its way out: it is the one that waits that is killed.
    eventually(LONG, async || match &*bench.engine.running().await {
        [waiting] => bench.engine.kill(waiting).await.then_some(()),
        _ => None,
    })
    .await;
    assert_eq!(bench.sh("cat", LONG).await, Ok(json!({"a": 1})));
}

#[tokio::test]
async fn a_call_given_up_leaves_no_container() {
    let bench = Bench::start(0).await;
    let call = bench.sh("while :; do :; done", LONG);
    tokio::select! {
        _ = call => panic!("it never answers"),
        _ = bench.wait_for(1) => {}
    }
    bench.engine.nothing_left(SLACK).await;
}

#[tokio::test]
async fn what_a_killed_instance_left_is_removed() {
    let bench = Bench::start(1).await;
    bench.sh("cat", LONG).await.unwrap();
    bench.wait_for(1).await;
    // As if killed: nothing of it is cleaned up, but its streams are closed.
    bench.containers.yard.forget();
    let other = Containers::connect(&config(&bench.engine, 0));
    let mut reaper = Reaper::default();
    eventually(LONG, async || {
        reaper.reap(&other.yard).await.unwrap();
        bench.engine.containers().await.is_empty().then_some(())
    })
    .await;
}
