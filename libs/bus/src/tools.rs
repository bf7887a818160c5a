//! Asking an organization's own micro services: which tools they offer, and one call of one.
//!
//! **Invariant:** a question goes to subjects of one tenant alone, where only users of that tenant may listen.

use std::{collections::BTreeMap, time::Duration};

use async_nats::{HeaderMap, RequestErrorKind, StatusCode};
use bytes::Bytes;
use contracts::{Subject, id::TenantId, subject::Token};
use futures::StreamExt;
use serde::Deserialize;
use tokio::time::{Instant, timeout, timeout_at};

use crate::{
    Bus, Error,
    error::during,
    headers::{HEARTBEAT, SERVICE_ERROR_CODE, TIMEOUT, inject_trace, timeout_header},
};

/// Names the effect of a call, so that a tool can tell a repetition.
const IDEMPOTENCY_KEY: &str = "Idempotency-Key";
/// After an answer, the next one is awaited this long.
const QUIET: Duration = Duration::from_millis(300);
/// Micro services of one organization that are listened to.
const MAX_SERVICES: usize = 1000;

/// One call of a tool.
pub struct ToolCall<'a> {
    pub tenant: TenantId,
    pub name: &'a Token,
    /// The arguments as JSON.
    pub body: Bytes,
    /// Printable ASCII.
    pub key: Option<&'a str>,
    pub timeout: Duration,
    /// Where the tool may say that it goes on, [`crate::heartbeat_in`] the caller's own question.
    pub heartbeat: Option<&'a Subject>,
}

/// Why a tool gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum ToolError {
    #[error("nobody answers as tool `{0}`")]
    NoResponder(String),
    #[error("tool `{0}` did not answer in time")]
    Timeout(String),
    /// The status is the service's own, as NATS micro services number errors.
    #[error("tool `{name}` answered with error `{status}`")]
    Refused { name: String, status: u16 },
    #[error(transparent)]
    Bus(#[from] Error),
}

/// What a micro service says about one of its endpoints.
#[derive(Clone, Debug, Deserialize)]
pub struct MicroEndpoint {
    pub subject: String,
    #[serde(default)]
    pub metadata: Option<BTreeMap<String, String>>,
    /// The description of its service.
    #[serde(skip)]
    pub description: String,
}

#[derive(Deserialize)]
struct Info {
    #[serde(default)]
    description: String,
    #[serde(default)]
    endpoints: Vec<MicroEndpoint>,
}

impl Bus {
    /// Calls a tool and gives its answer as it is.
    ///
    /// # Errors
    /// [`ToolError`].
    pub async fn call_tool(&self, call: ToolCall<'_>) -> Result<Bytes, ToolError> {
        let name = || call.name.to_string();
        let mut headers = HeaderMap::new();
        headers.insert(TIMEOUT, timeout_header(call.timeout));
        if let Some(key) = call.key {
            headers.insert(IDEMPOTENCY_KEY, key);
        }
        if let Some(heartbeat) = call.heartbeat {
            headers.insert(HEARTBEAT, heartbeat.as_str());
        }
        inject_trace(&mut headers);
        let subject = Subject::tool(call.tenant, call.name).to_string();
        let asked = self
            .client
            .request_with_headers(subject, headers, call.body);
        let message = match timeout(call.timeout, asked).await {
            Err(_) => return Err(ToolError::Timeout(name())),
            Ok(Err(error)) => {
                return Err(match error.kind() {
                    RequestErrorKind::NoResponders => ToolError::NoResponder(name()),
                    RequestErrorKind::TimedOut => ToolError::Timeout(name()),
                    RequestErrorKind::InvalidSubject
                    | RequestErrorKind::MaxPayloadExceeded
                    | RequestErrorKind::Other => ToolError::Bus(during("ask a tool")(error)),
                });
            }
            Ok(Ok(message)) => message,
        };
        let status = message
            .headers
            .as_ref()
            .and_then(|headers| headers.get(SERVICE_ERROR_CODE));
        match status {
            None => Ok(message.payload),
            // A status that is no number is an error all the same.
            Some(status) => Err(ToolError::Refused {
                name: name(),
                status: status.as_str().parse().unwrap_or(500),
            }),
        }
    }

    /// The endpoints of the micro services that bear the organization's id as their name. `wait` bounds the whole of it.
    ///
    /// # Errors
    /// When the question cannot be sent.
    pub async fn micro_endpoints(
        &self,
        tenant: TenantId,
        wait: Duration,
    ) -> Result<Vec<MicroEndpoint>, Error> {
        let until = Instant::now() + wait;
        let inbox = self.client.new_inbox();
        let answers = self.client.subscribe(inbox.clone()).await;
        let mut answers = answers.map_err(during("await the answers of micro services"))?;
        let subject = Subject::tool_info(tenant).to_string();
        self.client
            .publish_with_reply(subject, inbox, Bytes::new())
            .await
            .map_err(during("ask micro services"))?;
        let mut found = Vec::new();
        let mut next_by = until;
        for _ in 0..MAX_SERVICES {
            let Ok(Some(message)) = timeout_at(next_by.min(until), answers.next()).await else {
                break;
            };
            if message.status == Some(StatusCode::NO_RESPONDERS) {
                break;
            }
            next_by = Instant::now() + QUIET;
            // Whatever says something else is no micro service.
            let Ok(info) = serde_json::from_slice::<Info>(&message.payload) else {
                continue;
            };
            let described = |mut endpoint: MicroEndpoint| {
                endpoint.description.clone_from(&info.description);
                endpoint
            };
            found.extend(info.endpoints.into_iter().map(described));
        }
        Ok(found)
    }
}
