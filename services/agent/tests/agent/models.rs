//! What the service asks: an `llm` whose vectors say which words a text has, and an `auth` that gives run tokens.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

use contracts::{
    ErrorCode, Principal, Problem, Role,
    auth::{RunToken, RunTokenReply},
    execution::Usage,
    id::CallId,
    llm::{Embed, Embeddings},
};
use kernel::{Ctx, Running, Runtime, Service};
use tokio::sync::Semaphore;

/// Questions that are answered before one is held, in tests that hold none.
const PLENTY: usize = 1_000_000;

/// What was asked, and what is answered.
pub(crate) struct Models {
    asked: Mutex<Vec<(Principal, Embed)>>,
    failures: Mutex<VecDeque<Problem>>,
    answers: Semaphore,
}

impl Models {
    /// Starts both services.
    pub(crate) async fn start(runtime: &Runtime) -> (Arc<Self>, [Running; 2]) {
        let models = Arc::new(Self {
            asked: Mutex::default(),
            failures: Mutex::default(),
            answers: Semaphore::new(PLENTY),
        });
        let llm = Service::new("llm", models.clone()).on(embed).start(runtime);
        let auth = Service::new("auth", ()).on(run_token).start(runtime);
        (models, [llm.await.unwrap(), auth.await.unwrap()])
    }

    pub(crate) fn asked(&self) -> Vec<(Principal, Embed)> {
        self.asked.lock().unwrap().clone()
    }

    /// The next questions fail.
    pub(crate) fn fail(&self, problems: impl IntoIterator<Item = Problem>) {
        self.failures.lock().unwrap().extend(problems);
    }

    /// From now on questions wait.
    pub(crate) fn hold(&self) {
        self.answers.forget_permits(PLENTY);
    }

    /// So many of those that wait, or come, are answered.
    pub(crate) fn let_go(&self, count: usize) {
        self.answers.add_permits(count);
    }
}

async fn embed(ctx: Ctx<Arc<Models>>, request: Embed) -> Result<Embeddings, Problem> {
    let models = &*ctx.state;
    let asked = (ctx.principal().clone(), request.clone());
    models.asked.lock().unwrap().push(asked);
    models.answers.acquire().await.unwrap().forget();
    if let Some(problem) = models.failures.lock().unwrap().pop_front() {
        return Err(problem);
    }
    let model = request.model.as_deref().unwrap_or("fake/one");
    let dimensions = match model {
        "fake/one" => 64,
        "fake/two" => 48,
        other => {
            let text = format!("model `{other}` does not exist");
            return Err(Problem::new(ErrorCode::NotFound, text).with_reason("model_not_found"));
        }
    };
    Ok(Embeddings {
        id: CallId::generate(),
        provider: "fake".to_owned(),
        model: model.trim_start_matches("fake/").to_owned(),
        dimensions,
        embeddings: request
            .input
            .iter()
            .map(|text| vector(text, dimensions))
            .collect(),
        usage: Usage::ZERO,
        rehearsal: false,
    })
}

/// Words that begin alike mean the same here: `holiday` and `holidays` are one, as no search by words has it.
fn vector(text: &str, dimensions: u32) -> Vec<f32> {
    let mut vector = vec![0.01; usize::try_from(dimensions).unwrap()];
    let words = text.split(|c: char| !c.is_alphanumeric());
    for word in words.filter(|word| word.len() > 3) {
        let start: String = word.to_lowercase().chars().take(5).collect();
        let at = start.bytes().fold(7_usize, |n, b| n * 31 + usize::from(b));
        let length = vector.len();
        vector[at % length] += 1.0;
    }
    vector
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
