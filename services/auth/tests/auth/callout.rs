//! Integrators connect to NATS with an access token and get their organization's subjects, nothing else.

use std::{
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use bus::{Bus, Call, NodeCall};
use contracts::{
    ErrorCode, Problem, Request, Subject,
    auth::{GetMe, Logout, Session},
    flow::GetFlow,
    id::{ExecutionId, FlowId, TenantId, UserId},
    llm::{Complete, Completion, Delta},
    node::{CallNode, NodeReply},
    subject::Token,
};
use futures::StreamExt;
use kernel::{Chunks, Ctx};
use testkit::{Nats, eventually};

use crate::{
    Platform, code,
    tokens::{Forge, claims},
    wire::Wire,
};

fn integrator(nats: &Nats, session: &Session) -> bus::Config {
    bus::Config {
        user: Some(session.user.id.to_string()),
        password: Some(session.access_token.clone()),
        inbox_prefix: Some(Subject::inbox_prefix(session.user.id)),
        ..bus::Config::open(nats.url())
    }
}

#[tokio::test]
async fn an_integrator_calls_like_the_rest_api() {
    let platform = Platform::start().await;
    let session = platform.register("ada").await;
    let bus = Bus::connect(&integrator(&platform.nats, &session))
        .await
        .expect("connects");
    let tenant = session.organization.id;
    let call = Call::with_token(&session.access_token);
    let me = bus.call(tenant, &GetMe {}, call).await.expect("an answer");
    assert_eq!(me.user, session.user);
    // The question leaves; that nobody answers it here is all that is wrong.
    let flow = bus
        .call(
            tenant,
            &GetFlow {
                flow_id: FlowId::generate(),
            },
            call,
        )
        .await;
    assert_eq!(code(flow), ErrorCode::Unavailable);
    // A connection is no permission: each request carries the token.
    assert_eq!(
        code(bus.call(tenant, &GetMe {}, Call::anonymous()).await),
        ErrorCode::Unauthenticated
    );
}

/// A toy in the place of the llm service: a hundred chunks.
async fn speak(_: Ctx<()>, _: Complete, out: Chunks<Delta>) -> Result<Completion, Problem> {
    for _ in 0..100 {
        let sent = out.send(Delta::default()).await;
        sent.map_err(|_| Problem::new(ErrorCode::Unavailable, "nobody listens"))?;
    }
    Err(Problem::new(ErrorCode::NotFound, "the end"))
}

#[tokio::test]
async fn an_integrator_receives_streamed_answers() {
    let platform = Platform::start().await;
    let session = platform.register("ada").await;
    let llm = crate::connect(&platform.nats, contracts::Service::Llm).await;
    let service = kernel::Service::new("llm", ()).on_stream(speak);
    let _running = service.start(&crate::runtime(&llm)).await.expect("starts");
    let bus = Bus::connect(&integrator(&platform.nats, &session))
        .await
        .expect("connects");
    let call = Call::with_token(&session.access_token);
    let answers = bus
        .call_stream(session.organization.id, &Complete::example(), call)
        .await
        .expect("asks");
    let answers: Vec<_> = answers.collect().await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 100);
    let end = answers.into_iter().next_back().expect("an end");
    assert_eq!(end.map(drop).expect_err("a problem").detail, "the end");
}

#[tokio::test]
async fn an_integrator_follows_the_own_organization_s_executions() {
    let platform = Platform::start().await;
    let session = platform.register("ada").await;
    let tenant = session.organization.id;
    let bus = Bus::connect(&integrator(&platform.nats, &session))
        .await
        .expect("connects");
    let own = Subject::live(tenant, ExecutionId::EXAMPLE);
    let mut frames = bus.subscribe(&own, None).await.expect("subscribes");
    // An answered question tells that the subscription before it has arrived.
    bus.call(tenant, &GetMe {}, Call::with_token(&session.access_token))
        .await
        .expect("an answer");
    platform
        .execution
        .publish(&own, &"a frame")
        .await
        .expect("publishes");
    let frame = tokio::time::timeout(Duration::from_secs(5), frames.next())
        .await
        .expect("in time")
        .expect("a frame");
    assert_eq!(frame.payload().as_ref(), b"\"a frame\"");
}

#[tokio::test]
async fn an_integrator_is_a_node_of_the_own_organization() {
    let platform = Platform::start().await;
    let session = platform.register("ada").await;
    let tenant = session.organization.id;
    let bus = Bus::connect(&integrator(&platform.nats, &session))
        .await
        .expect("connects");
    let name = Token::new("invoice").expect("a token");
    let subject = Subject::node(tenant, &name);
    let mut questions = bus.subscribe(&subject, None).await.expect("subscribes");
    bus.call(tenant, &GetMe {}, Call::with_token(&session.access_token))
        .await
        .expect("an answer");
    let asks = CallNode::example();
    let beats = AtomicU32::new(0);
    let heard = || {
        beats.fetch_add(1, Ordering::Relaxed);
    };
    let call = platform.execution.call_node(NodeCall {
        tenant,
        name: &name,
        question: &asks,
        deadline: Duration::from_secs(5),
        heard: Some(&heard),
    });
    let answers = async {
        let question = questions.next().await.expect("a question");
        let read: CallNode = serde_json::from_slice(question.payload()).expect("readable");
        assert_eq!(read, asks);
        let to = bus::heartbeat_in(question.headers(), tenant).expect("a heartbeat's subject");
        bus.beat(&to).await.expect("beats");
        eventually(Duration::from_secs(5), async || {
            (beats.load(Ordering::Relaxed) == 1).then_some(())
        })
        .await;
        bus.reply(&question, Ok(&NodeReply::example()))
            .await
            .expect("answers");
    };
    let (reply, ()) = tokio::join!(call, answers);
    assert_eq!(reply.expect("answered"), NodeReply::example());
    // Another organization's node of that name is nobody.
    let call = platform.execution.call_node(NodeCall {
        tenant: TenantId::generate(),
        name: &name,
        question: &asks,
        deadline: Duration::from_secs(5),
        heard: None,
    });
    assert_eq!(code(call.await), ErrorCode::Unavailable);
}

#[tokio::test]
async fn an_integrator_gets_nothing_else() {
    let platform = Platform::start().await;
    let session = platform.register("ada").await;
    let (own, other, user) = (
        session.organization.id,
        TenantId::generate(),
        session.user.id,
    );
    let mut wire = Wire::connect(&platform.nats, "", &session.access_token)
        .await
        .expect("connects");
    for subject in [
        format!("live.{own}.>"),
        format!("evt.{own}.>"),
        format!("tok.{own}.>"),
        format!("_INBOX_{user}.>"),
        format!("tool.{own}.>"),
        format!("tool.{own}.weather queue"),
        format!("node.{own}.>"),
    ] {
        assert!(wire.may(&format!("SUB {subject} 1")).await, "{subject}");
    }
    let stranger = UserId::generate();
    for subject in [
        ">".to_owned(),
        "*.>".into(),
        "live.>".into(),
        "live.*.>".into(),
        format!("live.{other}.>"),
        format!("live.{other}.* queue"),
        format!("evt.{other}.>"),
        format!("tool.{other}.>"),
        format!("node.{other}.>"),
        "tool.*.weather".into(),
        "node.>".into(),
        format!("req.{own}.>"),
        "req.>".into(),
        "_INBOX.>".into(),
        "_INBOX_svc_gateway.>".into(),
        format!("_INBOX_{stranger}.>"),
        "own.>".into(),
        "pl.>".into(),
        "work.>".into(),
        "$JS.>".into(),
        "$KV.>".into(),
        "$SYS.>".into(),
        "$SYS.REQ.USER.AUTH".into(),
        "$SRV.>".into(),
    ] {
        assert!(!wire.may(&format!("SUB {subject} 2")).await, "{subject}");
    }
}

#[tokio::test]
async fn an_integrator_asks_no_one_else() {
    let platform = Platform::start().await;
    let session = platform.register("ada").await;
    let (own, other) = (session.organization.id, TenantId::generate());
    let mut wire = Wire::connect(&platform.nats, "", &session.access_token)
        .await
        .expect("connects");
    let publish = |subject: &str| format!("PUB {subject} 2\r\n{{}}");
    assert!(wire.may(&publish(&format!("req.{own}.flow.get"))).await);
    for subject in [
        format!("req.{other}.flow.get"),
        format!("req.{own}.auth.run_token"),
        format!("req.{own}.tenant.provision"),
        format!("req.{own}.tenant.join"),
        "req.platform.tenant.memberships_of".into(),
        "req.platform.auth.login".into(),
        format!("live.{own}.x"),
        format!("ctl.{own}.x"),
        format!("tool.{own}.weather"),
        format!("node.{own}.invoice"),
        "own.0.start".into(),
        "pl.0".into(),
        "$JS.API.STREAM.NAMES".into(),
        "$JS.API.INFO".into(),
        "$JS.API.CONSUMER.CREATE.EVT".into(),
        "$KV.JWKS.kid".into(),
        "$KV.REVOCATIONS.x".into(),
        "$SYS.REQ.SERVER.PING".into(),
        "_INBOX_svc_gateway.x".into(),
        "$SRV.PING".into(),
    ] {
        assert!(!wire.may(&publish(&subject)).await, "{subject}");
    }
}

#[tokio::test]
async fn only_a_good_access_token_opens_the_door() {
    let platform = Platform::start().await;
    let session = platform.register("ada").await;
    let user = session.user.id.to_string();
    let lets_in = async |user: &str, password: &str| {
        Wire::connect(&platform.nats, user, password)
            .await
            .is_some()
    };
    assert!(lets_in("", &session.access_token).await);
    assert!(lets_in(&user, &session.access_token).await);
    assert!(!lets_in(&UserId::generate().to_string(), &session.access_token).await);
    assert!(!lets_in("flow", &session.access_token).await);
    assert!(!lets_in(&user, "").await);
    assert!(!lets_in(&user, "garbage").await);
    assert!(!lets_in(&user, &session.refresh_token).await);
    assert!(!lets_in(&user, &Forge::new(7).sign(&claims(&session))).await);
    let run = contracts::auth::RunToken {
        user_id: session.user.id,
        execution_id: ExecutionId::generate(),
    };
    let run = platform
        .execution
        .call(session.organization.id, &run, Call::anonymous())
        .await
        .expect("a run token");
    assert!(!lets_in(&user, &run.access_token).await);
    platform
        .ask(&Logout {
            refresh_token: session.refresh_token.clone(),
        })
        .await
        .expect("a logout");
    testkit::eventually(Duration::from_secs(5), async || {
        (!lets_in(&user, &session.access_token).await).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_connection_ends_when_its_session_is_revoked() {
    let platform = Platform::start().await;
    let session = platform.register("ada").await;
    let mut wire = Wire::connect(&platform.nats, "", &session.access_token)
        .await
        .expect("connects");
    let other = platform
        .login("ada", crate::PASSWORD)
        .await
        .expect("a login");
    let mut other = Wire::connect(&platform.nats, "", &other.access_token)
        .await
        .expect("connects");
    let logout = Logout {
        refresh_token: session.refresh_token,
    };
    platform.ask(&logout).await.expect("a logout");
    let ended = async { while wire.line().await.is_some() {} };
    tokio::time::timeout(Duration::from_secs(5), ended)
        .await
        .expect("the connection is ended");
    assert!(
        other.may("UNSUB 9").await,
        "the connection of another session was ended too"
    );
}

#[tokio::test]
async fn a_connection_ends_with_its_token() {
    let platform = Platform::start().await;
    let session = platform.register("ada").await;
    let forge = Forge::new(9);
    forge.publish(&platform).await;
    let mut short = claims(&session);
    short["exp"] = (chrono::Utc::now().timestamp() + 2).into();
    let mut wire = Wire::connect(&platform.nats, "", &forge.sign(&short))
        .await
        .expect("connects");
    let mut last = String::new();
    while let Some(line) = wire.line().await {
        last = line;
    }
    assert!(last.contains("Expired"), "{last}");
}
