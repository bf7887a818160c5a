//! What a request says: the URL with its query, and the body in one of its forms.

use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use contracts::execution::StepError;
use serde_json::{Map, Value};

/// A body, and what it is where the flow does not say so.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Body {
    pub(super) bytes: Bytes,
    pub(super) content_type: Option<&'static str>,
}

/// The URL with parameters added to those it has, before its fragment.
pub(super) fn with_query(url: &str, query: Option<&Map<String, Value>>) -> String {
    let Some(query) = query.filter(|query| !query.is_empty()) else {
        return url.to_owned();
    };
    let (address, fragment) = match url.split_once('#') {
        Some((address, fragment)) => (address, Some(fragment)),
        None => (url, None),
    };
    let separator = match address.split_once('?') {
        None => "?",
        Some((_, present)) if present.is_empty() || present.ends_with('&') => "",
        Some(_) => "&",
    };
    let mut whole = format!("{address}{separator}{}", pairs(query, &percent_encoded));
    if let Some(fragment) = fragment {
        whole.push('#');
        whole.push_str(fragment);
    }
    whole
}

/// # Errors
/// `config` where it is not exactly one of the forms there are.
pub(super) fn body_of(body: Option<&Value>) -> Result<Body, StepError> {
    let refused = |text: String| Err(StepError::new("config", text));
    let body = match body {
        None | Some(Value::Null) => return Ok(Body::default()),
        Some(body) => body,
    };
    let mut forms = body.as_object().into_iter().flatten();
    let (Some((form, value)), None) = (forms.next(), forms.next()) else {
        return refused("`body` must have exactly one field".to_owned());
    };
    let (bytes, content_type) = match (form.as_str(), value) {
        ("json", value) => (value.to_string().into(), JSON),
        ("text", Value::String(text)) => (text.clone().into(), TEXT),
        ("form", Value::Object(fields)) => (pairs(fields, &form_encoded).into(), FORM),
        ("base64", Value::String(text)) => match BASE64_STANDARD.decode(text) {
            Ok(bytes) => (bytes.into(), BYTES),
            Err(error) => return refused(format!("`body.base64` is not Base64: {error}")),
        },
        ("value", Value::Null) => return Ok(Body::default()),
        ("value", Value::String(text)) => (text.clone().into(), TEXT),
        ("value", value) => (value.to_string().into(), JSON),
        ("text" | "form" | "base64", _) => {
            return refused(format!("`body.{form}` has the wrong type"));
        }
        _ => return refused("`body` has a field that is not known".to_owned()),
    };
    Ok(Body {
        bytes,
        content_type: Some(content_type),
    })
}

const JSON: &str = "application/json";
const TEXT: &str = "text/plain; charset=utf-8";
const FORM: &str = "application/x-www-form-urlencoded";
const BYTES: &str = "application/octet-stream";

fn pairs(fields: &Map<String, Value>, encoded: &dyn Fn(&str) -> String) -> String {
    let pair = |(name, value): (&String, &Value)| {
        let value = match value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        format!("{}={}", encoded(name), encoded(&value))
    };
    fields.iter().map(pair).collect::<Vec<_>>().join("&")
}

/// RFC 3986: all but letters, digits and `-._~`.
fn percent_encoded(text: &str) -> String {
    urlencoding::encode(text).into_owned()
}

/// As browsers send forms (WHATWG URL, section 5.2), but that `*` is encoded and `~` is not: every server reads both.
fn form_encoded(text: &str) -> String {
    urlencoding::encode(text).replace("%20", "+")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn parameters_are_added_to_those_of_the_url() {
        let check = |url: &str, query: Value, expect: &str| {
            assert_eq!(with_query(url, query.as_object()), expect);
        };
        let query = json!({"a b": "c&d=e", "ü": "1/2?#+~"});
        let encoded = "a%20b=c%26d%3De&%C3%BC=1%2F2%3F%23%2B~";
        for (url, before) in [
            ("https://x.test", "https://x.test?"),
            ("https://x.test/p?", "https://x.test/p?"),
            ("https://x.test/p?k=v", "https://x.test/p?k=v&"),
            ("https://x.test/p?k=v&", "https://x.test/p?k=v&"),
        ] {
            check(url, query.clone(), &format!("{before}{encoded}"));
            check(
                &format!("{url}#part?"),
                query.clone(),
                &format!("{before}{encoded}#part?"),
            );
        }
        check("https://x.test/?a b", json!({}), "https://x.test/?a b");
        check("https://x.test/?a b", json!(null), "https://x.test/?a b");
    }

    #[test]
    fn each_form_has_its_bytes_and_its_type() {
        let check = |body: Value, bytes: &[u8], content_type: Option<&str>| {
            let made = body_of(Some(&body)).unwrap();
            assert_eq!(
                (&made.bytes[..], made.content_type),
                (bytes, content_type),
                "{body}"
            );
        };
        check(
            json!({"json": {"b": 1, "a": "ä"}}),
            "{\"a\":\"ä\",\"b\":1}".as_bytes(),
            Some(JSON),
        );
        check(json!({"json": "x"}), b"\"x\"", Some(JSON));
        check(json!({"json": null}), b"null", Some(JSON));
        check(json!({"text": "a\nb"}), b"a\nb", Some(TEXT));
        check(
            json!({"form": {"a b": "c+d&e", "z": "ü~*"}}),
            b"a+b=c%2Bd%26e&z=%C3%BC~%2A",
            Some(FORM),
        );
        check(json!({"form": {}}), b"", Some(FORM));
        check(
            json!({"base64": "AP/+gA=="}),
            b"\x00\xff\xfe\x80",
            Some(BYTES),
        );
        check(json!({"value": "x"}), b"x", Some(TEXT));
        check(json!({"value": [1]}), b"[1]", Some(JSON));
        check(json!({"value": null}), b"", None);
        check(json!(null), b"", None);
        assert_eq!(body_of(None), Ok(Body::default()));
    }

    #[test]
    fn what_is_no_body_is_refused_without_its_text() {
        let check = |body: Value, expect: &str| {
            let error = body_of(Some(&body)).unwrap_err();
            assert_eq!(error.code, "config");
            assert!(
                error.message.starts_with(expect) && !error.message.contains("secret"),
                "{}",
                error.message
            );
        };
        check(json!("secret"), "`body` must have exactly one");
        check(json!({}), "`body` must have exactly one");
        check(
            json!({"json": 1, "text": "secret"}),
            "`body` must have exactly one",
        );
        check(json!({"secret": 1}), "`body` has a field");
        check(
            json!({"form": ["secret"]}),
            "`body.form` has the wrong type",
        );
        check(json!({"base64": "secret!"}), "`body.base64` is not Base64");
    }
}
