//! Programs in containers, on a real engine.

use std::path::PathBuf;

use testkit::{ContainerEngine, containers::BUSYBOX_IMAGE};
use tokio::{
    io::copy_bidirectional,
    net::{UnixListener, UnixStream},
    task::JoinSet,
};
use tool::ContainersConfig;

use super::*;

fn sh(script: &str) -> Value {
    json!({"image": BUSYBOX_IMAGE, "command": ["/bin/sh", "-c", script]})
}

async fn fixture(engine: &ContainerEngine) -> Fixture {
    Fixture::with(ContainersConfig::of(engine.url(), engine.group())).await
}

#[tokio::test]
async fn a_program_gets_the_arguments_and_answers() {
    let engine = ContainerEngine::start().await;
    let fixture = fixture(&engine).await;
    let echo = fixture.make(ToolKind::Container, "echo", sh("cat")).await;
    let arguments = json!({"text": "é\n"});
    for _ in 0..3 {
        let answer = fixture.call(&echo, arguments.clone()).await;
        assert_eq!(answer.unwrap(), arguments);
    }
    fixture.drain().await;
    assert_eq!(engine.containers().await, Vec::<String>::new());
}

/// An MCP server that says which call it answers.
const COUNTS: &str = r#"
n=0
while read -r line; do
    id=${line#*\"id\":}; id=${id%%[,\}]*}
    case $line in
    *'"initialize"'*) echo '{"jsonrpc":"2.0","id":'$id',"result":{"protocolVersion":"2025-06-18"}}' ;;
    *'"tools/call"'*) n=$((n+1)); echo '{"jsonrpc":"2.0","id":'$id',"result":{"content":[],"structuredContent":{"n":'$n'}}}' ;;
    esac
done
"#;

#[tokio::test]
async fn an_mcp_server_in_a_container_remembers_its_organization() {
    let engine = ContainerEngine::start().await;
    let mut fixture = fixture(&engine).await;
    let config = || {
        let mut config = sh(COUNTS);
        config["tool"] = json!("count");
        config
    };
    let counts = fixture.make(ToolKind::Mcp, "counts", config()).await;
    for n in 1..=2 {
        let answer = fixture.call(&counts, json!({})).await;
        assert_eq!(answer, Ok(json!({"n": n})));
    }
    fixture.user = fixture.owner().await;
    let theirs = fixture.make(ToolKind::Mcp, "counts", config()).await;
    let answer = fixture.call(&theirs, json!({})).await;
    assert_eq!(answer, Ok(json!({"n": 1})));
    fixture.drain().await;
    assert_eq!(engine.containers().await, Vec::<String>::new());
}

/// Ways to loosen a container that engines know, under the names that their API and their files of services use.
const WAYS_OUT: [&str; 57] = [
    "privileged",
    "Privileged",
    "network_mode",
    "networks",
    "pid_mode",
    "pid",
    "ipc_mode",
    "uts_mode",
    "userns_mode",
    "cgroupns_mode",
    "cgroup_parent",
    "binds",
    "volumes",
    "volumes_from",
    "mounts",
    "tmpfs",
    "devices",
    "device_requests",
    "device_cgroup_rules",
    "cap_add",
    "cap_drop",
    "security_opt",
    "seccomp",
    "apparmor",
    "user",
    "group_add",
    "runtime",
    "isolation",
    "sysctls",
    "ulimits",
    "pids_limit",
    "memory_swap",
    "oom_score_adj",
    "init",
    "links",
    "extra_hosts",
    "dns",
    "ports",
    "docker_socket",
    "HostConfig",
    "shm_size",
    "entrypoint",
    "env",
    "working_dir",
    "hostname",
    "dns_search",
    "oom_kill_disable",
    "cpuset_cpus",
    "blkio_weight",
    "storage_opt",
    "log_config",
    "restart",
    "read_only",
    "stop_signal",
    "gpus",
    "docker_sock",
    "labels",
];

#[tokio::test]
async fn no_way_out_of_a_container_can_be_expressed() {
    let fixture = Fixture::start().await;
    let mut server = sh("cat");
    server["tool"] = json!("any");
    let kinds = [(ToolKind::Container, sh("cat")), (ToolKind::Mcp, server)];
    let values = [json!(true), json!("host"), json!(["/:/host"]), json!({})];
    for (name, value) in WAYS_OUT.iter().zip(values.iter().cycle()) {
        for (kind, config) in &kinds {
            let mut config = config.clone();
            config[name] = value.clone();
            let spec = spec(*kind, "way_out", config);
            let refused = fixture.ask(&fixture.user, &CreateTool { spec }).await;
            let problem = refused.unwrap_err();
            assert_eq!(
                (problem.status, problem.reason.as_deref()),
                (422, Some("tool_invalid"))
            );
            assert_eq!(problem.errors[0].path, format!("/spec/config/{name}"));
        }
    }
    fixture.drain().await;
}

#[tokio::test]
async fn without_an_engine_calls_fail_and_the_rest_works() {
    let nowhere = ContainersConfig::of("unix:///nowhere/docker.sock", "none");
    let fixture = Fixture::with(nowhere).await;
    let echo = fixture.make(ToolKind::Container, "echo", sh("cat")).await;
    assert_eq!(fixture.fails(&echo, json!({})).await, "sandbox_unavailable");
    let query = json!({"name": "json_query"});
    let query = fixture.make(ToolKind::Builtin, "query", query).await;
    let answer = fixture.call(&query, json!({"value": 7, "pointer": ""}));
    assert_eq!(answer.await, Ok(json!(7)));
    fixture.drain().await;
}

#[tokio::test]
async fn an_engine_that_goes_away_fails_the_call_and_is_used_again() {
    let engine = ContainerEngine::start().await;
    let way = WayToEngine::open(&engine);
    let fixture = Fixture::with(ContainersConfig::of(way.url(), engine.group())).await;
    let slow = fixture
        .make(ToolKind::Container, "slow", sh("sleep 3600"))
        .await;
    let lost = tokio::join!(fixture.fails(&slow, json!({})), async {
        eventually(SOON, async || {
            (!engine.running().await.is_empty()).then_some(())
        })
        .await;
        way.close();
    })
    .0;
    assert_eq!(lost, "sandbox_unavailable");
    let echo = fixture.make(ToolKind::Container, "echo", sh("cat")).await;
    assert_eq!(fixture.fails(&echo, json!({})).await, "sandbox_unavailable");
    let way = WayToEngine::open(&engine);
    assert_eq!(fixture.call(&echo, json!({})).await, Ok(json!({})));
    fixture.drain().await;
    way.close();
}

/// A socket that leads to the engine until it is closed; opened again it has the same name.
struct WayToEngine {
    socket: PathBuf,
    connections: JoinSet<()>,
}

impl WayToEngine {
    fn open(engine: &ContainerEngine) -> Self {
        let socket = std::env::temp_dir().join(format!("troupe-{}.sock", engine.group()));
        let listener = UnixListener::bind(&socket).unwrap();
        let engine = engine.url().trim_start_matches("unix://").to_owned();
        let mut connections = JoinSet::new();
        connections.spawn(async move {
            let mut open = JoinSet::new();
            while let Ok((mut near, _)) = listener.accept().await {
                let mut far = UnixStream::connect(&engine).await.unwrap();
                open.spawn(async move { copy_bidirectional(&mut near, &mut far).await });
            }
        });
        Self {
            socket,
            connections,
        }
    }

    fn url(&self) -> String {
        format!("unix://{}", self.socket.display())
    }

    /// Breaks every connection.
    fn close(mut self) {
        self.connections.abort_all();
        std::fs::remove_file(&self.socket).unwrap();
    }
}
