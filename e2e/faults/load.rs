//! The load client: starts executions at a fixed rate, whatever becomes of them, answers, cancels and follows them.
//!
//! **Invariant:** a start with an unknown outcome is repeated under its `Idempotency-Key` until its outcome is known, so at
//! the end every start is either acknowledged or a violation.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use async_nats::jetstream::message::PublishMessage;
use e2e::{Answer, Client};
use reqwest::Method;
use serde_json::{Value, json};
use testkit::{
    FakeLlm, Ledger,
    fake_llm::{Answer as Said, ToolCall},
};
use tokio::{task::JoinSet, time::timeout};
use tokio_util::sync::CancellationToken;

use crate::{
    flows::{EVENT, Kind, TOOL_STEP, World},
    follow::{Way, follow},
    history::{Entry, History, Outcome, Run},
    random::Random,
    report::Violation,
};

/// The client waits no longer for an answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// The users, by their names.
const NAMES: [&str; 2] = ["ada", "grace"];
const RETRY: Duration = Duration::from_millis(150);
/// The agent's tool.
const TOOL: &str = "write";

/// One organization with its user and flows.
#[derive(Clone)]
pub(crate) struct User {
    pub(crate) client: Client,
    pub(crate) flows: BTreeMap<Kind, String>,
}

/// Organizations, each with flows of its own.
pub(crate) async fn users(url: &str, ledger: &Ledger, model: &FakeLlm) -> Result<Vec<User>> {
    let mut users = Vec::new();
    for name in NAMES {
        let mut client = Client::new(url.to_owned());
        client.register(name).await;
        let provider = json!({
            "name": "vendor", "kind": "openai_compatible", "base_url": model.base_url(), "api_key": FakeLlm::API_KEY,
            "models": [{"name": "fake-large", "price": {"prompt": "1000", "completion": "2000"}}]});
        let made = client.post("/api/v1/llm-providers", &provider).await;
        ensure!(made.status == 201, "no provider: {made:?}");
        let agent = agent(&client, ledger).await?;
        let mut flows = BTreeMap::new();
        for kind in Kind::ALL {
            let world = World {
                ledger: &ledger.url(),
                agent: &agent,
                flows: &flows,
            };
            let definition = kind.definition(&world);
            flows.insert(kind, client.publish(definition).await);
        }
        users.push(User { client, flows });
    }
    Ok(users)
}

/// The id of an agent whose tool writes into the ledger.
async fn agent(client: &Client, ledger: &Ledger) -> Result<String> {
    let made = async |path: &str, body: Value| {
        let made = client.post(path, &body).await;
        ensure!(made.status == 201, "{path}: {made:?}");
        let id = made.body["id"].as_str().context("no id")?;
        anyhow::Ok(id.to_owned())
    };
    let tool = json!({
        "name": TOOL, "kind": "http", "description": "Writes a run down.",
        "input_schema": {"type": "object", "required": ["run", "org"], "properties": {"run": {"type": "integer"}, "org": {"type": "string"}}},
        "config": {"method": "POST", "url": format!("{}/{TOOL_STEP}", ledger.url()),
            "body": {"run": "{{ arguments.run }}", "org": "{{ arguments.org }}"}}});
    let tool = made("/api/v1/tools", tool).await?;
    let agent = json!({"name": "clerk", "role": "a clerk", "goal": "write down", "model": "vendor/fake-large", "tools": [tool]});
    made("/api/v1/agents", agent).await
}

/// What the model says to a question: it calls the tool it is given with the run and the organization that it was told,
/// and then says something.
pub(crate) fn said(question: &Value) -> Said {
    let done = Said::text("Tea is ready.");
    let messages = question["messages"].as_array();
    let last = messages.and_then(|messages| messages.last());
    let told = last.filter(|last| last["role"] == "user" && question["tools"].is_array());
    let Some(told) = told.and_then(|told| told["content"].as_str()) else {
        return done;
    };
    let words = told.trim_end_matches('.').split(' ').collect::<Vec<_>>();
    let ["Run", run, "of", org] = words[..] else {
        return done;
    };
    Said::tools([ToolCall {
        id: "call_1".into(),
        name: TOOL.into(),
        arguments: json!({"run": run.parse::<u64>().ok(), "org": org}),
    }])
}

/// Signs in again: access tokens are good for ten minutes.
pub(crate) async fn sign_in(users: &mut [User]) -> Result<()> {
    for (user, name) in users.iter_mut().zip(NAMES) {
        let login = json!({"email": format!("{name}@example.com"), "password": Client::PASSWORD});
        let answer = user.client.post("/api/v1/auth/login", &login).await;
        let token = answer.body["access_token"].as_str();
        user.client.token = Some(
            token
                .with_context(|| format!("no session: {answer:?}"))?
                .to_owned(),
        );
    }
    Ok(())
}

/// What all runs of a scenario share.
pub(crate) struct Load {
    pub(crate) history: Arc<History>,
    pub(crate) users: Arc<Vec<User>>,
    /// The one who sends events.
    pub(crate) integrator: async_nats::jetstream::Context,
    /// `host:port`
    pub(crate) gateway: String,
    pub(crate) seed: u64,
    /// Tells the runs of one scenario from those of others.
    pub(crate) scenario: String,
    pub(crate) first_run: u64,
    pub(crate) rate: u32,
}

impl Load {
    /// Starts runs until `stop`, then waits for those under way, no longer than until `give_up`. Gives the number after
    /// the last run's.
    pub(crate) async fn go(self, stop: CancellationToken, give_up: CancellationToken) -> u64 {
        let load = Arc::new(self);
        let mut number = load.first_run;
        let mut runs = JoinSet::new();
        let mut tick = tokio::time::interval(Duration::from_secs(1) / load.rate);
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                _ = tick.tick() => {}
            }
            runs.spawn(load.clone().run(number, give_up.clone()));
            number += 1;
            while let Some(ended) = runs.try_join_next() {
                load.note(ended);
            }
        }
        while let Some(ended) = runs.join_next().await {
            load.note(ended);
        }
        number
    }

    fn note(&self, ended: Result<(), tokio::task::JoinError>) {
        if let Err(error) = ended {
            let text = format!("the client broke down: {error}");
            self.history.wrong(Violation::new("client", text));
        }
    }

    async fn run(self: Arc<Self>, number: u64, give_up: CancellationToken) {
        let mut random = Random::new(self.seed, number);
        let kind = random.pick(&Kind::ALL);
        let at = usize::from(random.one_in(2));
        let way = random.pick(&[Way::Sse, Way::Socket]);
        let (is_followed, is_repeated) = (random.one_in(3), random.one_in(5));
        let pause = random.millis(0, 600);
        let work = async {
            let user = &self.users[at];
            let execution = self.start(user, kind, number).await?;
            self.history.accepted(Run {
                number,
                kind,
                user: at,
                execution: execution.clone(),
                followed: None,
            });
            if is_repeated && let Some(again) = self.start(user, kind, number).await {
                self.same(number, &execution, &again);
            }
            let act = async {
                tokio::time::sleep(pause).await;
                match kind {
                    Kind::Ask => self.answer(user, number, &execution).await,
                    Kind::Cancel => self.cancel(user, number, &execution).await,
                    Kind::Heard => self.send_event(user, number).await,
                    _ => {}
                }
            };
            let watch = async {
                if is_followed {
                    let frames = follow(&user.client, &self.gateway, &execution, way).await;
                    self.history.followed(number, frames);
                }
            };
            tokio::join!(act, watch);
            Some(())
        };
        tokio::select! {
            _ = work => {}
            () = give_up.cancelled() => {
                let text = "the client still waits for it long after the last fault";
                self.history.wrong(Violation::new("I1", text).of_run(number));
            }
        }
    }

    fn same(&self, number: u64, first: &str, second: &str) {
        if first != second {
            let text = format!("one key began two executions, `{first}` and `{second}`");
            self.history
                .wrong(Violation::new("I2", text).of_run(number));
        }
    }

    /// The execution's id; none when the start was refused for good.
    async fn start(&self, user: &User, kind: Kind, number: u64) -> Option<String> {
        let path = format!("/api/v1/flows/{}/execute", user.flows[&kind]);
        let body = json!({"input": kind.input(number, &user.client.organization)});
        let key = format!("{}-{number}", self.scenario);
        let headers = [("idempotency-key", key.as_str())];
        loop {
            let answer = self
                .ask("start", number, user, &path, &body, &headers)
                .await;
            match answer {
                Some(Answer { status: 202, body }) => {
                    return body["id"].as_str().map(str::to_owned);
                }
                Some(answer) if is_refusal(&answer) => {
                    let text = format!("a valid start was refused: {answer:?}");
                    self.history
                        .wrong(Violation::new("I1", text).of_run(number));
                    return None;
                }
                Some(_) | None => tokio::time::sleep(RETRY).await,
            }
        }
    }

    /// Until the answer is taken; before the question is asked it is refused.
    async fn answer(&self, user: &User, number: u64, execution: &str) {
        let path = format!("/api/v1/executions/{execution}/answers");
        let body = json!({"node": "ask", "port": "approve"});
        while !self.is_done("answer", number, user, &path, &body).await {
            tokio::time::sleep(RETRY).await;
        }
    }

    /// Until the server has it; sent again it is the same event.
    async fn send_event(&self, user: &User, number: u64) {
        let subject = format!("in.{}.event.{EVENT}", user.client.organization);
        let id = format!("{}-{number}", self.scenario);
        loop {
            let message = PublishMessage::build()
                .payload(json!({"run": number}).to_string().into())
                .message_id(&id);
            let sent = self.integrator.send_publish(subject.clone(), message).await;
            if let Ok(stored) = sent
                && timeout(PATIENCE, stored).await.is_ok_and(|ack| ack.is_ok())
            {
                return;
            }
            tokio::time::sleep(RETRY).await;
        }
    }

    async fn cancel(&self, user: &User, number: u64, execution: &str) {
        let path = format!("/api/v1/executions/{execution}/cancel");
        while !self
            .is_done("cancel", number, user, &path, &Value::Null)
            .await
        {
            tokio::time::sleep(RETRY).await;
        }
    }

    async fn is_done(
        &self,
        op: &'static str,
        number: u64,
        user: &User,
        path: &str,
        body: &Value,
    ) -> bool {
        let answer = self.ask(op, number, user, path, body, &[]).await;
        answer.is_some_and(|answer| answer.status == 200)
    }

    async fn ask(
        &self,
        op: &'static str,
        run: u64,
        user: &User,
        path: &str,
        body: &Value,
        headers: &[(&str, &str)],
    ) -> Option<Answer> {
        let text = (!body.is_null()).then(|| body.to_string());
        let invoked = self.history.now();
        let begun = Instant::now();
        let asked = user.client.send(Method::POST, path, text, headers);
        let answer = timeout(PATIENCE, asked).await.ok().and_then(Result::ok);
        let outcome = match &answer {
            Some(answer) if matches!(answer.status, 200 | 202) => Outcome::Ok,
            Some(answer) if is_refusal(answer) => Outcome::Refused,
            Some(_) | None => Outcome::Unknown,
        };
        let id = answer
            .as_ref()
            .and_then(|answer| answer.body["id"].as_str());
        self.history.add(Entry::Request {
            op,
            run,
            invoked,
            answered: invoked + begun.elapsed(),
            outcome,
            status: answer.as_ref().map(|answer| answer.status),
            execution: id.map(str::to_owned),
        });
        answer
    }
}

/// A refusal that says that nothing was done, and would be the same if asked again.
fn is_refusal(answer: &Answer) -> bool {
    (400..500).contains(&answer.status) && !matches!(answer.status, 408 | 429)
}
