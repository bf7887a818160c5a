//! Lets integrators into NATS: whoever brings an access token as password gets the subjects of their organization.
//!
//! **Invariant:** whatever goes wrong, the client stays outside.

use std::sync::Arc;

use bus::{Incoming, server_config::ACCOUNT};
use chrono::Utc;
use contracts::{Subject, principal::Claims};
use futures::StreamExt;
use kernel::TaskCtx;
use nkeys::KeyPair;
use tokio::task::JoinSet;

use crate::{
    State,
    domain::callout::{Question, Signer},
};

/// Questions answered at the same time; further ones wait in the subscription.
const AT_ONCE: usize = 64;

pub(crate) async fn run(tasks: TaskCtx<State>) {
    if tasks.state.issuer.is_none() {
        tasks.stop.cancelled().await;
        return;
    }
    let mut questions = match tasks
        .bus
        .subscribe(&Subject::auth_callout(), Some("auth"))
        .await
    {
        Ok(questions) => questions,
        Err(error) => {
            tracing::error!(%error, "NATS lets no integrator in: its questions cannot be received");
            return;
        }
    };
    let tasks = Arc::new(tasks);
    let mut answers = JoinSet::new();
    loop {
        tokio::select! {
            () = tasks.stop.cancelled() => break,
            Some(_) = answers.join_next() => {}
            question = questions.next(), if answers.len() < AT_ONCE => match question {
                Some(question) => { answers.spawn(answer(tasks.clone(), question)); }
                None => break,
            },
        }
    }
    answers.join_all().await;
}

async fn answer(tasks: Arc<TaskCtx<State>>, incoming: Incoming) {
    let Some(issuer) = &tasks.state.issuer else {
        return;
    };
    let question = match std::str::from_utf8(incoming.payload()).map(Question::parse) {
        Ok(Ok(question)) => question,
        Ok(Err(error)) => {
            return tracing::warn!(%error, "a question about a NATS client cannot be read");
        }
        Err(_) => return tracing::warn!("a question about a NATS client is no text"),
    };
    let Some(answer) = judge(&tasks.state, issuer, &question).await else {
        return;
    };
    if let Err(error) = tasks.bus.reply_bytes(&incoming, answer.into()).await {
        tracing::warn!(%error, "an answer about a NATS client could not be sent");
    }
}

/// The signed answer; none where it cannot be signed.
async fn judge(state: &State, issuer: &KeyPair, question: &Question) -> Option<String> {
    let jti = uuid::Uuid::now_v7().simple().to_string();
    let signer = Signer {
        issuer,
        account: ACCOUNT,
        now: Utc::now().timestamp(),
        jti: &jti,
    };
    let refusal = match question.password.as_deref() {
        None => "an access token is needed as password".to_owned(),
        Some(token) => match state.verifier.claims(token).await {
            Ok(claims) if claims.exec.is_some() => {
                "the token of a run opens no connection".to_owned()
            }
            Ok(claims) if !question.names(&claims.principal()) => {
                "the user name is not the token's user".to_owned()
            }
            Ok(claims) if !remember(state, &claims, question) => {
                "the access token has been revoked".to_owned()
            }
            Ok(claims) => {
                tracing::info!(user.id = %claims.sub, tenant.id = %claims.tid, "an integrator has connected to NATS");
                return signed(signer.let_in(question, &claims));
            }
            Err(problem) => problem.detail,
        },
    };
    tracing::info!(reason = refusal, "a NATS client was kept out");
    signed(signer.keep_out(question, &refusal))
}

/// False where the token was revoked while it was looked at.
fn remember(state: &State, claims: &Claims, question: &Question) -> bool {
    let mut connections = state
        .connections
        .lock()
        .expect("no one panics with this lock");
    connections.admit(claims, &question.connection)
}

fn signed(answer: Result<String, nkeys::error::Error>) -> Option<String> {
    answer
        .inspect_err(
            |error| tracing::error!(%error, "an answer to the NATS server cannot be signed"),
        )
        .ok()
}
