//! Executes a flow over NATS and follows its events, with nothing but an access token.
//!
//! `NATS_URL=nats://127.0.0.1:4222 TROUPE_TOKEN=<access token> cargo run --example execute_flow -- <flow id> '{"name": "Ada"}'`

use anyhow::{Context, bail};
use async_nats::{Client, ConnectOptions, HeaderMap};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use futures::StreamExt;
use serde_json::{Value, json};

/// A connection in the name of the token's user.
struct Troupe {
    nats: Client,
    token: String,
    organization: String,
}

impl Troupe {
    async fn connect(url: &str, token: String) -> anyhow::Result<Self> {
        // Our user and organization stand in the token; the server checks it, so we need not.
        let payload = token
            .split('.')
            .nth(1)
            .context("`TROUPE_TOKEN` is no access token")?;
        let claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload)?)?;
        let user = claims["sub"]
            .as_str()
            .context("the token names no user")?
            .to_owned();
        let options = ConnectOptions::new()
            .custom_inbox_prefix(format!("_INBOX_{user}"))
            .user_and_password(user, token.clone());
        let organization = claims["tid"]
            .as_str()
            .context("the token names no organization")?
            .to_owned();
        Ok(Self {
            nats: options.connect(url).await?,
            token,
            organization,
        })
    }

    /// `req.<organization>.<service>.<method>`: the reply, or the problem as an error.
    async fn call(&self, name: &str, body: Value) -> anyhow::Result<Value> {
        let mut headers = HeaderMap::new();
        headers.insert("Authorization", format!("Bearer {}", self.token));
        let subject = format!("req.{}.{name}", self.organization);
        let reply = self
            .nats
            .request_with_headers(subject, headers, body.to_string().into())
            .await?;
        let answer: Value = serde_json::from_slice(&reply.payload)?;
        let failed = reply
            .headers
            .is_some_and(|headers| headers.get("Nats-Service-Error-Code").is_some());
        if failed {
            bail!("{name}: {}", answer["detail"]);
        }
        Ok(answer)
    }

    /// Every event once and in order: subscribe first, then read the history whenever a frame tells that there is more.
    async fn follow(&self, execution: &str) -> anyhow::Result<Value> {
        let mut live = self
            .nats
            .subscribe(format!("live.{}.{execution}", self.organization))
            .await?;
        let mut last = 0;
        loop {
            let page = self
                .call(
                    "execution.events",
                    json!({"execution_id": execution, "after": last}),
                )
                .await?;
            for event in page["items"].as_array().into_iter().flatten() {
                last = event["n"].as_u64().unwrap_or(last);
                let kind = event["type"].as_str().unwrap_or_default();
                println!(
                    "{last} {kind} {}",
                    event["node"].as_str().unwrap_or_default()
                );
                if matches!(
                    kind,
                    "execution_succeeded" | "execution_failed" | "execution_cancelled"
                ) {
                    return Ok(event.clone());
                }
            }
            if page["next"].is_null() {
                tokio::time::timeout(std::time::Duration::from_secs(5), live.next())
                    .await
                    .ok();
            }
        }
    }
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let [_, flow, input] = std::env::args()
        .collect::<Vec<_>>()
        .try_into()
        .ok()
        .context("usage: execute_flow <flow id> <input as JSON>")?;
    let url = std::env::var("NATS_URL").unwrap_or_else(|_| "nats://127.0.0.1:4222".to_owned());
    let token = std::env::var("TROUPE_TOKEN").context("`TROUPE_TOKEN` is not set")?;
    let troupe = Troupe::connect(&url, token).await?;
    let input: Value = serde_json::from_str(&input).context("the input is no JSON")?;
    let accepted = troupe
        .call("flow.execute", json!({"flow_id": flow, "input": input}))
        .await?;
    let end = troupe
        .follow(accepted["id"].as_str().context("no execution")?)
        .await?;
    println!("{}", end["output"]);
    if end["type"] == "execution_succeeded" {
        Ok(())
    } else {
        bail!("the execution ended with {}", end["type"])
    }
}
