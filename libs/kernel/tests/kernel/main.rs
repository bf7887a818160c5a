//! The kernel in front of a toy service, on a real NATS server.

#![allow(clippy::unwrap_used)]

use std::{
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use bus::{Bucket, Bus, Call};
use contracts::{
    ErrorCode, Principal, Problem, Role, Subject,
    auth::{GetMe, Login},
    flow::{DeleteFlow, GetFlow},
    id::{ExecutionId, FlowId, TenantId},
    llm::{Complete, Completion, Delta, FinishReason, Message},
    message::{Request, StreamMessage},
    principal::revocation,
};
use futures::StreamExt;
use kernel::{Chunks, Ctx, Running, Service};
use testkit::{Nats, eventually, principal, runtime, token, token_of_age};

/// Chunks that a reader of ours lets come before it has read any.
const WINDOW: u32 = 256;
const WORDS: u32 = 2000;
const SOON: Duration = Duration::from_secs(20);

/// Words of [`speak_on`], and how often it ended.
static SAID: AtomicU32 = AtomicU32::new(0);
static DROPPED: AtomicU32 = AtomicU32::new(0);

struct Counted;

impl Drop for Counted {
    fn drop(&mut self) {
        DROPPED.fetch_add(1, Ordering::Relaxed);
    }
}

/// Says many words, as fast as it may.
async fn speak_on(_: Ctx<()>, _: Complete, out: Chunks<Delta>) -> Result<Completion, Problem> {
    let _counted = Counted;
    for _ in 0..WORDS {
        SAID.fetch_add(1, Ordering::Relaxed);
        out.send(Delta::default())
            .await
            .map_err(|_| Problem::new(ErrorCode::Unavailable, "gone"))?;
    }
    Ok(completion())
}

#[derive(Default)]
struct State {
    deleted: AtomicU32,
}

async fn delete(ctx: Ctx<State>, _: DeleteFlow) -> Result<(), Problem> {
    ctx.state.deleted.fetch_add(1, Ordering::Relaxed);
    Ok(())
}

async fn get(ctx: Ctx<State>, request: GetFlow) -> Result<contracts::flow::Flow, Problem> {
    tokio::time::sleep(ctx.remaining() * 2).await;
    Err(Problem::new(
        ErrorCode::NotFound,
        format!("flow `{}` does not exist", request.flow_id),
    ))
}

async fn complete(_: Ctx<()>, _: Complete, out: Chunks<Delta>) -> Result<Completion, Problem> {
    for word in ["Hello", " world"] {
        let delta = Delta {
            content: Some(word.into()),
            ..Delta::default()
        };
        out.send(delta)
            .await
            .map_err(|_| Problem::new(ErrorCode::Unavailable, "gone"))?;
    }
    Ok(completion())
}

fn completion() -> Completion {
    Completion {
        id: contracts::id::CallId::generate(),
        provider: "toy".into(),
        model: "toy".into(),
        message: Message::user("Hello world"),
        finish_reason: FinishReason::Stop,
        usage: contracts::execution::Usage::ZERO,
        rehearsal: true,
        dropped: Vec::new(),
        cached: false,
        similarity: None,
    }
}

struct Toy {
    _nats: Nats,
    bus: Bus,
    running: Vec<Running>,
}

impl Toy {
    async fn start() -> Self {
        let nats = Nats::start().await;
        let bus = testkit::bus(&nats.url()).await;
        let runtime = runtime(&bus).await;
        let flow = Service::new("flow", State::default())
            .on(delete)
            .on(get)
            .start(&runtime)
            .await
            .unwrap();
        let llm = Service::new("llm", ())
            .on_stream(complete)
            .start(&runtime)
            .await
            .unwrap();
        Self {
            _nats: nats,
            bus,
            running: vec![flow, llm],
        }
    }

    async fn delete(&self, tenant: TenantId, token: Option<&str>) -> Result<(), Problem> {
        let call = Call {
            token,
            ..Call::anonymous()
        };
        self.bus
            .call(
                tenant,
                &DeleteFlow {
                    flow_id: FlowId::EXAMPLE,
                },
                call,
            )
            .await
    }
}

fn code<T>(answer: Result<T, Problem>) -> ErrorCode {
    answer.err().expect("a problem").code
}

#[tokio::test]
async fn role_and_tenant_are_checked_before_the_handler_runs() {
    let toy = Toy::start().await;
    let tenant = TenantId::generate();
    let editor = token(&principal(tenant, Role::Editor));
    assert_eq!(toy.delete(tenant, Some(&editor)).await, Ok(()));
    assert_eq!(
        code(toy.delete(tenant, None).await),
        ErrorCode::Unauthenticated
    );
    assert_eq!(
        code(toy.delete(tenant, Some("garbage")).await),
        ErrorCode::Unauthenticated
    );
    assert_eq!(
        code(toy.delete(TenantId::generate(), Some(&editor)).await),
        ErrorCode::NotFound
    );
    let viewer = token(&principal(tenant, Role::Viewer));
    assert_eq!(
        code(toy.delete(tenant, Some(&viewer)).await),
        ErrorCode::Forbidden
    );
    let run = Principal {
        execution_id: Some(ExecutionId::generate()),
        ..principal(tenant, Role::Owner)
    };
    assert_eq!(
        code(toy.delete(tenant, Some(&token(&run))).await),
        ErrorCode::Forbidden
    );
    let old = token_of_age(&principal(tenant, Role::Editor), Duration::from_secs(601));
    assert_eq!(
        code(toy.delete(tenant, Some(&old)).await),
        ErrorCode::Unauthenticated
    );
}

#[tokio::test]
async fn a_revocation_reaches_a_verified_token() {
    let toy = Toy::start().await;
    let caller = principal(TenantId::generate(), Role::Editor);
    let token = token_of_age(&caller, Duration::from_secs(1));
    toy.delete(caller.tenant, Some(&token)).await.unwrap();
    let bucket = toy.bus.kv(Bucket::Revocations).await.unwrap();
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap()
        .as_millis();
    bucket
        .put(
            &revocation::of_member(caller.tenant, caller.user_id),
            now.to_string().into(),
        )
        .await
        .unwrap();
    eventually(Duration::from_secs(5), async || {
        toy.delete(caller.tenant, Some(&token))
            .await
            .is_err()
            .then_some(())
    })
    .await;
    let issued_later = testkit::token_of_age(&caller, Duration::ZERO);
    assert_eq!(toy.delete(caller.tenant, Some(&issued_later)).await, Ok(()));
}

#[tokio::test]
async fn what_cannot_be_read_is_a_problem_and_the_service_lives() {
    let toy = Toy::start().await;
    let tenant = TenantId::generate();
    let token = token(&principal(tenant, Role::Editor));
    let subject = Subject::request::<DeleteFlow>(tenant);
    for body in [
        "{",
        "[]",
        r#"{"flow_id": 3}"#,
        r#"{"flow_id": "flow_x"}"#,
        r#"{"flow_id":"flow_0","tenant_id":"x"}"#,
        "\u{0}",
    ] {
        let problem = toy
            .bus
            .call_raw(&subject, body.into(), Call::with_token(&token))
            .await
            .unwrap_err();
        assert_eq!(
            (problem.code, problem.status),
            (ErrorCode::InvalidInput, 400),
            "{body}"
        );
    }
    assert_eq!(toy.delete(tenant, Some(&token)).await, Ok(()));
}

#[tokio::test]
async fn a_deadline_ends_the_handler_and_a_missing_service_is_known_at_once() {
    let toy = Toy::start().await;
    let tenant = TenantId::generate();
    let token = token(&principal(tenant, Role::Viewer));
    let call = Call {
        token: Some(&token),
        deadline: Duration::from_millis(200),
    };
    assert_eq!(
        code(
            toy.bus
                .call(
                    tenant,
                    &GetFlow {
                        flow_id: FlowId::EXAMPLE
                    },
                    call
                )
                .await
        ),
        ErrorCode::Timeout
    );
    assert_eq!(
        code(
            toy.bus
                .call(tenant, &GetMe {}, Call::with_token(&token))
                .await
        ),
        ErrorCode::Unavailable
    );
    let login = Login {
        email: "a@b.c".into(),
        password: "x".into(),
        organization_id: None,
    };
    assert_eq!(
        code(
            toy.bus
                .call(TenantId::PLATFORM, &login, Call::anonymous())
                .await
        ),
        ErrorCode::Unavailable
    );
}

#[tokio::test]
async fn a_streamed_answer_arrives_in_order_and_ends_with_the_reply() {
    let toy = Toy::start().await;
    let tenant = TenantId::generate();
    let token = token(&principal(tenant, Role::Operator));
    let request = Complete {
        messages: vec![Message::user("hi")],
        ..Complete::default()
    };
    let answers = toy
        .bus
        .call_stream(tenant, &request, Call::with_token(&token))
        .await
        .unwrap();
    let answers: Vec<_> = answers.collect().await;
    let numbers: Vec<_> = answers
        .iter()
        .map(|answer| match answer.as_ref().unwrap() {
            StreamMessage::Chunk { n, .. } => (*n, false),
            StreamMessage::Done { n, .. } => (*n, true),
            StreamMessage::Alive => unreachable!("no part of the answer"),
        })
        .collect();
    assert_eq!(numbers, [(1, false), (2, false), (3, true)]);
    let refused: Vec<_> = toy
        .bus
        .call_stream(tenant, &request, Call::anonymous())
        .await
        .unwrap()
        .collect()
        .await;
    assert_eq!(refused.len(), 1);
    assert_eq!(
        code(refused.into_iter().next().unwrap()),
        ErrorCode::Unauthenticated
    );
}

#[tokio::test]
async fn an_answer_goes_no_further_than_its_reader_lets_it() {
    let nats = Nats::start().await;
    let bus = testkit::bus(&nats.url()).await;
    let running = Service::new("llm", ())
        .on_stream(speak_on)
        .start(&runtime(&bus).await)
        .await
        .unwrap();
    let tenant = TenantId::generate();
    let token = token(&principal(tenant, Role::Operator));
    let ask = async || {
        let call = Call::with_token(&token);
        let request = Complete::example();
        Box::pin(bus.call_stream(tenant, &request, call).await.unwrap())
    };

    // A reader that stops reading, and goes on.
    SAID.store(0, Ordering::Relaxed);
    let mut answer = ask().await;
    answer.next().await.unwrap().unwrap();
    let said = eventually(SOON, async || {
        let said = SAID.load(Ordering::Relaxed);
        (said >= WINDOW).then_some(said)
    })
    .await;
    // Beyond the window one waits to be sent.
    assert!(said <= WINDOW + 1, "{said}");
    let rest: Vec<_> = answer.collect().await;
    assert_eq!(rest.len(), usize::try_from(WORDS).unwrap());
    assert!(matches!(rest.last(), Some(Ok(StreamMessage::Done { .. }))));

    // One that leaves ends the work.
    SAID.store(0, Ordering::Relaxed);
    let mut answer = ask().await;
    answer.next().await.unwrap().unwrap();
    assert_eq!(DROPPED.load(Ordering::Relaxed), 1);
    drop(answer);
    eventually(SOON, async || {
        (DROPPED.load(Ordering::Relaxed) == 2).then_some(())
    })
    .await;
    assert!(SAID.load(Ordering::Relaxed) < WORDS);
    running.drain().await;
}

#[tokio::test]
async fn drain_finishes_what_is_in_flight() {
    let toy = Toy::start().await;
    let tenant = TenantId::generate();
    let token = token(&principal(tenant, Role::Viewer));
    let call = Call {
        token: Some(&token),
        deadline: Duration::from_millis(300),
    };
    let request = GetFlow {
        flow_id: FlowId::EXAMPLE,
    };
    let bus = toy.bus.clone();
    let asked = bus.call(tenant, &request, call);
    let drained = async {
        tokio::task::yield_now().await;
        for running in toy.running {
            running.drain().await;
        }
    };
    let (answer, ()) = tokio::join!(asked, drained);
    assert!(matches!(
        code(answer),
        ErrorCode::Timeout | ErrorCode::Unavailable
    ));
    assert_eq!(
        code(bus.call(tenant, &request, call).await),
        ErrorCode::Unavailable
    );
}
