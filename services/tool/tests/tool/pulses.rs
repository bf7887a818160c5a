//! What a call lets hear of itself, for callers that listen.

use std::sync::atomic::{AtomicUsize, Ordering};

use bus::heartbeat_in;
use contracts::{Subject, subject::Token};
use futures::StreamExt;
use testkit::{ContainerEngine, containers::BUSYBOX_IMAGE};

use super::*;

impl Fixture {
    /// What the tool answers, and how many signs of life were heard before.
    async fn listen(&self, tool: &Tool, arguments: Value) -> (Value, usize) {
        let token = testkit::token(&self.user);
        let call = Call {
            token: Some(&token),
            deadline: SOON,
        };
        let heard = AtomicUsize::new(0);
        let count = || {
            heard.fetch_add(1, Ordering::Relaxed);
        };
        let request = invoke(tool, arguments);
        let answer = self
            .bus
            .call_heard(self.user.tenant, &request, call, &count)
            .await;
        (answer.unwrap().result, heard.into_inner())
    }
}

#[tokio::test]
async fn a_server_s_progress_is_heard_where_somebody_listens() {
    let fixture = Fixture::start().await;
    let config = json!({"url": fixture.mcp.url(), "tool": "echo"});
    let echo = fixture.make(ToolKind::Mcp, "echo", config).await;
    let text = json!({"text": "hi"});
    assert_eq!(fixture.call(&echo, text.clone()).await, Ok(json!("hi")));
    let (answer, heard) = fixture.listen(&echo, text).await;
    assert_eq!(answer, json!("hi"));
    assert!(heard > 0);
    let asked: Vec<bool> = fixture
        .mcp
        .seen()
        .into_iter()
        .filter(|seen| seen.method == "tools/call")
        .map(|seen| seen.asks_for_progress)
        .collect();
    assert_eq!(asked, [false, true]);
    fixture.drain().await;
}

#[tokio::test]
async fn a_micro_service_beats_for_the_caller_itself() {
    let fixture = Fixture::start().await;
    let tenant = fixture.user.tenant;
    let config = json!({"name": "slow"});
    let slow = fixture.make(ToolKind::Nats, "slow", config).await;
    let subject = Subject::tool(tenant, &Token::new("slow").unwrap());
    let mut service = fixture.bus.subscribe(&subject, None).await.unwrap();
    fixture.bus.flush().await.unwrap();
    let served = async {
        let asked = service.next().await.unwrap();
        let to = heartbeat_in(asked.headers(), tenant).unwrap();
        for _ in 0..3 {
            fixture.bus.beat(&to).await.unwrap();
        }
        fixture.bus.reply(&asked, Ok(&json!("done"))).await.unwrap();
    };
    let (answered, ()) = tokio::join!(fixture.listen(&slow, json!({})), served);
    assert_eq!(answered, (json!("done"), 3));
    drop(service);
    fixture.drain().await;
}

/// Says something beside, a while before it answers.
const TALKS: &str =
    "read -r line; echo one >&2; echo two >&2; usleep 200000; echo '{\"ok\": true}'";
/// An MCP server that tells of its progress where it is asked to.
const TELLS: &str = r#"
while read -r line; do
    id=${line#*\"id\":}; id=${id%%[,\}]*}
    case $line in
    *'"initialize"'*) echo '{"jsonrpc":"2.0","id":'$id',"result":{"protocolVersion":"2025-06-18"}}' ;;
    *'"progressToken":1'*)
        echo '{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":1,"progress":1}}'
        usleep 200000
        echo '{"jsonrpc":"2.0","id":'$id',"result":{"content":[],"structuredContent":{"ok":true}}}' ;;
    esac
done
"#;

#[tokio::test]
async fn what_a_container_writes_is_heard() {
    let engine = ContainerEngine::start().await;
    let fixture = Fixture::with(tool::ContainersConfig::of(engine.url(), engine.group())).await;
    let sh = |script: &str| json!({"image": BUSYBOX_IMAGE, "command": ["/bin/sh", "-c", script]});
    let mut server = sh(TELLS);
    server["tool"] = json!("tells");
    for (kind, name, config) in [
        (ToolKind::Container, "talks", sh(TALKS)),
        (ToolKind::Mcp, "tells", server),
    ] {
        let tool = fixture.make(kind, name, config).await;
        let (answer, heard) = fixture.listen(&tool, json!({})).await;
        assert_eq!(answer, json!({"ok": true}), "{name}");
        assert!(heard > 0, "{name}");
    }
    fixture.drain().await;
    assert_eq!(engine.containers().await, Vec::<String>::new());
}
