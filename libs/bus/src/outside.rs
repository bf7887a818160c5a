//! Asking integrators: services of an organization's own, which are no part of the platform.
//!
//! **Invariant:** what they answer is bounded and never trusted: a text of theirs reaches a [`Problem`] cut and without
//! control characters, and a token never reaches them.

use std::time::Duration;

use async_nats::Message;
use contracts::{
    ErrorCode, Problem, Subject,
    id::TenantId,
    node::{CallNode, MAX_REPLY, NodeReply},
    subject::Token,
};
use serde::de::DeserializeOwned;

use crate::{
    Bus, Call, Heard,
    headers::{SERVICE_ERROR, SERVICE_ERROR_CODE},
    request::encode,
};

/// Characters of an integrator's text that are passed on.
const MAX_TEXT: usize = 1000;

/// One question to an integrator's node.
pub struct NodeCall<'a> {
    pub tenant: TenantId,
    pub name: &'a Token,
    pub question: &'a CallNode,
    pub deadline: Duration,
    /// Called at each sign of life of the node; without, it is asked for none.
    pub heard: Option<Heard<'a>>,
}

impl Bus {
    /// Asks the integrator that serves a node.
    ///
    /// # Errors
    /// What the node answers as its failure; `unavailable` with the reason `node_unavailable` when nobody serves it, `timeout` when it does not answer in
    /// time, `invalid_input` with the reason `node_reply` when the answer is none.
    pub async fn call_node(&self, asked: NodeCall<'_>) -> Result<NodeReply, Problem> {
        let what = format!("the node `{}`", asked.name);
        let mut headers = Call {
            token: None,
            deadline: asked.deadline,
        }
        .headers();
        let (subject, body) = (
            Subject::node(asked.tenant, asked.name),
            encode(asked.question)?,
        );
        let beats = match asked.heard {
            Some(heard) => Some((self.listen(asked.tenant, &mut headers).await?, heard)),
            None => None,
        };
        let sent = self.send_with(&subject, &what, body, headers, asked.deadline);
        let sent = match beats {
            Some((beats, heard)) => beats.during(sent, heard).await,
            None => sent.await,
        };
        let answer = sent.map_err(|problem| match problem.code {
            ErrorCode::Unavailable => problem.with_reason("node_unavailable"),
            _ => problem,
        })?;
        read(&what, "node_reply", &answer)
    }
}

/// An integrator's answer; `reason` is that of the problem when it is none.
fn read<A: DeserializeOwned>(what: &str, reason: &str, answer: &Message) -> Result<A, Problem> {
    let refused = |text: String| {
        let text = format!("the answer of {what} {text}");
        Problem::new(ErrorCode::InvalidInput, text).with_reason(reason)
    };
    if answer.payload.len() > MAX_REPLY {
        return Err(refused(format!("is larger than {MAX_REPLY} bytes")));
    }
    if let Some(problem) = failure(what, answer) {
        return Err(problem);
    }
    serde_json::from_slice(&answer.payload)
        .map_err(|error| refused(format!("cannot be read: {}", short(&error.to_string()))))
}

/// The failure that an answer tells, as a problem or by the headers alone.
fn failure(what: &str, answer: &Message) -> Option<Problem> {
    let headers = answer.headers.as_ref()?;
    let status = headers.get(SERVICE_ERROR_CODE)?;
    let told = serde_json::from_slice::<Problem>(&answer.payload).ok();
    Some(match told {
        // Only what a program may act on is passed on; where it happened, and how, is ours to say.
        Some(told) => Problem {
            reason: told.reason.map(|reason| short(&reason)),
            retry_after_ms: told.retry_after_ms,
            ..Problem::new(told.code, format!("{what}: {}", short(&told.detail)))
        },
        None => {
            let text = headers.get(SERVICE_ERROR).map_or("", |text| text.as_str());
            let code = code_of(status.as_str());
            Problem::new(code, format!("{what}: {}", short(text)))
        }
    })
}

fn code_of(status: &str) -> ErrorCode {
    match status.parse::<u16>() {
        Ok(404) => ErrorCode::NotFound,
        Ok(409) => ErrorCode::Conflict,
        Ok(429) => ErrorCode::RateLimited,
        Ok(408 | 504) => ErrorCode::Timeout,
        Ok(502 | 503) => ErrorCode::Unavailable,
        Ok(400..=499) => ErrorCode::InvalidInput,
        Ok(_) | Err(_) => ErrorCode::Internal,
    }
}

fn short(text: &str) -> String {
    let readable = text.chars().filter(|c| !c.is_control());
    readable.take(MAX_TEXT).collect()
}

#[cfg(test)]
mod tests {
    use async_nats::HeaderMap;
    use serde_json::{Value, json};

    use super::*;

    fn answer(payload: &str, headers: &[(&str, &str)]) -> Message {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(*name, *value);
        }
        Message {
            subject: "x".into(),
            reply: None,
            payload: payload.to_owned().into(),
            headers: (!headers.is_empty()).then_some(map),
            status: None,
            description: None,
            length: payload.len(),
        }
    }

    fn of(payload: &str, headers: &[(&str, &str)]) -> Result<NodeReply, Problem> {
        read("the node `x`", "node_reply", &answer(payload, headers))
    }

    #[test]
    fn an_output_is_read() {
        assert_eq!(of(r#"{"output": 7}"#, &[]).expect("read").output, json!(7));
        let null = of(r#"{"output": null}"#, &[]).expect("read");
        assert_eq!(null.output, Value::Null);
    }

    #[test]
    fn what_is_no_answer_is_refused_by_name() {
        let large = format!(r#"{{"output": "{}"}}"#, "x".repeat(MAX_REPLY));
        for payload in ["", "{}", "7", r#"{"output": 1, "more": 2}"#, &large] {
            let problem = of(payload, &[]).expect_err("no answer");
            assert_eq!(problem.code, ErrorCode::InvalidInput);
            assert_eq!(problem.reason.as_deref(), Some("node_reply"));
            assert!(problem.detail.contains("the node `x`"), "{problem}");
        }
    }

    #[test]
    fn failures_are_told_by_a_problem_or_by_headers() {
        let told = Problem::new(ErrorCode::Conflict, "no\r\nstock").with_reason("stock");
        let told = serde_json::to_string(&told).expect("written");
        let headers = [(SERVICE_ERROR, "no stock"), (SERVICE_ERROR_CODE, "409")];
        let problem = of(&told, &headers).expect_err("failed");
        assert_eq!(problem.detail, "the node `x`: nostock");
        assert_eq!(problem.reason.as_deref(), Some("stock"));
        let problem = of("", &headers).expect_err("failed");
        assert_eq!((problem.code, problem.status), (ErrorCode::Conflict, 409));
        let odd = [(SERVICE_ERROR_CODE, "teapot")];
        let problem = of(r#"{"output": 1}"#, &odd).expect_err("failed");
        assert_eq!(problem.code, ErrorCode::Internal);
    }
}
