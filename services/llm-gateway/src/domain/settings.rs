//! What a provider's settings must look like, and what may be said of its key.

use contracts::{FieldProblem, llm::ProviderModel, subject::Token};
use poem::http::Uri;

use super::{
    catalog::{REHEARSAL, ROUTE},
    price,
};

/// Models of one provider at most.
const MAX_MODELS: usize = 500;
const MAX_NAME: usize = 200;
const MAX_KEY: usize = 4096;
const MAX_MORE_KEYS: usize = 19;
const MAX_URL: usize = 2048;
/// A shorter key's last characters would tell too much of it.
const HINTED_FROM: usize = 12;

pub(crate) fn check_name(name: &str, problems: &mut Vec<FieldProblem>) {
    if Token::new(name).is_none() {
        problems.push(problem("/name", "1 to 64 letters, digits, `_` or `-`"));
    }
    if name == REHEARSAL {
        problems.push(problem("/name", "`rehearsal` is the built-in provider"));
    }
    if name == ROUTE {
        problems.push(problem(
            "/name",
            "`route` stands before the names of routes",
        ));
    }
}

/// `http` or `https`, a host, a path; no user, query or fragment. Where it may lead is for `egress` to say, at each call.
pub(crate) fn check_base_url(url: &str, problems: &mut Vec<FieldProblem>) {
    if origin(url).is_none() {
        let text = "an `http` or `https` URL without user, query and fragment, for example `https://api.openai.com/v1`";
        problems.push(problem("/base_url", text));
    }
}

/// The form in which a valid URL is stored.
pub(crate) fn base_url(url: &str) -> String {
    url.trim_end_matches('/').to_owned()
}

/// Scheme, host and port of a valid URL: a key given for one origin goes to no other.
pub(crate) fn origin(url: &str) -> Option<String> {
    let plain = url.len() <= MAX_URL && url.bytes().all(|b| b.is_ascii_graphic());
    if !plain || url.contains(['#', '?', '\\']) {
        return None;
    }
    let url: Uri = url.parse().ok()?;
    let (scheme, authority) = (url.scheme_str()?, url.authority()?);
    let port = match (authority.port_u16(), scheme) {
        (Some(port), "http" | "https") => port,
        (None, "http") => 80,
        (None, "https") => 443,
        _ => return None,
    };
    let is_bare = !authority.as_str().contains('@') && !authority.host().is_empty();
    is_bare.then(|| {
        format!(
            "{scheme}://{}:{port}",
            authority.host().to_ascii_lowercase()
        )
    })
}

/// The host of a valid URL, as a credential is bound to it: lowercase, without brackets and without a final dot.
pub(crate) fn host(url: &str) -> Option<String> {
    let url: Uri = url.parse().ok()?;
    let host = url.host()?.trim_start_matches('[').trim_end_matches(']');
    Some(host.trim_end_matches('.').to_ascii_lowercase())
}

/// The first key, and those behind it.
pub(crate) fn check_keys(first: Option<&str>, more: &[String], problems: &mut Vec<FieldProblem>) {
    match first {
        Some(key) => check_key(key, "/api_key", problems),
        None if more.is_empty() => {}
        None => problems.push(problem("/more_api_keys", "stands behind `api_key`")),
    }
    if more.len() > MAX_MORE_KEYS {
        problems.push(problem("/more_api_keys", "at most 19 keys"));
        return;
    }
    for (at, key) in more.iter().enumerate() {
        check_key(key, &format!("/more_api_keys/{at}"), problems);
    }
}

fn check_key(key: &str, path: &str, problems: &mut Vec<FieldProblem>) {
    // What may stand in a header: an invisible character is a slip of the clipboard.
    let valid = (1..=MAX_KEY).contains(&key.len()) && key.bytes().all(|b| b.is_ascii_graphic());
    if !valid {
        let text = "1 to 4096 visible ASCII characters without spaces";
        problems.push(problem(path, text));
    }
}

pub(crate) fn check_models(models: &[ProviderModel], problems: &mut Vec<FieldProblem>) {
    if models.len() > MAX_MODELS {
        problems.push(problem("/models", "at most 500 models"));
        return;
    }
    for (at, model) in models.iter().enumerate() {
        let path = |field: &str| format!("/models/{at}/{field}");
        let is_name = (1..=MAX_NAME).contains(&model.name.len())
            && model.name.bytes().all(|b| b.is_ascii_graphic());
        if !is_name {
            let text = "1 to 200 visible ASCII characters without spaces";
            problems.push(problem(&path("name"), text));
        }
        if models[..at].iter().any(|other| other.name == model.name) {
            problems.push(problem(&path("name"), "this model is there already"));
        }
        let Some(price) = model.price else { continue };
        let amounts = [
            ("price/prompt", Some(price.prompt)),
            ("price/completion", Some(price.completion)),
            ("price/cache_read", price.cache_read),
            ("price/cache_write", price.cache_write),
        ];
        for (field, amount) in amounts {
            let Some(amount) = amount else { continue };
            if let Err(text) = price::check(amount) {
                problems.push(problem(&path(field), text));
            }
        }
    }
}

/// The last four characters of a key that is long enough.
pub(crate) fn hint(key: &str) -> Option<String> {
    let at = key.len().checked_sub(4)?;
    (key.len() >= HINTED_FROM)
        .then(|| key.get(at..))?
        .map(str::to_owned)
}

pub(crate) fn problem(path: &str, message: &str) -> FieldProblem {
    FieldProblem {
        path: path.to_owned(),
        message: message.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use contracts::llm::{ModelKind, Price};

    use super::*;

    fn paths(check: impl FnOnce(&mut Vec<FieldProblem>)) -> Vec<String> {
        let mut problems = Vec::new();
        check(&mut problems);
        problems.into_iter().map(|problem| problem.path).collect()
    }

    #[test]
    fn names_and_keys_are_checked() {
        assert_eq!(paths(|p| check_name("open-ai_1", p)), [""; 0]);
        for name in ["", "a/b", "a b", "rehearsal", "route"] {
            assert_eq!(paths(|p| check_name(name, p)), ["/name"], "{name}");
        }
        for key in ["", "sk-a b", "sk-\r\nx: y", "ключ"] {
            let found = paths(|p| check_keys(Some(key), &[], p));
            assert_eq!(found, ["/api_key"], "{key:?}");
        }
        let more = ["sk-1".to_owned(), "a b".to_owned()];
        let found = paths(|p| check_keys(Some("sk-0"), &more, p));
        assert_eq!(found, ["/more_api_keys/1"]);
        assert_eq!(
            paths(|p| check_keys(None, &more[..1], p)),
            ["/more_api_keys"]
        );
    }

    #[test]
    fn origins_are_read_and_other_urls_refused() {
        let check = |url, expect: &str| assert_eq!(origin(url).as_deref(), Some(expect));
        check("https://API.openai.com/v1", "https://api.openai.com:443");
        check("http://127.0.0.1:8080/v1/", "http://127.0.0.1:8080");
        check("https://[2001:db8::1]", "https://[2001:db8::1]:443");
        for url in [
            "",
            "api.openai.com/v1",
            "ftp://x/",
            "https:///v1",
            "https://user@x/v1",
            "https://user:pw@x/v1",
            "https://x/v1?key=1",
            "https://x/v1#a",
            "https://x\\@y/v1",
            "https://x y/",
            "https://①②/",
            &format!("https://x/{}", "a".repeat(3000)),
        ] {
            assert_eq!(paths(|p| check_base_url(url, p)), ["/base_url"], "{url}");
        }
    }

    #[test]
    fn models_are_checked() {
        let model = |name: &str, prompt: &str| ProviderModel {
            name: name.into(),
            kind: ModelKind::Chat,
            price: Some(Price {
                prompt: prompt.parse().unwrap(),
                completion: prompt.parse().unwrap(),
                ..Price::default()
            }),
        };
        let models = [model("a", "1"), model("a", "-1"), model("b c", "1")];
        assert_eq!(
            paths(|p| check_models(&models, p)),
            [
                "/models/1/name",
                "/models/1/price/prompt",
                "/models/1/price/completion",
                "/models/2/name",
            ]
        );
    }

    #[test]
    fn a_hint_tells_little() {
        assert_eq!(hint("sk-1234567890abcd").as_deref(), Some("abcd"));
        assert_eq!(hint("short"), None);
        assert_eq!(hint(""), None);
    }
}
