//! Secrets: their names, and the hosts they may be sent to.

use std::collections::{BTreeMap, BTreeSet};

use contracts::{
    FieldProblem,
    subject::Token,
    tool::{SetSecret, ToolProblem},
};
use serde_json::Value;

use crate::{domain::spec::problem, error::Error};

const MAX_VALUE: usize = 16_384;
const MAX_HOSTS: usize = 20;
const REFERENCE: &str = "$secret";

/// The hosts of a secret in the form in which they are compared.
///
/// # Errors
/// [`Error::InvalidSecret`] with all that is wrong.
pub(crate) fn check(request: &SetSecret) -> Result<Vec<String>, Error> {
    let mut problems = Vec::new();
    let mut refuse = |path: String, message: &str| {
        let message = message.to_owned();
        problems.push(FieldProblem { path, message });
    };
    if Token::new(&request.name).is_none() {
        let text = "a name has 1 to 64 letters, digits, `_` or `-`";
        refuse("/name".to_owned(), text);
    }
    let length = request.value.chars().count();
    if !(1..=MAX_VALUE).contains(&length) || request.value.contains(char::is_control) {
        let text = "a value has 1 to 16,384 characters, none of them a control character";
        refuse("/value".to_owned(), text);
    }
    if !(1..=MAX_HOSTS).contains(&request.hosts.len()) {
        refuse("/hosts".to_owned(), "a secret has 1 to 20 hosts");
    }
    let mut hosts = BTreeSet::new();
    for (n, text) in request.hosts.iter().take(MAX_HOSTS).enumerate() {
        match host(text) {
            Some(host) => drop(hosts.insert(host)),
            None => refuse(format!("/hosts/{n}"), "expected `host` or `host:port`"),
        }
    }
    if problems.is_empty() {
        Ok(hosts.into_iter().collect())
    } else {
        Err(Error::InvalidSecret(problems))
    }
}

/// `host` or `host:port`, as it is compared.
fn host(text: &str) -> Option<String> {
    let is_plain = |c: char| c.is_alphanumeric() || ".-_[]:".contains(c);
    if text.len() > 300 || !text.chars().all(is_plain) {
        return None;
    }
    let (host, port) = egress::host_and_port(&format!("https://{text}/")).ok()?;
    let has_port = text
        .rsplit_once(':')
        .is_some_and(|(before, _)| !before.contains(':') || before.ends_with(']'));
    Some(if has_port {
        with_port(&host, port)
    } else {
        host
    })
}

fn with_port(host: &str, port: u16) -> String {
    if host.contains(':') {
        format!("[{host}]:{port}")
    } else {
        format!("{host}:{port}")
    }
}

/// Whether a secret with these hosts may be sent there.
pub(crate) fn may_go(hosts: &[String], host: &str, port: u16) -> bool {
    let exact = with_port(host, port);
    hosts.iter().any(|known| known == host || *known == exact)
}

/// What a value says about secrets.
pub(crate) enum Reference<'a> {
    /// `{"$secret": "name"}`.
    To(&'a str),
    /// It wants to be one and is not.
    Wrong,
    None,
}

pub(crate) fn reference(value: &Value) -> Reference<'_> {
    let Some(object) = value.as_object() else {
        return Reference::None;
    };
    match object.get(REFERENCE) {
        None => Reference::None,
        Some(Value::String(name)) if object.len() == 1 && Token::new(name).is_some() => {
            Reference::To(name)
        }
        Some(_) => Reference::Wrong,
    }
}

/// Whether a value names a secret anywhere.
pub(crate) fn names_any(value: &Value) -> bool {
    match value {
        Value::Object(object) => object.contains_key(REFERENCE) || object.values().any(names_any),
        Value::Array(items) => items.iter().any(names_any),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

/// The secrets a tool names.
#[derive(Debug, Default)]
pub(crate) struct Needs {
    /// Where each stands, as a JSON pointer into the tool, and its name.
    pub(crate) places: Vec<(String, String)>,
    /// Where the tool sends them, if that does not depend on its arguments.
    pub(crate) target: Option<(String, u16)>,
}

impl Needs {
    pub(crate) fn names(&self) -> BTreeSet<&str> {
        self.places.iter().map(|(_, name)| name.as_str()).collect()
    }

    /// What is wrong with them, given the hosts of those that exist.
    pub(crate) fn problems(&self, hosts: &BTreeMap<String, Vec<String>>) -> Vec<ToolProblem> {
        let mut problems = Vec::new();
        for (path, name) in &self.places {
            match (hosts.get(name), &self.target) {
                (None, _) => {
                    let text = format!("secret `{name}` does not exist");
                    problems.push(problem(path, "unknown_secret", text));
                }
                (Some(hosts), Some((host, port))) if !may_go(hosts, host, *port) => {
                    let text = format!("secret `{name}` may not be sent to `{host}`");
                    problems.push(problem(path, "secret_host", text));
                }
                (Some(_), _) => {}
            }
        }
        problems
    }
}

/// Puts `[secret]` where an answer says one of these values back.
pub(crate) fn redact(value: &mut Value, secrets: &[&str]) {
    match value {
        Value::String(text) => {
            for secret in secrets {
                if text.contains(secret) {
                    *text = text.replace(secret, "[secret]");
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| redact(item, secrets)),
        Value::Object(object) => {
            let entries = std::mem::take(object).into_iter();
            *object = entries
                .map(|(key, mut item)| {
                    redact(&mut item, secrets);
                    let mut key = Value::String(key);
                    redact(&mut key, secrets);
                    (key.as_str().unwrap_or_default().to_owned(), item)
                })
                .collect();
        }
        Value::Number(number) => {
            let text = number.to_string();
            if secrets.iter().any(|secret| text.contains(secret)) {
                *value = Value::String("[secret]".to_owned());
            }
        }
        Value::Null | Value::Bool(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn hosts_are_read_and_other_texts_refused() {
        for (text, expect) in [
            ("API.example.com.", Some("api.example.com")),
            ("api.example.com:8443", Some("api.example.com:8443")),
            ("api.example.com:443", Some("api.example.com:443")),
            ("127.0.0.1:80", Some("127.0.0.1:80")),
            ("[::1]", Some("::1")),
            ("[::1]:99", Some("[::1]:99")),
            ("", None),
            ("*.example.com", None),
            ("https://example.com", None),
            ("example.com/x", None),
            ("user@example.com", None),
            ("a b", None),
            ("example.com:99999", None),
            ("::1", None),
        ] {
            assert_eq!(host(text).as_deref(), expect, "{text}");
        }
    }

    #[test]
    fn a_secret_goes_to_its_hosts_alone() {
        let hosts = ["a.example".to_owned(), "b.example:8443".to_owned()];
        assert!(may_go(&hosts, "a.example", 443) && may_go(&hosts, "a.example", 8080));
        assert!(may_go(&hosts, "b.example", 8443) && !may_go(&hosts, "b.example", 443));
        assert!(!may_go(&hosts, "x.a.example", 443) && !may_go(&hosts, "a.example.evil", 443));
    }

    #[test]
    fn answers_lose_what_they_say_back() {
        let mut value = json!({"a": ["x-s3cret-y", 1, {"s3cret": null}], "n": 42});
        redact(&mut value, &["s3cret", "42"]);
        assert_eq!(
            value,
            json!({"a": ["x-[secret]-y", 1, {"[secret]": null}], "n": "[secret]"})
        );
    }

    #[test]
    fn a_secret_has_a_name_a_value_and_hosts() {
        let request = SetSecret {
            name: "a b".into(),
            value: "x\ny".into(),
            hosts: vec!["good.example".into(), "bad/".into()],
        };
        let Err(Error::InvalidSecret(problems)) = check(&request) else {
            panic!("accepted")
        };
        let paths: Vec<_> = problems.iter().map(|field| field.path.as_str()).collect();
        assert_eq!(paths, ["/name", "/value", "/hosts/1"]);
    }
}
