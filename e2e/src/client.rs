//! A user of the REST API.

use std::time::Duration;

use reqwest::{Client as Http, Method};
use serde_json::{Value, json};
use testkit::eventually;

use crate::Events;

const REQUEST: Duration = Duration::from_secs(30);

/// An HTTP client with, after [`Client::register`], an access token.
#[derive(Clone)]
pub struct Client {
    http: Http,
    url: String,
    pub token: Option<String>,
    pub organization: String,
    pub user: String,
}

/// Status and JSON body; null where the body is no JSON.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    pub status: u16,
    pub body: Value,
}

impl Client {
    /// Of every user.
    pub const PASSWORD: &str = "correct horse battery";

    /// A client without an account, of the platform at this URL.
    ///
    /// # Panics
    /// When there is no TLS.
    #[must_use]
    #[expect(
        clippy::disallowed_methods,
        reason = "a user outside the platform has a client of their own"
    )]
    pub fn new(url: String) -> Self {
        egress::install_tls();
        let http = Http::builder().timeout(REQUEST).build().expect("a client");
        Self {
            http,
            url,
            token: None,
            organization: String::new(),
            user: String::new(),
        }
    }

    /// Posts, and reads the answer as server-sent events: their names and data.
    ///
    /// # Panics
    /// When it is refused, or broken off.
    pub async fn stream(&self, path: &str, body: &Value) -> Vec<(String, Value)> {
        self.open(path, body).await.rest().await
    }

    /// Posts, and reads the answer as server-sent events while it is made.
    ///
    /// # Panics
    /// When it is refused.
    pub async fn open(&self, path: &str, body: &Value) -> Events {
        let request = self
            .http
            .post(format!("{}{path}", self.url))
            .bearer_auth(self.token.as_deref().unwrap_or_default())
            .header("accept", "text/event-stream")
            .json(body);
        let response = request.send().await.expect("an answer");
        assert_eq!(response.status().as_u16(), 200, "{path}");
        Events::of(response)
    }

    /// The events at a path as they happen; none where it is refused or at its end already.
    ///
    /// # Errors
    /// When no answer comes.
    pub async fn follow(&self, path: &str) -> Result<Option<Events>, reqwest::Error> {
        let request = self
            .http
            .get(format!("{}{path}", self.url))
            .bearer_auth(self.token.as_deref().unwrap_or_default());
        let response = request.send().await?;
        Ok((response.status().as_u16() == 200).then(|| Events::of(response)))
    }

    /// The same user with another token.
    #[must_use]
    pub fn with_token(&self, token: &str) -> Self {
        Self {
            token: Some(token.to_owned()),
            ..self.clone()
        }
    }

    /// # Panics
    /// When registration fails.
    pub async fn register(&mut self, name: &str) {
        let body = json!({"email": format!("{name}@example.com"), "password": Self::PASSWORD, "name": name, "organization": format!("{name}'s")});
        let answer = self.post("/api/v1/auth/register", &body).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        let text = |value: &Value| value.as_str().expect("a text").to_owned();
        self.token = Some(text(&answer.body["access_token"]));
        self.organization = text(&answer.body["organization"]["id"]);
        self.user = text(&answer.body["user"]["id"]);
    }

    /// # Errors
    /// When no answer comes.
    pub async fn get(&self, path: &str) -> Result<Answer, reqwest::Error> {
        self.send(Method::GET, path, None, &[]).await
    }

    /// # Panics
    /// When no answer comes.
    pub async fn read(&self, path: &str) -> Answer {
        self.get(path).await.expect("an answer")
    }

    /// # Panics
    /// When no answer comes.
    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.send(Method::POST, path, Some(body.to_string()), &[])
            .await
            .expect("an answer")
    }

    /// Any request with a JSON body as it is written.
    ///
    /// # Errors
    /// When no answer comes.
    pub async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<String>,
        headers: &[(&str, &str)],
    ) -> Result<Answer, reqwest::Error> {
        let mut request = self.http.request(method, format!("{}{path}", self.url));
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(body) = body {
            request = request
                .header("content-type", "application/json")
                .body(body);
        }
        let response = request.send().await?;
        let status = response.status().as_u16();
        let text = response.text().await?;
        Ok(Answer {
            status,
            body: serde_json::from_str(&text).unwrap_or_default(),
        })
    }

    /// Creates and publishes a flow; its id.
    ///
    /// # Panics
    /// When either is refused.
    pub async fn publish(&self, definition: Value) -> String {
        let created = self
            .post(
                "/api/v1/flows",
                &json!({"name": "A flow", "definition": definition}),
            )
            .await;
        assert_eq!(created.status, 201, "{created:?}");
        let id = created.body["id"].as_str().expect("an id").to_owned();
        let published = self
            .post(&format!("/api/v1/flows/{id}/publish"), &json!({}))
            .await;
        assert_eq!(published.status, 201, "{published:?}");
        id
    }

    /// Starts an execution; its id.
    ///
    /// # Panics
    /// When it is refused.
    pub async fn execute(&self, flow: &str, input: Value) -> String {
        let accepted = self
            .post(
                &format!("/api/v1/flows/{flow}/execute"),
                &json!({"input": input}),
            )
            .await;
        assert_eq!(accepted.status, 202, "{accepted:?}");
        accepted.body["id"].as_str().expect("an id").to_owned()
    }

    /// Waits for the end of an execution.
    ///
    /// # Panics
    /// When it does not end within a minute.
    pub async fn end_of(&self, execution: &str) -> Value {
        eventually(Duration::from_secs(60), async || {
            let answer = self
                .get(&format!("/api/v1/executions/{execution}"))
                .await
                .ok()?;
            let state = answer.body["state"].as_str()?;
            matches!(state, "succeeded" | "failed" | "cancelled").then_some(answer.body.clone())
        })
        .await
    }

    /// The whole history of an execution, checked for gaps.
    ///
    /// # Panics
    /// When a number is missing or comes twice.
    pub async fn events(&self, execution: &str) -> Vec<Value> {
        let mut events: Vec<Value> = Vec::new();
        loop {
            let after = events.len();
            let page = self
                .read(&format!(
                    "/api/v1/executions/{execution}/events?after={after}"
                ))
                .await;
            assert_eq!(page.status, 200, "{page:?}");
            events.extend(
                page.body["items"]
                    .as_array()
                    .expect("items")
                    .iter()
                    .cloned(),
            );
            if page.body["next"].is_null() {
                break;
            }
        }
        let numbers: Vec<_> = events
            .iter()
            .filter_map(|event| event["n"].as_u64())
            .collect();
        assert_eq!(numbers, (1..=events.len() as u64).collect::<Vec<_>>());
        events
    }
}
