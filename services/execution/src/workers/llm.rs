//! LLM steps: one question to the LLM gateway, in the name of the run's principal.

use std::time::Duration;

use bus::{Bus, Call};
use contracts::{
    ErrorCode, Problem, Subject,
    execution::StepError,
    live::TokenDelta,
    llm::{Complete, Completion, FinishReason, Message},
    message::StreamMessage,
    owner::Outcome,
    subject::step_token,
    work::WorkItem,
};
use futures::StreamExt;
use serde_json::{Value, json};

use super::{Attempted, error_of, pulse::Pulse, run_token};

/// Asks the model. What the call used counts even where its answer is no good or none came.
pub(crate) async fn perform(bus: &Bus, item: &WorkItem, pulse: &Pulse) -> Attempted {
    let completion = match complete(bus, item, pulse).await {
        Ok(completion) => completion,
        Err(problem) => {
            return Attempted {
                outcome: Outcome::Failed {
                    error: error_of(&problem),
                },
                usage: problem.usage.map(|usage| *usage),
            };
        }
    };
    let outcome = match output_of(item, &completion) {
        Ok(output) => Outcome::Succeeded { output },
        Err(error) => Outcome::Failed { error },
    };
    Attempted {
        outcome,
        usage: Some(completion.usage),
    }
}

async fn complete(bus: &Bus, item: &WorkItem, pulse: &Pulse) -> Result<Completion, Problem> {
    let question = question_of(item)?;
    let token = run_token(bus, item).await?;
    let call = Call {
        token: Some(&token),
        deadline: Duration::from_millis(item.timeout_ms),
    };
    let mut answer = Box::pin(bus.call_stream(item.tenant, &question, call).await?);
    let subject = Subject::tokens(item.tenant, item.execution_id, &step_token(&item.node));
    let mut n = 0;
    while let Some(message) = answer.next().await {
        let chunk = match message? {
            StreamMessage::Done { reply, .. } => return Ok(reply),
            StreamMessage::Chunk { chunk, .. } => chunk,
            StreamMessage::Alive => continue,
        };
        pulse.beat();
        if let Some(text) = chunk.content {
            // Not the chunk's own number: not every chunk has text, and a missing number means a lost piece.
            n += 1;
            let delta = TokenDelta {
                node: item.node.clone(),
                attempt: item.attempt,
                n,
                text,
            };
            if let Err(error) = bus.publish(&subject, &delta).await {
                // Deltas are not kept; the whole text is in the step's output.
                tracing::debug!(%error, "a token delta was not sent");
            }
        }
    }
    let text = "the LLM gateway broke off its answer";
    Err(Problem::new(ErrorCode::Unavailable, text))
}

/// An agent's question is there as it is; a node's is made from its configuration.
fn question_of(item: &WorkItem) -> Result<Complete, Problem> {
    if let Some(question) = item.config.get("question") {
        let question: Complete = serde_json::from_value(question.clone())
            .map_err(|error| Problem::new(ErrorCode::InvalidInput, error.to_string()))?;
        return Ok(Complete {
            flow_id: item.flow_id,
            node: Some(item.node.clone()),
            idempotency_key: Some(item.key.clone()),
            ..question
        });
    }
    let text = |key: &str| match item.config.get(key) {
        None | Some(Value::Null) => None,
        Some(Value::String(text)) => Some(text.clone()),
        // An expression may have another type; a prompt is text all the same.
        Some(value) => Some(value.to_string()),
    };
    let missing = || Problem::new(ErrorCode::InvalidInput, "the node has no prompt");
    let prompt = text("prompt").ok_or_else(missing)?;
    let system = text("system").map(Message::system);
    let response_format = item.config.get("output_schema").map(|schema| {
        json!({"type": "json_schema", "json_schema": {"name": "output", "schema": schema, "strict": true}})
    });
    let max_tokens = item.config.get("max_tokens").and_then(Value::as_u64);
    Ok(Complete {
        model: text("model"),
        route: text("route"),
        messages: system.into_iter().chain([Message::user(prompt)]).collect(),
        response_format,
        temperature: item.config.get("temperature").and_then(Value::as_f64),
        max_tokens: max_tokens.and_then(|n| u32::try_from(n).ok()),
        flow_id: item.flow_id,
        node: Some(item.node.clone()),
        idempotency_key: Some(item.key.clone()),
        ..Complete::default()
    })
}

/// The answer's text, or the object that it must be; to an agent's question the whole answer.
fn output_of(item: &WorkItem, completion: &Completion) -> Result<Value, StepError> {
    if item.config.contains_key("question") {
        return Ok(serde_json::to_value(completion).expect("an answer is JSON"));
    }
    let text = text_of(&completion.message.content);
    let Some(schema) = item.config.get("output_schema") else {
        return Ok(Value::String(text));
    };
    let failed = |reason: &str| {
        let text = format!("the answer does not fit the output schema: {reason}");
        StepError::new("output_schema", text).retryable()
    };
    if completion.finish_reason == FinishReason::Length {
        return Err(failed("it was cut off at the token limit"));
    }
    let value: Value =
        serde_json::from_str(unfenced(&text)).map_err(|_| failed("it is not JSON"))?;
    let validator = jsonschema::validator_for(schema).map_err(|_| {
        // No attempt heals a schema that is none.
        StepError::new(
            "output_schema",
            "the output schema is not a valid JSON Schema",
        )
    })?;
    let wrong = validator
        .iter_errors(&value)
        .next()
        .map(|error| error.instance_path().to_string());
    match wrong {
        None => Ok(value),
        // The path alone: the message would quote the answer.
        Some(path) => Err(failed(&format!("at `{path}`"))),
    }
}

fn text_of(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(parts) => parts
            .iter()
            .filter_map(|part| part["text"].as_str())
            .collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => String::new(),
    }
}

/// Without the Markdown fence that some models put around JSON.
fn unfenced(text: &str) -> &str {
    let text = text.trim();
    let inner = text
        .strip_prefix("```json")
        .or_else(|| text.strip_prefix("```"))
        .and_then(|text| text.strip_suffix("```"));
    inner.unwrap_or(text).trim()
}
