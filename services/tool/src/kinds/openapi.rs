//! `openapi`: one operation of an imported document.
//!
//! **Invariant:** an argument stands in the part of the request that its parameter names, and cannot leave it.

use contracts::tool::ToolProblem;
use egress::Request;
use serde_json::Value;

use crate::{
    State,
    domain::{
        openapi::{Operation, Parameter, Place},
        secret::Needs,
        spec::problem,
    },
    error::Error,
    failure::Failure,
    kinds::{
        Call, headers,
        http::{MAX_URL, METHODS, answer, climbs},
        read, stored,
    },
};

const MAX_PARAMETERS: usize = 128;

pub(super) fn problems(config: &Value) -> Vec<ToolProblem> {
    let operation = match read::<Operation>(config) {
        Ok(operation) => operation,
        Err(problem) => return vec![problem],
    };
    let mut problems = headers::problems(&operation.headers);
    let mut refuse = |path: &str, message: String| {
        problems.push(problem(path, "config", message));
    };
    if !METHODS.contains(&operation.method.as_str()) {
        let text = "a method is `GET`, `HEAD`, `POST`, `PUT`, `PATCH` or `DELETE`";
        refuse("/config/method", text.to_owned());
    }
    if let Err(reason) = check_url(&operation) {
        refuse("/config/url", reason);
    }
    if operation.parameters.len() > MAX_PARAMETERS {
        refuse(
            "/config/parameters",
            "there are at most 128 parameters".to_owned(),
        );
    }
    problems
}

fn check_url(operation: &Operation) -> Result<(), String> {
    let url = &operation.url;
    if url.len() > MAX_URL || url.contains(['#', '?']) {
        return Err("a URL has at most 8 KiB, no `?` and no `#`".to_owned());
    }
    let host = url.split('/').nth(2).unwrap_or_default();
    if host.contains(['{', '}']) {
        return Err("an argument cannot stand in the host".to_owned());
    }
    let mut plain = url.clone();
    for parameter in &operation.parameters {
        if parameter.place == Place::Path {
            let place = format!("{{{}}}", parameter.name);
            if !plain.contains(&place) {
                return Err(format!("the URL has no place `{place}`"));
            }
            plain = plain.replace(&place, "x");
        }
    }
    if plain.contains(['{', '}']) {
        return Err("a place in the URL has no path parameter".to_owned());
    }
    let target = egress::host_and_port(&plain);
    target.map(drop).map_err(|error| error.to_string())
}

pub(super) fn secrets(config: &Value) -> Needs {
    match read::<Operation>(config) {
        Ok(operation) => headers::needs(&host_of(&operation), &operation.headers),
        Err(_) => Needs::default(),
    }
}

/// The URL up to its path, where no argument can stand.
fn host_of(operation: &Operation) -> String {
    let parts: Vec<_> = operation.url.split('/').take(3).collect();
    parts.join("/") + "/"
}

/// # Errors
/// `argument`, `invalid_url`, `unknown_secret`, `secret_host`, and those of [`answer`].
pub(super) async fn run(state: &State, call: &Call<'_>) -> Result<Value, Error> {
    let operation: Operation = stored(&call.tool.config)?;
    let needs = secrets(&call.tool.config);
    let secrets = headers::open(state, call.tenant, &needs).await?;
    let target = egress::host_and_port(&host_of(&operation)).map_err(Failure::from)?;
    let mut request = request_of(&operation, call.arguments)?;
    request.confidential = !secrets.is_empty();
    let fixed = headers::written(&operation.headers, &secrets, &target)?;
    request.headers.extend(fixed);
    let body = operation.body.as_ref();
    let mut body = body.and_then(|name| call.arguments.get(name)).cloned();
    if let Some(value) = &mut body {
        let kind = ("Content-Type".to_owned(), "application/json".to_owned());
        request.headers.push(kind);
        // A text is JSON here, and would be sent as it is.
        *value = Value::String(value.to_string());
    }
    let mut value = answer(state, call, request, body.as_ref()).await?;
    headers::redact(&mut value, &secrets);
    Ok(value)
}

fn request_of(operation: &Operation, arguments: &Value) -> Result<Request, Failure> {
    let mut url = operation.url.clone();
    let mut headers = Vec::new();
    let mut query = Vec::new();
    for parameter in &operation.parameters {
        let Parameter { argument, name, .. } = parameter;
        let given = arguments.get(argument).filter(|value| !value.is_null());
        let texts = given.map(|value| texts_of(argument, value)).transpose()?;
        match (parameter.place, texts) {
            (Place::Path, None) => {
                let text = format!("argument `{argument}` is part of the URL and must be given");
                return Err(Failure::lasting("argument", text));
            }
            (Place::Query | Place::Header, None) => {}
            (Place::Path, Some(texts)) => {
                url = url.replace(&format!("{{{name}}}"), &encoded(&texts));
            }
            (Place::Header, Some(texts)) => headers.push((name.clone(), texts.join(","))),
            (Place::Query, Some(texts)) if parameter.explode => {
                let pair = |text: &String| format!("{}={}", encode(name), encode(text));
                query.extend(texts.iter().map(pair));
            }
            (Place::Query, Some(texts)) => {
                query.push(format!("{}={}", encode(name), encoded(&texts)));
            }
        }
    }
    if climbs(&url) {
        let text = "a path with `.` or `..` in it is not sent";
        return Err(Failure::lasting("invalid_url", text));
    }
    if !query.is_empty() {
        url = format!("{url}?{}", query.join("&"));
    }
    let mut request = Request::new(&operation.method, url);
    request.headers = headers;
    Ok(request)
}

/// One text, or those of a list.
fn texts_of(argument: &str, value: &Value) -> Result<Vec<String>, Failure> {
    let text_of = |value: &Value| match value {
        Value::String(text) => Ok(text.clone()),
        Value::Number(_) | Value::Bool(_) => Ok(value.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => {
            let text = format!(
                "argument `{argument}` must be a text, a number, true, false or a list of these"
            );
            Err(Failure::lasting("argument", text))
        }
    };
    match value {
        Value::Array(items) => items.iter().map(text_of).collect(),
        one => Ok(vec![text_of(one)?]),
    }
}

fn encoded(texts: &[String]) -> String {
    let texts: Vec<_> = texts.iter().map(|text| encode(text)).collect();
    texts.join(",")
}

fn encode(text: &str) -> String {
    urlencoding::encode(text).into_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn operation() -> Value {
        json!({"method": "GET", "url": "https://api.example.com/v1/pets/{id}", "parameters": [
            {"argument": "id", "name": "id", "in": "path"},
            {"argument": "tag", "name": "tag", "in": "query"},
            {"argument": "sort", "name": "sort", "in": "query", "explode": false},
            {"argument": "trace", "name": "X-Trace", "in": "header"}
        ]})
    }

    #[test]
    fn arguments_stay_in_their_part() {
        let operation: Operation = read(&operation()).unwrap();
        let arguments =
            json!({"id": "a/../b?c", "tag": ["x&y=1", 2], "sort": ["a,b", "c"], "trace": true});
        let request = request_of(&operation, &arguments).unwrap();
        assert_eq!(
            request.url,
            "https://api.example.com/v1/pets/a%2F..%2Fb%3Fc?tag=x%26y%3D1&tag=2&sort=a%2Cb,c"
        );
        assert_eq!(request.headers, [("X-Trace".to_owned(), "true".to_owned())]);
        let least = request_of(&operation, &json!({"id": 7, "tag": null})).unwrap();
        assert_eq!(least.url, "https://api.example.com/v1/pets/7");
        for (arguments, reason) in [
            (json!({}), "argument"),
            (json!({"id": {"a": 1}}), "argument"),
            (json!({"id": ".."}), "invalid_url"),
        ] {
            let failed = request_of(&operation, &arguments).map(|request| request.url);
            assert_eq!(failed.unwrap_err().reason, reason, "{arguments}");
        }
    }

    #[test]
    fn a_url_has_its_places_and_no_others() {
        let check = |change: &dyn Fn(&mut Value), expect: &[&str]| {
            let mut config = operation();
            change(&mut config);
            let paths = problems(&config).into_iter().map(|problem| problem.path);
            assert_eq!(paths.collect::<Vec<_>>(), expect, "{config}");
        };
        check(&|_| {}, &[]);
        for url in [
            "https://{id}.example.com/",
            "https://a.example/",
            "https://a.example/{id}/{x}",
            "ftp://a/{id}",
        ] {
            check(&|config| config["url"] = json!(url), &["/config/url"]);
        }
        check(
            &|config| config["method"] = json!("TRACE"),
            &["/config/method"],
        );
        check(
            &|config| config["headers"] = json!({"a b": "x"}),
            &["/config/headers/a b"],
        );
        check(&|config| config["more"] = json!(1), &["/config"]);
    }
}
