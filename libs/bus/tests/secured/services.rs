//! What services must be able to do.

use std::time::{Duration, Instant};

use bus::{Bucket, Call, Dispatched, topology::WORK_SILENCE};
use contracts::{
    ErrorCode, Request, Service,
    auth::{RunToken, RunTokenReply},
    dead_letter::DeadReason,
    flow::NodeConfig,
    id::{ExecutionId, FlowId, TenantId, UserId},
    llm::Complete,
    message::StreamMessage,
    subject::{Token, WorkAddress},
    work::{WorkClass, WorkItem},
};
use futures::StreamExt;

use crate::{connect, platform};

#[tokio::test]
async fn a_service_is_asked_by_whom_the_call_graph_names() {
    let nats = platform().await;
    let auth = connect(&nats, Service::Auth).await;
    let micro = auth.micro("auth", "0.1.0").await.expect("registers");
    let mut questions = micro.endpoint::<RunToken>().await.expect("subscribes");
    auth.flush().await.expect("flushes");
    let answers = async {
        let question = questions.next().await.expect("a question");
        let reply = RunTokenReply {
            access_token: "t".into(),
            expires_in: 600,
        };
        auth.reply(&question, Ok(&reply)).await.expect("answers");
        auth.flush().await.expect("flushes");
    };
    let execution = connect(&nats, Service::Execution).await;
    let request = RunToken::example();
    let call = execution.call(TenantId::EXAMPLE, &request, Call::anonymous());
    let (reply, ()) = tokio::join!(call, answers);
    assert_eq!(reply.expect("answered").expires_in, 600);

    // Flow may ask auth for a role, and for no token: its question does not even arrive.
    let flow = connect(&nats, Service::Flow).await;
    let call = Call {
        token: None,
        deadline: Duration::from_millis(300),
    };
    assert!(flow.call(TenantId::EXAMPLE, &request, call).await.is_err());
    let nothing = tokio::time::timeout(Duration::from_millis(50), questions.next()).await;
    assert!(nothing.is_err(), "the question of a stranger arrived");
}

#[tokio::test]
async fn a_stream_of_many_answers_passes() {
    let nats = platform().await;
    let llm = connect(&nats, Service::Llm).await;
    let micro = llm.micro("llm", "0.1.0").await.expect("registers");
    let mut questions = micro.endpoint::<Complete>().await.expect("subscribes");
    llm.flush().await.expect("flushes");
    let gateway = connect(&nats, Service::Gateway).await;
    let request = Complete::example();
    let answers = gateway
        .call_stream(TenantId::EXAMPLE, &request, Call::anonymous())
        .await
        .expect("asks");
    let to = questions
        .next()
        .await
        .expect("a question")
        .reply_to()
        .expect("waits for an answer");
    for n in 1..=2000u64 {
        let chunk = StreamMessage::<_, ()>::Chunk {
            n,
            chunk: contracts::llm::Delta::default(),
        };
        llm.reply_to(&to, Ok(&chunk)).await.expect("answers");
    }
    let received = answers
        .take(2000)
        .filter(|item| std::future::ready(item.is_ok()))
        .count()
        .await;
    assert_eq!(received, 2000);
}

#[tokio::test]
async fn an_answer_that_was_lost_with_the_server_is_not_waited_for_to_the_deadline() {
    let mut nats = platform().await;
    let llm = connect(&nats, Service::Llm).await;
    let micro = llm.micro("llm", "0.1.0").await.expect("registers");
    let mut questions = micro.endpoint::<Complete>().await.expect("subscribes");
    llm.flush().await.expect("flushes");
    let gateway = connect(&nats, Service::Gateway).await;
    let call = Call {
        token: None,
        deadline: Duration::from_secs(120),
    };
    let request = Complete::example();
    let answers = gateway.call_stream(TenantId::EXAMPLE, &request, call).await;
    let mut answers = std::pin::pin!(answers.expect("asks"));
    questions.next().await.expect("a question");
    nats.restart().await;
    let told = tokio::time::timeout(Duration::from_secs(60), answers.next()).await;
    let problem = told.expect("long before the deadline").expect("an end");
    assert_eq!(problem.expect_err("no answer").code, ErrorCode::Unavailable);
}

#[tokio::test]
async fn each_service_reads_keys_and_writes_only_its_buckets() {
    let nats = platform().await;
    for service in Service::ALL {
        let bus = connect(&nats, service).await;
        let keys = bus.kv(Bucket::Jwks).await.expect("every kernel reads keys");
        assert_eq!(keys.get("absent").await.expect("reads"), None);
        let mut watch = std::pin::pin!(keys.watch_all().await.expect("watches"));
        let written =
            tokio::time::timeout(Duration::from_millis(500), keys.put("kid", "{}".into())).await;
        if service == Service::Auth {
            written.expect("in time").expect("auth writes keys");
            watch.next().await.expect("a change").expect("readable");
        } else {
            assert!(
                !matches!(written, Ok(Ok(_))),
                "{service} wrote a signing key"
            );
        }
    }
    let flow = connect(&nats, Service::Flow).await;
    let definitions = flow.kv(Bucket::FlowDef).await.expect("opens");
    definitions
        .create("hash", "{}".into())
        .await
        .expect("flow writes definitions");
    let execution = connect(&nats, Service::Execution).await;
    let definitions = execution.kv(Bucket::FlowDef).await.expect("opens");
    assert!(definitions.get("hash").await.expect("reads").is_some());
    assert_eq!(flow.partitions().await.expect("reads the route"), 2);
}

#[tokio::test]
async fn the_engine_has_its_log_its_work_and_its_leases() {
    let nats = platform().await;
    let bus = connect(&nats, Service::Execution).await;
    let first = bus.append(1, 0, "a".into()).await.expect("appends");
    bus.append(1, first, "b".into()).await.expect("appends");
    assert_eq!(bus.log_bounds(1).await.expect("reads"), (1, 2));
    assert_eq!(
        bus.last_entry(1)
            .await
            .expect("reads")
            .expect("an entry")
            .sequence,
        2
    );
    assert_eq!(bus.read_log(1, 1).await.expect("reads").count().await, 2);
    let mut followed = std::pin::pin!(bus.follow_log(1, "archive", 10).await.expect("follows"));
    followed
        .next()
        .await
        .expect("an entry")
        .expect("readable")
        .ack()
        .await
        .expect("acknowledges");
    bus.trim_log(1, 1).await.expect("trims");
    let leases = bus.kv(Bucket::Leases).await.expect("opens");
    let revision = leases.create("1", "me".into()).await.expect("takes");
    leases
        .update("1", "me".into(), revision)
        .await
        .expect("renews");
    leases.delete("1").await.expect("releases");

    let item = work_item();
    let address = address_of(&item);
    bus.dispatch(&address, &item).await.expect("dispatches");
    let mut work = std::pin::pin!(bus.work(WorkClass::Http, 4).await.expect("receives"));
    let delivery = work.next().await.expect("an item").expect("readable");
    delivery.progress().await.expect("says it lives");
    delivery.progress().await.expect("says it lives");
    delivery.bury(DeadReason::Unreadable).await.expect("buries");
    let mut dead = std::pin::pin!(bus.dead_letters(4).await.expect("follows"));
    let letter = dead.next().await.expect("a letter").expect("readable");
    let death = letter.death().expect("says what it was");
    assert_eq!(death.address, address);
    assert_eq!(
        (death.reason, death.deliveries),
        (DeadReason::Unreadable, 1)
    );
    letter.ack().await.expect("acknowledges");
    // Put back twice, it is in its queue once.
    let body = bytes::Bytes::from("{}");
    for expected in [Dispatched::New, Dispatched::AlreadyQueued] {
        let put = bus.redispatch(&death.address, body.clone(), "key").await;
        assert_eq!(put.expect("queues"), expected);
    }
}

fn address_of(item: &WorkItem) -> WorkAddress {
    WorkAddress {
        class: WorkClass::Http,
        tenant: item.tenant,
        execution: item.execution_id,
        step: Token::new("n1").expect("a token"),
        attempt: 1,
    }
}

fn work_item() -> WorkItem {
    WorkItem {
        tenant: TenantId::EXAMPLE,
        execution_id: ExecutionId::EXAMPLE,
        flow_id: Some(FlowId::EXAMPLE),
        node: "n1".into(),
        attempt: 1,
        key: "k".into(),
        principal: contracts::Principal {
            user_id: UserId::EXAMPLE,
            tenant: TenantId::EXAMPLE,
            role: contracts::Role::Owner,
            session_id: None,
            execution_id: None,
        },
        config: serde_json::from_value::<NodeConfig>(serde_json::json!({}))
            .expect("a configuration"),
        type_version: None,
        argument: serde_json::Value::Null,
        timeout_ms: 1000,
        idle_timeout_ms: None,
        at_most_once: false,
    }
}

#[tokio::test]
async fn an_item_goes_to_another_after_ever_longer_silence() {
    let nats = platform().await;
    let bus = connect(&nats, Service::Execution).await;
    let item = work_item();
    let address = address_of(&item);
    bus.dispatch(&address, &item).await.expect("dispatches");
    let mut work = std::pin::pin!(bus.work(WorkClass::Http, 1).await.expect("receives"));
    let mut before = None;
    for (n, silence) in WORK_SILENCE.iter().take(3).enumerate() {
        let delivery = work.next().await.expect("an item").expect("readable");
        let now = Instant::now();
        assert_eq!(delivery.deliveries(), n as u64 + 1);
        if let Some((since, silence)) = before.replace((now, *silence)) {
            let passed = now - since + Duration::from_millis(200);
            assert!(passed >= silence, "{passed:?} of {silence:?}");
        }
        // Its worker is gone, and told nobody.
        std::mem::forget(delivery);
    }
}
