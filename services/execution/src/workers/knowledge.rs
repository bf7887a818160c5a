//! Steps that the service of agents answers: searches of knowledge, and what agents recall and remember.

use std::time::Duration;

use bus::{Bus, Call};
use contracts::{
    agent::{Recall, Remember},
    execution::StepError,
    knowledge::SearchBase,
    message::Request,
    work::WorkItem,
};
use serde::Deserialize;
use serde_json::Value;

use super::{config_of, error_of, run_token};

/// What the step's configuration must be.
#[derive(Deserialize)]
#[serde(untagged)]
enum Question {
    Recall { recall: Recall },
    Remember { remember: Remember },
    Search(SearchBase),
}

/// Asks the service of agents in the name of the run's principal.
///
/// # Errors
/// The reason that the service gives.
pub(crate) async fn perform(bus: &Bus, item: &WorkItem) -> Result<Value, StepError> {
    match config_of(item)? {
        Question::Recall { recall } => ask(bus, item, &recall).await,
        Question::Remember { remember } => ask(bus, item, &remember).await,
        Question::Search(search) => ask(bus, item, &search).await,
    }
}

async fn ask<R: Request>(bus: &Bus, item: &WorkItem, request: &R) -> Result<Value, StepError> {
    let token = run_token(bus, item)
        .await
        .map_err(|problem| error_of(&problem))?;
    let call = Call {
        token: Some(&token),
        deadline: Duration::from_millis(item.timeout_ms),
    };
    let answer = bus.call(item.tenant, request, call).await;
    let answer = answer.map_err(|problem| error_of(&problem))?;
    let value = serde_json::to_value(answer).expect("an answer is JSON");
    // Lists are given as lists: a step's output is what it found.
    match value {
        Value::Object(mut fields) if fields.len() == 1 => {
            Ok(fields.remove("items").unwrap_or(Value::Null))
        }
        other => Ok(other),
    }
}
