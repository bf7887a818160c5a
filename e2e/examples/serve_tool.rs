//! A NATS micro service that answers as a tool on `tool.<organization>.weather`, with nothing but an access token.
//!
//! `NATS_URL=nats://127.0.0.1:4222 TROUPE_TOKEN=<access token of an editor> cargo run --example serve_tool`

use std::collections::HashMap;

use anyhow::{Context, anyhow};
use async_nats::{ConnectOptions, service::ServiceExt};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use futures::StreamExt;
use serde_json::{Value, json};

/// The body is the arguments; a failure is a status and a word.
fn weather(body: &[u8]) -> Result<Value, async_nats::service::error::Error> {
    let arguments: Value = serde_json::from_slice(body).unwrap_or_default();
    let celsius = match arguments["city"].as_str() {
        Some("Rome") => 21.5,
        Some("Oslo") => 4.0,
        _ => {
            return Err(async_nats::service::error::Error {
                code: 404,
                status: "not_found".to_owned(),
            });
        }
    };
    Ok(json!({"city": arguments["city"], "celsius": celsius}))
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
    // The organization's id as the name: by it the platform finds the tools of its own members, and nobody else's.
    let service = nats
        .service_builder()
        .description("Tells the weather of a city.")
        .start(organization, "1.0.0")
        .await
        .map_err(|error| anyhow!("{error}"))?;
    let schema =
        json!({"type": "object", "required": ["city"], "properties": {"city": {"type": "string"}}});
    let subject = format!("tool.{organization}.weather");
    let mut questions = service
        .endpoint_builder()
        .name("weather")
        .metadata(HashMap::from([(
            "input_schema".to_owned(),
            schema.to_string(),
        )]))
        .add(subject.clone())
        .await
        .map_err(|error| anyhow!("{error}"))?;
    nats.flush().await?;
    println!("serving {subject}");
    while let Some(question) = questions.next().await {
        let answer = weather(&question.message.payload);
        question
            .respond(answer.map(|result| result.to_string().into()))
            .await?;
    }
    Ok(())
}
