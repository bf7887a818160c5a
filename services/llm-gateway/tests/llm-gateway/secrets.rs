//! A key goes to its vendor and nowhere else: no reply, no error, no log line, no record has it.

use std::{
    io,
    sync::{Arc, Mutex},
};

use contracts::{
    Principal, Request,
    id::ExecutionId,
    llm::{
        CreateProvider, CreateRoute, GetProvider, ListModels, ListProviders, RouteSpec,
        TestProvider,
    },
};
use documents::CallQuestion;
use serde_json::json;
use testkit::{FakeLlm, fake_llm::Answer};
use tracing_subscriber::fmt::{MakeWriter, format::FmtSpan};

use crate::{Fixture, question, vendor_at};

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Log {
    type Writer = Self;
    fn make_writer(&self) -> Self {
        self.clone()
    }
}

/// All that is logged from now on.
fn logged() -> Log {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::DEBUG)
        .with_span_events(FmtSpan::CLOSE)
        .with_writer(log.clone())
        .finish();
    tracing::subscriber::set_global_default(subscriber).ok();
    log
}

async fn reply<R: Request>(fixture: &Fixture, who: &Principal, request: &R) -> String {
    match fixture.ask(who, request).await {
        Ok(reply) => json!(reply).to_string(),
        Err(problem) => json!(problem).to_string(),
    }
}

#[tokio::test]
async fn a_key_is_seen_by_its_vendor_alone() {
    let log = logged();
    let mut fixture = Fixture::start().await;
    let owner = fixture.owner().await;
    let run = Principal {
        execution_id: Some(ExecutionId::generate()),
        ..owner.clone()
    };
    let made = fixture.vendor_of(&owner).await;
    let provider_id = made.id;
    let mut said = vec![json!(made).to_string()];
    said.push(reply(&fixture, &owner, &vendor_at("http://user@x/")).await);
    said.push(reply(&fixture, &owner, &vendor_at(&fixture.vendor.base_url())).await);
    said.push(reply(&fixture, &owner, &GetProvider { provider_id }).await);
    said.push(reply(&fixture, &owner, &ListProviders::default()).await);
    said.push(reply(&fixture, &owner, &ListModels {}).await);
    let quoting = format!("you sent {} and that is wrong", FakeLlm::API_KEY);
    for status in [400, 401, 404, 429, 500] {
        fixture.vendor.script(Answer::status(status, &quoting));
        said.push(reply(&fixture, &owner, &TestProvider { provider_id }).await);
        fixture.vendor.script(Answer::status(status, &quoting));
        let problem = fixture
            .refused(&run, &question("vendor/fake-large", "hi"))
            .await;
        said.push(json!(problem).to_string());
    }
    let error = json!({"error": {"message": quoting}});
    fixture
        .vendor
        .script(Answer::garbage(format!("data: {error}\n\n")));
    let problem = fixture
        .refused(&run, &question("vendor/fake-large", "hi"))
        .await;
    said.push(json!(problem).to_string());
    fixture.drain().await;
    let calls = fixture
        .archive
        .calls(run.tenant, run.execution_id.unwrap(), 100)
        .await
        .unwrap();
    assert_eq!(calls.len(), 6);
    said.push(json!(calls).to_string());
    assert_eq!(fixture.vendor.requests().len(), 11);
    let logged = String::from_utf8_lossy(&log.0.lock().unwrap()).into_owned();
    assert!(logged.contains("a model was asked"), "the log was read");
    said.extend(logged.lines().map(str::to_owned));
    for text in said {
        assert!(!text.contains("fake-vendor-key"), "{text}");
    }
}

#[tokio::test]
async fn keys_that_are_tried_one_after_the_other_are_seen_by_their_vendor_alone() {
    let log = logged();
    let mut fixture = Fixture::start().await;
    let owner = fixture.owner().await;
    let mut request = vendor_at(&fixture.vendor.base_url());
    request.api_key = Some("sk-canary-of-the-first".into());
    request.more_api_keys = vec!["sk-canary-of-the-second".into()];
    let made = fixture.ask(&owner, &request).await.unwrap();
    let spec = RouteSpec::ordered("r", [("vendor", "fake-large"), ("vendor", "fake-small")]);
    let mut said = vec![json!(made).to_string()];
    said.push(reply(&fixture, &owner, &CreateRoute { spec }).await);
    let odd = CreateProvider {
        name: "odd".into(),
        more_api_keys: vec!["sk-canary with a space".into()],
        ..request
    };
    said.push(reply(&fixture, &owner, &odd).await);
    for model in ["r", "vendor/fake-large"] {
        let problem = fixture.refused(&owner, &question(model, "hi")).await;
        said.push(json!(problem).to_string());
    }
    fixture.drain().await;
    assert!(fixture.vendor.requests().len() >= 2);
    let calls = fixture
        .archive
        .latest_calls(owner.tenant, &CallQuestion::default(), 10)
        .await
        .unwrap();
    assert!(calls.iter().any(|call| call.attempts.len() > 1));
    said.push(json!(calls).to_string());
    let logged = String::from_utf8_lossy(&log.0.lock().unwrap()).into_owned();
    assert!(
        logged.contains("gen_ai.usage.input_tokens"),
        "spans were read"
    );
    said.extend(logged.lines().map(str::to_owned));
    for text in said {
        assert!(!text.contains("canary"), "{text}");
    }
}
