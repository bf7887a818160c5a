//! The body of a chat-completions request, read into our question.
//!
//! **Invariant:** a field that we do not know is kept for the provider, which takes or refuses it.

use contracts::llm::Complete;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::failure::Failure;

/// A question and how its answer is wanted.
#[derive(Debug)]
pub(super) struct Wanted {
    pub(super) ask: Complete,
    pub(super) streamed: bool,
    /// Whether the stream ends with a chunk that has the usage.
    pub(super) with_usage: bool,
    /// What the answer says back of the question.
    pub(super) echo: Map<String, Value>,
}

pub(super) fn read(body: &[u8]) -> Result<Wanted, Failure> {
    let mut fields = fields(body)?;
    let streamed = take(&mut fields, "stream")?.unwrap_or(false);
    let options = fields.get("stream_options");
    let with_usage = options.is_some_and(|options| options["include_usage"] == true);
    if options.is_some_and(|options| !options.is_null()) && !streamed {
        let text = "`stream_options` is for streams: set `stream` to true";
        return Err(Failure::malformed(Some("stream_options"), text));
    }
    let messages = take(&mut fields, "messages")?
        .ok_or_else(|| Failure::malformed(Some("messages"), "`messages` is missing"))?;
    // OpenAI requires a model; the organization's default takes its place when it is left out.
    let ask = Complete {
        model: take(&mut fields, "model")?,
        messages,
        tools: take(&mut fields, "tools")?.unwrap_or_default(),
        tool_choice: take(&mut fields, "tool_choice")?,
        response_format: take(&mut fields, "response_format")?,
        temperature: take(&mut fields, "temperature")?,
        max_tokens: take(&mut fields, "max_tokens")?,
        extra: without_nulls(fields),
        ..Complete::default()
    };
    Ok(Wanted {
        ask,
        streamed,
        with_usage,
        echo: Map::new(),
    })
}

/// The fields of a body.
pub(super) fn fields(body: &[u8]) -> Result<Map<String, Value>, Failure> {
    let body = serde_json::from_slice(body)
        .map_err(|error| Failure::malformed(None, format!("the body is not JSON: {error}")))?;
    match body {
        Value::Object(fields) => Ok(fields),
        _ => Err(Failure::malformed(None, "the body is not a JSON object")),
    }
}

/// Takes a field out; null is as good as absent.
pub(super) fn take<T: DeserializeOwned>(
    fields: &mut Map<String, Value>,
    name: &str,
) -> Result<Option<T>, Failure> {
    let Some(value) = fields.remove(name).filter(|value| !value.is_null()) else {
        return Ok(None);
    };
    serde_json::from_value(value).map(Some).map_err(|error| {
        Failure::malformed(Some(name), format!("`{name}` cannot be read: {error}"))
    })
}

fn without_nulls(fields: Map<String, Value>) -> Map<String, Value> {
    fields
        .into_iter()
        .filter(|(_, value)| !value.is_null())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_fields_are_read_and_others_kept() {
        let wanted = read(
            br#"{"model":"m","messages":[{"role":"user","content":[{"type":"text","text":"hi"}],"name":"ada"}],
                "stream":true,"stream_options":{"include_usage":true},"temperature":1,"max_completion_tokens":5,
                "tools":[{"type":"function","function":{"name":"f","strict":true}}],"seed":null,"vendor":{"a":1}}"#,
        )
        .unwrap();
        assert!(wanted.streamed && wanted.with_usage);
        let ask = wanted.ask;
        assert_eq!(ask.temperature, Some(1.0));
        assert_eq!(ask.messages[0].extra["name"], "ada");
        assert_eq!(ask.tools[0].function.extra["strict"], true);
        let kept: Vec<_> = ask.extra.keys().collect();
        assert_eq!(kept, ["max_completion_tokens", "stream_options", "vendor"]);
    }

    #[test]
    fn what_cannot_be_read_names_its_field() {
        let check = |body: &str, expect: Option<&str>| {
            let failure = read(body.as_bytes()).unwrap_err().body();
            assert_eq!(failure["error"]["param"].as_str(), expect, "{body}");
        };
        check("{", None);
        check("[]", None);
        check("{}", Some("messages"));
        check(r#"{"messages":"hi"}"#, Some("messages"));
        check(r#"{"messages":[],"stream":"yes"}"#, Some("stream"));
        check(r#"{"messages":[],"max_tokens":-1}"#, Some("max_tokens"));
        check(
            r#"{"messages":[],"tools":[{"type":"function"}]}"#,
            Some("tools"),
        );
        check(
            r#"{"messages":[],"stream_options":{}}"#,
            Some("stream_options"),
        );
    }
}
