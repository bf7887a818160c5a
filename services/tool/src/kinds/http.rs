//! One HTTP request, made of templates that see the arguments.
//!
//! **Invariant:** a secret is the whole value of a header or of a query parameter, and goes to a host of its own; what an
//! argument says can be no part of a secret, and cannot leave the part of the URL where it is put.

use std::collections::BTreeMap;

use contracts::tool::ToolProblem;
use egress::Request;
use graph::expression::{self, ARGUMENTS, ExpressionError, Scope};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    State,
    domain::{
        arguments::MAX_BYTES,
        secret::{self, Needs, Reference},
        spec::problem,
    },
    error::Error,
    failure::Failure,
    kinds::{Call, headers, read, stored},
    store::OpenSecret,
};

pub(super) const METHODS: [&str; 6] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"];
const MAX_ENTRIES: usize = 64;
pub(super) const MAX_URL: usize = 8192;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    method: String,
    url: String,
    #[serde(default)]
    headers: BTreeMap<String, Value>,
    #[serde(default)]
    query: BTreeMap<String, Value>,
    #[serde(default)]
    body: Option<Value>,
}

pub(super) fn problems(config: &Value) -> Vec<ToolProblem> {
    let config = match read::<Config>(config) {
        Ok(config) => config,
        Err(problem) => return vec![problem],
    };
    let mut problems = Vec::new();
    let mut refuse = |path: &str, message: String| {
        problems.push(problem(path, "config", message));
    };
    if !METHODS.contains(&config.method.as_str()) {
        let text = "a method is `GET`, `HEAD`, `POST`, `PUT`, `PATCH` or `DELETE`";
        refuse("/config/method", text.to_owned());
    }
    if let Err(reason) = check_url(&config.url) {
        refuse("/config/url", reason);
    }
    for (field, entries) in [("headers", &config.headers), ("query", &config.query)] {
        if entries.len() > MAX_ENTRIES {
            let text = format!("`{field}` has at most {MAX_ENTRIES} entries");
            refuse(&format!("/config/{field}"), text);
        }
        for (name, value) in entries {
            if let Err(reason) = check_entry(name, value) {
                refuse(&headers::place(field, name), reason);
            }
        }
    }
    if let Some(body) = &config.body {
        if secret::names_any(body) {
            let text = "a secret is the whole value of a header or of a query parameter";
            refuse("/config/body", text.to_owned());
        }
        if let Err(error) = expression::check(body, &[ARGUMENTS]) {
            refuse("/config/body", error.to_string());
        }
    }
    problems
}

fn check_url(url: &str) -> Result<(), String> {
    if url.len() > MAX_URL || url.contains('#') {
        return Err("a URL has at most 8 KiB and no `#`".to_owned());
    }
    if url.contains("{{") || url.contains("{%") {
        let template = Value::String(url.to_owned());
        return expression::check(&template, &[ARGUMENTS]).map_err(|error| error.to_string());
    }
    egress::host_and_port(url)
        .map(drop)
        .map_err(|error| error.to_string())
}

fn check_entry(name: &str, value: &Value) -> Result<(), String> {
    if name.is_empty() || name.len() > 256 || name.contains(char::is_control) {
        return Err("a name has 1 to 256 characters".to_owned());
    }
    match (secret::reference(value), value) {
        (Reference::To(_), _) => Ok(()),
        (Reference::Wrong, _) => Err("a secret is `{\"$secret\": \"name\"}`".to_owned()),
        (Reference::None, Value::String(_)) => {
            expression::check(value, &[ARGUMENTS]).map_err(|error| error.to_string())
        }
        (Reference::None, Value::Number(_) | Value::Bool(_)) => Ok(()),
        (Reference::None, _) => {
            Err("a value is a text, a number, true, false or a secret".to_owned())
        }
    }
}

pub(super) fn secrets(config: &Value) -> Needs {
    let Ok(config) = read::<Config>(config) else {
        return Needs::default();
    };
    let mut needs = Needs::default();
    for (field, entries) in [("headers", &config.headers), ("query", &config.query)] {
        for (name, value) in entries {
            if let Reference::To(secret) = secret::reference(value) {
                needs
                    .places
                    .push((headers::place(field, name), secret.to_owned()));
            }
        }
    }
    if !config.url.contains("{{") {
        needs.target = egress::host_and_port(&config.url).ok();
    }
    needs
}

/// # Errors
/// `template`, `unknown_secret`, `secret_host`, and those of [`answer`].
pub(super) async fn run(state: &State, call: &Call<'_>) -> Result<Value, Error> {
    let config: Config = stored(&call.tool.config)?;
    let secrets = headers::open(state, call.tenant, &secrets(&call.tool.config)).await?;
    let (request, body) = request_of(&config, call.arguments, &secrets)?;
    let mut value = answer(state, call, request, body.as_ref()).await?;
    headers::redact(&mut value, &secrets);
    Ok(value)
}

/// The request with its body.
fn request_of(
    config: &Config,
    arguments: &Value,
    secrets: &BTreeMap<String, OpenSecret>,
) -> Result<(Request, Option<Value>), Failure> {
    let scope = Scope::of_arguments(arguments);
    let rendered = |error: ExpressionError| Failure::lasting("template", error.to_string());
    let mut url = expression::render_url(&config.url, &scope).map_err(rendered)?;
    if climbs(&url) {
        let text = "a path with `.` or `..` in it is not sent";
        return Err(Failure::lasting("invalid_url", text));
    }
    let target = egress::host_and_port(&url)?;
    let text_of = |value: &Value| match secret::reference(value) {
        Reference::To(name) => headers::secret_for(name, secrets, &target),
        Reference::Wrong | Reference::None => {
            match expression::render(value, &scope).map_err(rendered)? {
                Value::String(text) => Ok(text),
                other => Ok(other.to_string()),
            }
        }
    };
    for (name, value) in &config.query {
        let value = text_of(value)?;
        url.push(if url.contains('?') { '&' } else { '?' });
        url.push_str(&urlencoding::encode(name));
        url.push('=');
        url.push_str(&urlencoding::encode(&value));
    }
    let mut request = Request::new(&config.method, url);
    request.confidential = !secrets.is_empty();
    for (name, value) in &config.headers {
        request.headers.push((name.clone(), text_of(value)?));
    }
    let body = config.body.as_ref();
    let body = body.map(|body| expression::render(body, &scope));
    Ok((request, body.transpose().map_err(rendered)?))
}

/// Whether the URL's path leads upwards, where an argument could have sent it.
pub(super) fn climbs(url: &str) -> bool {
    let path = url.split(['?', '#']).next().unwrap_or_default();
    path.split(['/', '\\']).any(|part| {
        matches!(
            part.to_ascii_lowercase().as_str(),
            "." | ".." | "%2e" | "%2e%2e" | ".%2e" | "%2e."
        )
    })
}

/// Sends a request: `{status, body}`, the body as JSON where the server says so and it is, else as text.
///
/// # Errors
/// `http_status` for any status but 2xx, also a redirect; what [`egress::Error`] says otherwise.
pub(super) async fn answer(
    state: &State,
    call: &Call<'_>,
    mut request: Request,
    body: Option<&Value>,
) -> Result<Value, Failure> {
    request.timeout = call.timeout;
    request.max_response_bytes = MAX_BYTES;
    if let Some(key) = call.key {
        set_default(&mut request, "Idempotency-Key", key);
    }
    request.body = match body {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::String(text)) => {
            set_default(&mut request, "Content-Type", "text/plain; charset=utf-8");
            text.clone().into_bytes()
        }
        Some(value) => {
            set_default(&mut request, "Content-Type", "application/json");
            value.to_string().into_bytes()
        }
    }
    .into();
    let heard = || call.pulse.beat();
    let response = state.egress.request_heard(request, heard).await?;
    if !(200..300).contains(&response.status) {
        let text = format!("the server answered with status {}", response.status);
        let is_passing = matches!(response.status, 408 | 429) || response.status >= 500;
        return Err(if is_passing {
            Failure::passing("http_status", text)
        } else {
            Failure::lasting("http_status", text)
        });
    }
    let kind = response.header("content-type").filter(|kind| is_json(kind));
    let parsed = kind.and_then(|_| serde_json::from_slice::<Value>(&response.body).ok());
    let text = || Value::String(String::from_utf8_lossy(&response.body).into_owned());
    Ok(json!({"status": response.status, "body": parsed.unwrap_or_else(text)}))
}

/// Sets a header that is not set.
fn set_default(request: &mut Request, name: &str, value: &str) {
    let is_set = |(known, _): &(String, String)| known.eq_ignore_ascii_case(name);
    if !request.headers.iter().any(is_set) {
        request.headers.push((name.to_owned(), value.to_owned()));
    }
}

fn is_json(content_type: &str) -> bool {
    let essence = content_type.split(';').next().unwrap_or_default();
    let essence = essence.trim().to_ascii_lowercase();
    essence == "application/json" || essence.ends_with("+json")
}
