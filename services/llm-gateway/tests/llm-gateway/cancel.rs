//! Who leaves takes the vendor's answer along, at once, and what was said until then is accounted for.

use std::time::Duration;

use bus::Call;
use contracts::{
    ErrorCode, Principal, Subject, id::ExecutionId, live::Control, llm::CallRecord,
    message::StreamMessage,
};
use futures::StreamExt;
use poem::{Endpoint, Request, http::Method};
use serde_json::json;
use tokio::time::timeout;

use crate::{
    Fixture,
    held::{Habit, Held},
    question, vendor_at,
};

const AT_ONCE: Duration = Duration::from_secs(2);

async fn start(habit: Habit) -> (Held, Fixture, Principal) {
    let held = Held::start(habit).await;
    let fixture = Fixture::reaching(&[held.address]).await;
    let owner = fixture.owner().await;
    fixture
        .ask(&owner, &vendor_at(&held.base_url()))
        .await
        .unwrap();
    let run = Principal {
        execution_id: Some(ExecutionId::generate()),
        ..owner
    };
    (held, fixture, run)
}

async fn cancel(fixture: &Fixture, run: &Principal) {
    let subject = Subject::control(run.tenant, run.execution_id.unwrap());
    fixture
        .bus
        .publish(&subject, &Control::Cancel)
        .await
        .unwrap();
}

async fn record(fixture: &mut Fixture, run: &Principal) -> CallRecord {
    fixture.drain().await;
    let execution = run.execution_id.unwrap();
    let mut calls = fixture
        .archive
        .calls(run.tenant, execution, 10)
        .await
        .unwrap();
    assert_eq!(calls.len(), 1);
    calls.remove(0)
}

#[tokio::test]
async fn a_cancelled_run_drops_the_vendor_in_mid_sentence() {
    let (mut held, mut fixture, run) = start(Habit::Speaks).await;
    let token = testkit::token(&run);
    let call = Call {
        token: Some(&token),
        deadline: Duration::from_secs(60),
    };
    let ask = question("vendor/fake-large", "Tell me a story.");
    let answers = fixture
        .bus
        .call_stream(run.tenant, &ask, call)
        .await
        .unwrap();
    let mut answers = std::pin::pin!(answers);
    let first = answers.next().await.unwrap().unwrap();
    assert!(matches!(first, StreamMessage::Chunk { n: 1, .. }));
    // Another execution's end is no concern of this one.
    let other = Principal {
        execution_id: Some(ExecutionId::generate()),
        ..run.clone()
    };
    cancel(&fixture, &other).await;
    cancel(&fixture, &run).await;
    timeout(AT_ONCE, held.left()).await.unwrap();
    let problem = answers.next().await.unwrap().unwrap_err();
    assert_eq!(
        (problem.code, problem.reason.as_deref()),
        (ErrorCode::Conflict, Some("cancelled"))
    );
    let record = record(&mut fixture, &run).await;
    assert_eq!(record.error.as_deref(), Some("cancelled"));
    assert!(record.estimated);
    // "user" and "Tell me a story." are 20 bytes; "Once upon a time" is 16.
    assert_eq!(
        (record.usage.prompt_tokens, record.usage.completion_tokens),
        (5, 4)
    );
    assert_eq!(record.usage.cost, Some("0.0000525".parse().unwrap()));
}

#[tokio::test]
async fn a_cancelled_run_drops_a_vendor_that_has_said_nothing() {
    let (mut held, mut fixture, run) = start(Habit::Silent).await;
    let ask = question("vendor/fake-large", "Tell me a story.");
    let (refused, ()) = tokio::join!(fixture.refused(&run, &ask), async {
        held.asked().await;
        cancel(&fixture, &run).await;
        timeout(AT_ONCE, held.left()).await.unwrap();
    });
    assert_eq!(refused.reason.as_deref(), Some("cancelled"));
    // A question that comes too late is not put at all.
    let problem = fixture.refused(&run, &question("rehearsal", "hi")).await;
    assert_eq!(problem.reason.as_deref(), Some("cancelled"));
    assert_eq!(held.times_asked(), 1);
    fixture.drain().await;
    let calls = fixture
        .archive
        .calls(run.tenant, run.execution_id.unwrap(), 10)
        .await
        .unwrap();
    let errors: Vec<_> = calls.iter().map(|call| call.error.as_deref()).collect();
    assert_eq!(errors, [Some("cancelled"); 2]);
}

#[tokio::test]
async fn a_deadline_drops_the_vendor() {
    let (mut held, mut fixture, run) = start(Habit::Speaks).await;
    let token = testkit::token(&run);
    let call = Call {
        token: Some(&token),
        deadline: Duration::from_millis(500),
    };
    let ask = question("vendor/fake-large", "Tell me a story.");
    let answers = fixture
        .bus
        .call_stream(run.tenant, &ask, call)
        .await
        .unwrap();
    let last = answers.collect::<Vec<_>>().await.pop().unwrap();
    assert_eq!(last.unwrap_err().code, ErrorCode::Timeout);
    timeout(AT_ONCE, held.left()).await.unwrap();
    let record = record(&mut fixture, &run).await;
    assert_eq!(
        (record.error.as_deref(), record.estimated),
        (Some("caller_gone"), true)
    );
}

#[tokio::test]
async fn a_caller_over_nats_that_leaves_drops_the_vendor() {
    let (mut held, mut fixture, run) = start(Habit::Speaks).await;
    let token = testkit::token(&run);
    let ask = question("vendor/fake-large", "Tell me a story.");
    let call = Call::with_token(&token);
    let answers = fixture.bus.call_stream(run.tenant, &ask, call).await;
    let mut answers = Box::pin(answers.unwrap());
    answers.next().await.unwrap().unwrap();
    let left = std::time::Instant::now();
    drop(answers);
    timeout(AT_ONCE, held.left()).await.unwrap();
    println!("the vendor was dropped after {:?}", left.elapsed());
    let record = record(&mut fixture, &run).await;
    assert_eq!(
        (record.error.as_deref(), record.estimated),
        (Some("caller_gone"), true)
    );
}

#[tokio::test]
async fn an_http_client_that_leaves_drops_the_vendor() {
    for (habit, streamed) in [
        (Habit::Speaks, true),
        (Habit::Silent, true),
        (Habit::Silent, false),
    ] {
        let (mut held, mut fixture, run) = start(habit).await;
        let body = json!({"model": "vendor/fake-large", "stream": streamed,
            "messages": [{"role": "user", "content": "Tell me a story."}]});
        let request = Request::builder()
            .method(Method::POST)
            .uri_str("/chat/completions")
            .header("x-api-key", testkit::token(&run))
            .body(body.to_string());
        {
            // What the HTTP server drops when its client is gone: the work on an answer, or the answer's body.
            let answer = fixture.face.call(request);
            let mut answering = Box::pin(async {
                let mut body = answer.await.unwrap().into_body().into_bytes_stream();
                while body.next().await.is_some() {}
            });
            tokio::select! {
                () = &mut answering => panic!("the vendor holds the answer"),
                () = held.asked() => {}
            }
            // What the vendor said may be on its way: listen for a moment, then leave.
            timeout(Duration::from_millis(200), answering)
                .await
                .unwrap_err();
        }
        timeout(AT_ONCE, held.left()).await.unwrap();
        let record = record(&mut fixture, &run).await;
        assert_eq!(record.error.as_deref(), Some("caller_gone"));
    }
}
