//! The body of `POST <base URL>/chat/completions` (OpenAI API reference, "Create chat completion").
//!
//! **Invariant:** what the caller wrote passes as it came; only model, stream and the wish for usage are ours.

use serde_json::{Map, Value, json};

use crate::provider::Question;

pub(crate) fn body(question: Question<'_>) -> Map<String, Value> {
    let ask = question.ask;
    let mut body = ask.extra.clone();
    let mut put = |name: &str, value: Value| body.insert(name.to_owned(), value);
    put("model", question.model.into());
    put("messages", json!(ask.messages));
    if !ask.tools.is_empty() {
        put("tools", json!(ask.tools));
    }
    let optional = [
        ("tool_choice", ask.tool_choice.clone()),
        ("response_format", ask.response_format.clone()),
        ("temperature", ask.temperature.map(Value::from)),
        ("max_tokens", ask.max_tokens.map(Value::from)),
    ];
    for (name, value) in optional {
        if let Some(value) = value {
            put(name, value);
        }
    }
    if question.streamed {
        put("stream", true.into());
        let options = body.entry("stream_options").or_insert_with(|| json!({}));
        // Calls are paid for, whether the caller wants to see the count or not.
        match options {
            Value::Object(options) => drop(options.insert("include_usage".to_owned(), true.into())),
            other => *other = json!({"include_usage": true}),
        }
    } else {
        body.remove("stream_options");
    }
    body
}

#[cfg(test)]
mod tests {
    use contracts::llm::{Complete, FunctionCall, Message, ToolCall};

    use super::*;

    #[test]
    fn unknown_fields_and_arguments_pass_untouched() {
        let arguments = "{\"n\": 123456789012345678901234567890, \"x\": 1e-7}";
        let mut assistant = Message::user("");
        assistant.role = "assistant".into();
        assistant.content = Value::Null;
        assistant.tool_calls = vec![ToolCall {
            id: "a".into(),
            kind: "function".into(),
            function: FunctionCall {
                name: "add".into(),
                arguments: arguments.into(),
            },
            extra: Map::from_iter([("extra_content".to_owned(), json!({"s": 1}))]),
        }];
        let ask = Complete {
            messages: vec![Message::user("hi"), assistant],
            temperature: Some(0.5),
            extra: serde_json::from_str(
                r#"{"vendor_thing": [1, {"a": null}], "stream_options": {"include_obfuscation": false}}"#,
            )
            .unwrap(),
            ..Complete::default()
        };
        let question = |streamed| Question {
            model: "m",
            ask: &ask,
            streamed,
        };
        let sent = Value::Object(body(question(true)));
        assert_eq!(sent["vendor_thing"], json!([1, {"a": null}]));
        assert_eq!(
            sent["stream_options"],
            json!({"include_obfuscation": false, "include_usage": true})
        );
        let call = &sent["messages"][1]["tool_calls"][0];
        assert_eq!(call["function"]["arguments"], arguments);
        assert_eq!(call["extra_content"], json!({"s": 1}));
        let plain = body(question(false));
        assert!(!plain.contains_key("stream") && !plain.contains_key("stream_options"));
        assert!(!plain.contains_key("tools") && !plain.contains_key("max_tokens"));
    }
}
