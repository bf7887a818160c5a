//! HTTP errors of vendors, read for what they mean.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::provider::fault::{Fault, FaultKind};

/// What the vendor said is shown up to this many characters.
const SHOWN: usize = 500;
/// Shorter texts are too common to be struck out.
const SECRET: usize = 4;
/// A longer pause than this is not a pause.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(24 * 60 * 60);

/// The headers by which vendors say when to come back.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct RetryHeaders<'a> {
    pub(crate) retry_after_ms: Option<&'a str>,
    /// Seconds, or an HTTP date (RFC 9110, section 10.2.3).
    pub(crate) retry_after: Option<&'a str>,
    /// For example `6m0s` (OpenAI).
    pub(crate) reset: Option<&'a str>,
}

/// The fault that a status and a body mean. `key` is scrubbed from what is quoted.
pub(crate) fn fault(provider: &str, status: u16, body: &[u8], key: Option<&str>) -> Fault {
    let body: Value = serde_json::from_slice(body).unwrap_or(Value::Null);
    // Some vendors send the error alone, some in a list of one.
    let error = match &body {
        Value::Array(list) => list.first().unwrap_or(&Value::Null),
        other => other,
    };
    let error = error.get("error").unwrap_or(error);
    let word = |name: &str| error.get(name).and_then(Value::as_str).unwrap_or_default();
    let message = match error {
        Value::String(text) => text.as_str(),
        _ => word("message"),
    };
    let kind = kind(status, word("code"), word("type"), message);
    let mut fault = Fault::new(provider, kind);
    fault.retry_after_ms = delay(error);
    // Answers to bad credentials quote the credential.
    if kind == FaultKind::Auth || message.is_empty() {
        return fault;
    }
    fault.because(scrub(message, key))
}

/// The fault that an error in the midst of a stream means: there the status stands in the body, if anywhere.
pub(crate) fn in_stream(provider: &str, error: &Value, key: Option<&str>) -> Fault {
    let code = error.get("code").and_then(Value::as_u64);
    let status = code.and_then(|code| u16::try_from(code).ok());
    let status = status.filter(|status| (400..600).contains(status));
    let status = status.or_else(|| named(error["type"].as_str().unwrap_or_default()));
    let body = serde_json::json!({"error": error}).to_string();
    fault(provider, status.unwrap_or(500), body.as_bytes(), key)
}

/// The status of an error that only has a name (Anthropic's errors, exceptions of Bedrock).
fn named(kind: &str) -> Option<u16> {
    Some(match kind {
        "overloaded_error" => 529,
        "rate_limit_error" | "throttlingException" => 429,
        "invalid_request_error" | "validationException" => 400,
        "authentication_error" => 401,
        "permission_error" => 403,
        "not_found_error" => 404,
        "timeout_error" => 504,
        "serviceUnavailableException" => 503,
        _ => return None,
    })
}

/// The pause that Google asks for in the body: `{"details": [{"retryDelay": "1s"}]}`.
fn delay(error: &Value) -> Option<u64> {
    let details = error.get("details")?.as_array()?;
    let delay = details
        .iter()
        .find_map(|detail| detail["retryDelay"].as_str());
    delay.and_then(span)
}

fn kind(status: u16, code: &str, kind: &str, message: &str) -> FaultKind {
    let message = message.to_ascii_lowercase();
    let too_long = code == "context_length_exceeded"
        || message.contains("maximum context length")
        || message.contains("prompt is too long")
        || message.contains("exceed context limit")
        || message.contains("exceeds the context window")
        || message.contains("context window exceeds limit")
        || message.contains("input token count")
        || message.contains("input is too long");
    let refused = code == "content_filter" || code == "content_policy_violation";
    let bad_key = code == "invalid_api_key"
        || message.contains("api key not valid")
        || message.contains("api_key_invalid");
    match status {
        400 | 422 if refused => FaultKind::ContentPolicy,
        400 | 413 | 422 if too_long => FaultKind::ContextLength,
        400 if bad_key => FaultKind::Auth,
        401..=403 => FaultKind::Auth,
        404 => FaultKind::ModelNotFound,
        408 | 504 => FaultKind::Slow,
        429 if code == "insufficient_quota" || kind == "insufficient_quota" => {
            FaultKind::InsufficientQuota
        }
        429 => FaultKind::RateLimited,
        400 | 413 | 415 | 422 => FaultKind::Refused(status),
        405..=499 => FaultKind::Refused(400),
        500..=599 => FaultKind::Failed(status),
        _ => FaultKind::Garbage,
    }
}

/// When to come back, in milliseconds.
pub(crate) fn retry_after_ms(headers: RetryHeaders<'_>, now: DateTime<Utc>) -> Option<u64> {
    let after = headers.retry_after;
    let pause = headers
        .retry_after_ms
        .and_then(|text| egress::milliseconds(text, 1.0))
        .or_else(|| after.and_then(|text| egress::retry_after_ms(text, now)))
        .or_else(|| headers.reset.and_then(span));
    let most = u64::try_from(MAX_RETRY_AFTER.as_millis()).unwrap_or(u64::MAX);
    pause.map(|pause| pause.min(most))
}

/// `1s`, `6m0s`, `120ms`, `1h30m`.
fn span(text: &str) -> Option<u64> {
    let (mut rest, mut total) = (text.trim(), 0_u64);
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let unit_end = rest[digits..]
            .find(|c: char| c.is_ascii_digit())
            .map_or(rest.len(), |at| digits + at);
        let unit_ms = match &rest[digits..unit_end] {
            "ms" => 1.0,
            "s" => 1000.0,
            "m" => 60_000.0,
            "h" => 3_600_000.0,
            _ => return None,
        };
        total = total.saturating_add(egress::milliseconds(&rest[..digits], unit_ms)?);
        rest = &rest[unit_end..];
    }
    Some(total)
}

/// What may be shown of a vendor's text: short, one line, without our key.
pub(crate) fn scrub(text: &str, key: Option<&str>) -> String {
    let mut text = text.to_owned();
    // A key may have several parts, each a secret of its own.
    let parts = key.into_iter().flat_map(|key| key.split(':'));
    for part in key
        .into_iter()
        .chain(parts)
        .filter(|part| part.len() >= SECRET)
    {
        text = text.replace(part, "***");
    }
    let plain = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    plain.take(SHOWN).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(status: u16, body: &str, expect: FaultKind) -> Fault {
        let fault = fault("p", status, body.as_bytes(), Some("sk-123456789"));
        assert_eq!(fault.kind, expect);
        assert!(!fault.to_string().contains("sk-1234"), "{fault}");
        fault
    }

    #[test]
    fn every_family_is_told_apart() {
        check(
            400,
            r#"{"error":{"message":"This model's maximum context length is 8192 tokens","code":"context_length_exceeded"}}"#,
            FaultKind::ContextLength,
        );
        check(
            401,
            r#"{"error":{"message":"Incorrect API key provided: sk-1234*****"}}"#,
            FaultKind::Auth,
        );
        check(
            400,
            r#"[{"error":{"code":400,"message":"API key not valid. Please pass a valid API key."}}]"#,
            FaultKind::Auth,
        );
        check(
            400,
            r#"{"error":{"type":"invalid_request_error","message":"input length and `max_tokens` exceed context limit: 190000 + 64000 > 200000"}}"#,
            FaultKind::ContextLength,
        );
        check(402, "{}", FaultKind::Auth);
        check(403, "<html>", FaultKind::Auth);
        check(404, "", FaultKind::ModelNotFound);
        check(413, "{}", FaultKind::Refused(413));
        check(409, "{}", FaultKind::Refused(400));
        check(
            429,
            r#"{"error":{"code":"insufficient_quota","message":"x"}}"#,
            FaultKind::InsufficientQuota,
        );
        check(429, r#"{"error":"slow down"}"#, FaultKind::RateLimited);
        check(503, "", FaultKind::Failed(503));
        check(529, "", FaultKind::Failed(529));
        check(504, "", FaultKind::Slow);
        check(302, "", FaultKind::Garbage);
    }

    #[test]
    fn what_is_quoted_is_short_and_clean() {
        let long = format!("bad\r\nthing with sk-123456789 {}", "x".repeat(10_000));
        let body = serde_json::json!({"error": {"message": long}}).to_string();
        let fault = check(422, &body, FaultKind::Refused(422));
        let detail = fault.detail.unwrap();
        assert!(detail.starts_with("bad  thing with *** x"), "{detail}");
        assert_eq!(detail.chars().count(), SHOWN);
    }

    #[test]
    fn pauses_are_read_in_every_unit() {
        let now = "2026-01-02T03:04:05Z".parse().unwrap();
        let after = |text| RetryHeaders {
            retry_after: Some(text),
            ..RetryHeaders::default()
        };
        let reset = |text| RetryHeaders {
            reset: Some(text),
            ..RetryHeaders::default()
        };
        let check = |headers, expect| assert_eq!(retry_after_ms(headers, now), expect);
        check(after("1"), Some(1000));
        check(after("soon"), None);
        check(reset("6m0s"), Some(360_000));
        check(reset("1h0m1.5s"), Some(3_601_500));
        check(reset("120ms"), Some(120));
        check(reset("120"), None);
        check(
            RetryHeaders {
                retry_after_ms: Some("70"),
                ..after("1")
            },
            Some(70),
        );
        check(RetryHeaders::default(), None);
    }
}
