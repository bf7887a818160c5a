//! Headers of requests to the outside, and the secrets among them.
//!
//! **Invariant:** a secret is written for a host of its own alone, and is taken out of what the host answers.

use std::collections::BTreeMap;

use contracts::{id::TenantId, tool::ToolProblem};
use secrecy::ExposeSecret;
use serde_json::Value;

use crate::{
    State,
    domain::{
        secret::{self, Needs, Reference},
        spec::problem,
    },
    error::Error,
    failure::Failure,
    store::OpenSecret,
};

const MAX_HEADERS: usize = 64;
const MAX_NAME: usize = 256;
const MAX_VALUE: usize = 8192;

/// Secrets by name, open.
pub(crate) type Secrets = BTreeMap<String, OpenSecret>;

/// What is wrong with headers that are texts and secrets.
pub(crate) fn problems(headers: &BTreeMap<String, Value>) -> Vec<ToolProblem> {
    let mut problems = Vec::new();
    let mut refuse = |path: &str, text: &str| problems.push(problem(path, "config", text));
    if headers.len() > MAX_HEADERS {
        refuse("/config/headers", "there are at most 64 headers");
    }
    for (name, value) in headers {
        let place = place("headers", name);
        let is_token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
        if name.is_empty() || name.len() > MAX_NAME || !name.chars().all(is_token) {
            refuse(&place, "this is no name of a header");
        }
        match (secret::reference(value), value) {
            (Reference::To(_), _) => {}
            (Reference::None, Value::String(text))
                if text.len() <= MAX_VALUE && !text.contains(char::is_control) => {}
            (Reference::None | Reference::Wrong, _) => {
                refuse(&place, "a value is a text or `{\"$secret\": \"name\"}`");
            }
        }
    }
    problems
}

/// The secrets among headers that all go to this URL's host.
pub(crate) fn needs(url: &str, headers: &BTreeMap<String, Value>) -> Needs {
    let mut needs = Needs {
        places: Vec::new(),
        target: egress::host_and_port(url).ok(),
    };
    for (name, value) in headers {
        if let Reference::To(secret) = secret::reference(value) {
            let place = place("headers", name);
            needs.places.push((place, secret.to_owned()));
        }
    }
    needs
}

/// Those of the named secrets that exist.
///
/// # Errors
/// When the store cannot give them.
pub(crate) async fn open(state: &State, tenant: TenantId, needs: &Needs) -> Result<Secrets, Error> {
    if needs.places.is_empty() {
        return Ok(Secrets::new());
    }
    state.store.open_secrets(tenant, needs.names()).await
}

/// The headers as they are sent to a host and port.
///
/// # Errors
/// `unknown_secret`, `secret_host`.
pub(crate) fn written(
    headers: &BTreeMap<String, Value>,
    secrets: &Secrets,
    target: &(String, u16),
) -> Result<Vec<(String, String)>, Failure> {
    let text_of = |value: &Value| match (secret::reference(value), value) {
        (Reference::To(name), _) => secret_for(name, secrets, target),
        (Reference::None | Reference::Wrong, Value::String(text)) => Ok(text.clone()),
        (Reference::None | Reference::Wrong, other) => Ok(other.to_string()),
    };
    let headers = headers.iter();
    headers
        .map(|(name, value)| Ok((name.clone(), text_of(value)?)))
        .collect()
}

/// A secret's value, for a host and port that it may be sent to.
///
/// # Errors
/// `unknown_secret`, `secret_host`.
pub(super) fn secret_for(
    name: &str,
    secrets: &Secrets,
    target: &(String, u16),
) -> Result<String, Failure> {
    let secret = secrets.get(name).ok_or_else(|| {
        let text = format!("secret `{name}` does not exist");
        Failure::lasting("unknown_secret", text)
    })?;
    if !secret::may_go(&secret.hosts, &target.0, target.1) {
        let text = format!("secret `{name}` may not be sent to `{}`", target.0);
        return Err(Failure::lasting("secret_host", text));
    }
    Ok(secret.value.expose_secret().to_owned())
}

/// Takes the secrets out of an answer, as they are and as a URL would say them.
pub(crate) fn redact(answer: &mut Value, secrets: &Secrets) {
    for secret in secrets.values() {
        let secret = secret.value.expose_secret();
        secret::redact(answer, &[secret, &urlencoding::encode(secret)]);
    }
}

/// A JSON pointer into the tool.
pub(super) fn place(field: &str, name: &str) -> String {
    let name = name.replace('~', "~0").replace('/', "~1");
    format!("/config/{field}/{name}")
}
