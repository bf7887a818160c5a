//! The routes whose bodies are larger, or whose answers take longer, than those of all others.

use std::time::Duration;

use contracts::{payload::SENT, trigger::MAX_WEBHOOK_BODY};
use poem::{Request, http::Method};

use crate::{api::PREFIX, hooks};

/// A tool or an answer may take ten minutes, and a service keeps a twentieth of the time to say how it ended.
const LONG: Duration = Duration::from_secs(11 * 60);
/// Files take their time on slow lines.
const TRANSFER: Duration = Duration::from_secs(5 * 60);
/// What a form puts around its file.
const FORM: u64 = 64 * 1024;

/// The time that the route has for its answer; none where it has no more than others.
pub(super) fn time(path: &str) -> Option<Duration> {
    let parts = parts(path)?;
    match parts[..] {
        ["tools", _, "invoke"] | ["chat", "sessions", _, "messages" | "regenerate"] | ["mcp"] => {
            Some(LONG)
        }
        ["knowledge", "bases", _, "documents"] | ["chat", "sessions", _, "attachments"] => {
            Some(TRANSFER)
        }
        _ => None,
    }
}

/// How many bytes the body may have: more than `usual` only where a file is sent, or an execution begins, whose input may be as
/// large as one message takes it. Not where a webhook comes in: what a stranger sends goes on before its signature is checked.
pub(super) fn body(request: &Request, usual: usize) -> usize {
    if is_hook(request.uri().path()) {
        return MAX_WEBHOOK_BODY.min(usual);
    }
    let is_json = request
        .content_type()
        .is_none_or(|it| it.starts_with("application/json"));
    let is_post = request.method() == Method::POST;
    let Some(parts) = parts(request.uri().path()).filter(|_| is_post) else {
        return usual;
    };
    match parts[..] {
        ["knowledge", "bases", _, "documents"] | ["chat", "sessions", _, "attachments"]
            if !is_json =>
        {
            usize::try_from(bus::MAX_UPLOAD + FORM).unwrap_or(usual)
        }
        ["flows" | "workflows", _, "execute" | "test"]
        | ["agents" | "crews", _, "run" | "test"] => usual.max(SENT),
        _ => usual,
    }
}

fn is_hook(path: &str) -> bool {
    path.strip_prefix(hooks::PREFIX)
        .is_some_and(|rest| rest.starts_with('/'))
}

fn parts(path: &str) -> Option<Vec<&str>> {
    let rest = path.strip_prefix(PREFIX)?.strip_prefix('/')?;
    Some(rest.split('/').collect())
}
