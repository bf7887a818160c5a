//! Conversations with MCP servers in containers.

use contracts::id::TenantId;

use super::*;

/// A server that counts the calls it has answered, pings first, and talks beside.
const COUNTS: &str = r#"
n=0
while read -r line; do
    id=${line#*\"id\":}; id=${id%%[,\}]*}
    case $line in
    *'"initialize"'*)
        echo '{"jsonrpc":"2.0","id":'$id',"result":{"protocolVersion":"2025-06-18","capabilities":{"tools":{}},"serverInfo":{"name":"counts","version":"1"}}}' ;;
    *'"notifications/initialized"'*) ;;
    *'"tools/call"'*)
        n=$((n+1)); call=$id
        echo talk >&2
        echo '{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":"talk"}}'
        echo '{"jsonrpc":"2.0","id":"p","method":"ping"}' ;;
    *'"result":{}'*)
        echo '{"jsonrpc":"2.0","id":'$call',"result":{"content":[{"type":"text","text":"'$n'"}]}}' ;;
    esac
done
"#;
const SILENT: &str = "while read -r line; do :; done";

impl Bench {
    async fn ask(&self, tenant: TenantId, script: &str, limit: Duration) -> Result<Value, Failure> {
        let params = json!({"name": "count", "arguments": {"text": "é\n"}});
        let asked = Asked {
            tenant,
            spec: &sh(script),
            params: &params,
            timeout: limit,
            pulse: &Pulse::default(),
        };
        self.containers.ask_mcp(asked).await
    }

    async fn count(&self, tenant: TenantId) -> Value {
        let answer = self.ask(tenant, COUNTS, LONG).await.unwrap();
        answer["content"][0]["text"].clone()
    }
}

#[tokio::test]
async fn a_conversation_lasts_and_belongs_to_one_organization() {
    let bench = Bench::start(0).await;
    let (ours, theirs) = (TenantId::generate(), TenantId::generate());
    assert_eq!(bench.count(ours).await, "1");
    assert_eq!(bench.count(theirs).await, "1");
    assert_eq!(bench.count(ours).await, "2");
    assert_eq!(bench.engine.running().await.len(), 2);
    bench.containers.close().await;
    assert_eq!(bench.engine.containers().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_server_that_ended_between_calls_is_started_again() {
    let bench = Bench::start(0).await;
    let ours = TenantId::generate();
    assert_eq!(bench.count(ours).await, "1");
    let kept = bench.engine.running().await;
    bench.engine.kill(&kept[0]).await;
    assert_eq!(bench.count(ours).await, "1");
    assert_ne!(bench.engine.running().await, kept);
}

#[tokio::test]
async fn a_server_that_gives_no_answer_is_removed() {
    let bench = Bench::start(0).await;
    let greet = r#"read -r line; echo '{"jsonrpc":"2.0","id":1,"result":{"protocolVersion":"2025-06-18"}}'; read -r line; read -r line"#;
    let short = Duration::from_secs(1);
    for (script, limit, reason) in [
        (SILENT.to_owned(), short, "timeout"),
        ("exit 3".to_owned(), LONG, "exit_code"),
        ("true".to_owned(), LONG, "sandbox_unavailable"),
        ("echo hello".to_owned(), LONG, "mcp_answer"),
        ("echo '[]'; cat".to_owned(), LONG, "mcp_answer"),
        ("yes | tr -d '\\n'".to_owned(), LONG, "output_too_large"),
        (format!("{greet}; exit 4"), LONG, "exit_code"),
        (format!("{greet}; while :; do :; done"), short, "timeout"),
    ] {
        let failure = bench.ask(TenantId::generate(), &script, limit).await;
        assert_eq!(failure.unwrap_err().reason, reason, "{script}");
        bench.engine.nothing_left(SLACK).await;
    }
    let refuses = format!(
        r#"{greet}; echo '{{"jsonrpc":"2.0","id":2,"error":{{"code":-32602,"message":"private"}}}}'; {SILENT}"#
    );
    let failure = bench.ask(TenantId::generate(), &refuses, LONG).await;
    let failure = failure.unwrap_err();
    assert_eq!(failure.reason, "mcp_error");
    assert!(!failure.message.contains("private"));
}
