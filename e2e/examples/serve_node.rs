//! Does the work of the nodes `custom` with the name `invoice`, with nothing but an access token.
//!
//! `NATS_URL=nats://127.0.0.1:4222 TROUPE_TOKEN=<access token of an editor> cargo run --example serve_node`

use std::collections::HashMap;

use anyhow::Context;
use async_nats::{ConnectOptions, HeaderMap};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use bytes::Bytes;
use futures::StreamExt;
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize)]
struct Question {
    config: Config,
    input: Input,
    idempotency_key: String,
}

#[derive(Deserialize)]
struct Config {
    currency: String,
}

#[derive(Deserialize)]
struct Input {
    amount: f64,
}

/// What was answered to each key: the same question may come again, and is to have one effect and one answer.
type Done = HashMap<String, Value>;

/// The output of the step.
fn work(body: &[u8], done: &mut Done) -> Result<Value, String> {
    let question: Question = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    let amount = question.input.amount;
    if amount <= 0.0 {
        return Err("the amount is not positive".to_owned());
    }
    let number = done.len() + 1;
    let total = format!("{amount:.2} {}", question.config.currency);
    let output = done.entry(question.idempotency_key);
    Ok(output
        .or_insert_with(|| json!({"number": number, "total": total}))
        .clone())
}

/// A failed step: the headers of a NATS micro service, and a problem that says why.
fn failure(detail: &str) -> (HeaderMap, Value) {
    let mut headers = HeaderMap::new();
    headers.insert("Nats-Service-Error-Code", "422");
    headers.insert("Nats-Service-Error", "invalid_input");
    let problem = json!({
        "type": "urn:troupe:problem:invalid_input",
        "title": "the request is not valid",
        "status": 422,
        "code": "invalid_input",
        "reason": "invoice_input",
        "detail": detail,
    });
    (headers, problem)
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let url = std::env::var("NATS_URL").unwrap_or_else(|_| "nats://127.0.0.1:4222".to_owned());
    let token = std::env::var("TROUPE_TOKEN").context("`TROUPE_TOKEN` is not set")?;
    // Our user and organization stand in the token; the server checks it, so we need not.
    let payload = token.split('.').nth(1).context("no access token")?;
    let claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload)?)?;
    let user = claims["sub"].as_str().context("the token names no user")?;
    let organization = claims["tid"].as_str().context("no organization")?;
    let nats = ConnectOptions::new()
        .custom_inbox_prefix(format!("_INBOX_{user}"))
        .user_and_password(user.to_owned(), token.clone())
        .connect(url)
        .await?;
    let subject = format!("node.{organization}.invoice");
    // One queue: of several that serve the name, one gets each question.
    let mut questions = nats
        .queue_subscribe(subject.clone(), "invoice".to_owned())
        .await?;
    nats.flush().await?;
    println!("serving {subject}");
    let mut done = Done::new();
    while let Some(question) = questions.next().await {
        let Some(reply) = question.reply else {
            continue;
        };
        // The flow limits how long we may be silent: whoever takes long publishes here again and again.
        let heartbeat = question.headers.as_ref();
        if let Some(heartbeat) = heartbeat.and_then(|headers| headers.get("Troupe-Heartbeat")) {
            let heartbeat = heartbeat.as_str().to_owned();
            nats.publish(heartbeat, Bytes::new()).await?;
        }
        match work(&question.payload, &mut done) {
            Ok(output) => {
                let body = json!({"output": output}).to_string();
                nats.publish(reply, body.into()).await?;
            }
            Err(detail) => {
                let (headers, problem) = failure(&detail);
                let body = problem.to_string().into();
                nats.publish_with_headers(reply, headers, body).await?;
            }
        }
    }
    Ok(())
}
