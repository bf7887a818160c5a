//! What the engine's steps meet outside: a ledger of HTTP calls, and services that stand for `auth` and `llm`.

use std::sync::Arc;

use contracts::{
    ErrorCode,
    auth::{RunToken, RunTokenReply},
    execution::Usage,
    id::CallId,
    llm::{Complete, Completion, Delta, FinishReason, Message},
};
use kernel::{Chunks, Ctx, Service};
use testkit::Ledger;
use tokio::sync::Mutex;

use super::*;

/// A fixture whose HTTP steps may reach a ledger.
pub(crate) struct Outside {
    pub(crate) fixture: Fixture,
    pub(crate) ledger: Ledger,
    /// A second one, for steps that are held while others are not.
    pub(crate) other: Ledger,
}

impl Outside {
    pub(crate) async fn start() -> Self {
        let (ledger, other) = (Ledger::start().await, Ledger::start().await);
        let allowed = [&ledger, &other].map(|ledger| ledger.address().to_string().parse().unwrap());
        let fixture = Fixture::with(egress::Config::allowing(allowed)).await;
        Self {
            fixture,
            ledger,
            other,
        }
    }

    /// An HTTP node that calls the ledger.
    pub(crate) fn call(&self, id: &str, more: Value) -> Value {
        self.call_to(&self.ledger, id, more)
    }

    pub(crate) fn call_to(&self, ledger: &Ledger, id: &str, more: Value) -> Value {
        let url = format!("{}/{id}", ledger.url());
        let mut node = json!({"id": id, "type": "http", "config": {"method": "POST", "url": url, "body": {"n": 1}}});
        node.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        node
    }

    /// Waits until so many calls have arrived.
    pub(crate) async fn calls(&self, count: usize) -> Vec<testkit::ledger::Call> {
        Self::calls_of(&self.ledger, count).await
    }

    pub(crate) async fn calls_of(ledger: &Ledger, count: usize) -> Vec<testkit::ledger::Call> {
        eventually(SOON, async || {
            let calls = ledger.calls();
            (calls.len() >= count).then_some(calls)
        })
        .await
    }
}

/// What the LLM gateway is to say, and what it was asked.
#[derive(Default)]
pub(crate) struct Script {
    pub(crate) answers: Mutex<Vec<Result<&'static str, ErrorCode>>>,
    pub(crate) asked: Mutex<Vec<(Principal, Complete)>>,
}

struct Model {
    script: Arc<Script>,
}

async fn complete(
    ctx: Ctx<Model>,
    request: Complete,
    out: Chunks<Delta>,
) -> Result<Completion, Problem> {
    let script = &ctx.state.script;
    let asked = (ctx.principal().clone(), request);
    script.asked.lock().await.push(asked);
    let answer = script.answers.lock().await.remove(0);
    let text = answer.map_err(|code| Problem::new(code, "the script says so"))?;
    for word in text.split_inclusive(' ') {
        let delta = Delta {
            content: Some(word.to_owned()),
            ..Delta::default()
        };
        out.send(delta).await.unwrap();
    }
    Ok(Completion {
        id: CallId::generate(),
        provider: "test".into(),
        model: "test".into(),
        message: Message::user(text),
        finish_reason: FinishReason::Stop,
        usage: Usage {
            prompt_tokens: 7,
            completion_tokens: 3,
            cost: Some("0.25".parse().unwrap()),
        },
        rehearsal: true,
        dropped: Vec::new(),
        cached: false,
        similarity: None,
    })
}

async fn run_token(ctx: Ctx<()>, request: RunToken) -> Result<RunTokenReply, Problem> {
    let mut principal = testkit::principal(ctx.tenant, Role::Editor);
    principal.user_id = request.user_id;
    principal.execution_id = Some(request.execution_id);
    Ok(RunTokenReply {
        access_token: testkit::token(&principal),
        expires_in: 600,
    })
}

/// Starts an LLM gateway that follows a script, and an `auth` that gives run tokens.
pub(crate) async fn model(
    fixture: &Fixture,
    answers: Vec<Result<&'static str, ErrorCode>>,
) -> (Arc<Script>, [Running; 2]) {
    let script = Arc::new(Script {
        answers: Mutex::new(answers),
        asked: Mutex::default(),
    });
    let model = Model {
        script: script.clone(),
    };
    let llm = Service::new("llm", model)
        .on_stream(complete)
        .start(&fixture.runtime);
    let auth = Service::new("auth", ())
        .on(run_token)
        .start(&fixture.runtime);
    (script, [llm.await.unwrap(), auth.await.unwrap()])
}
