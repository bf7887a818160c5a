//! The body of `POST <base URL>/chat/completions` (OpenAI API reference, "Create chat completion").
//!
//! **Invariant:** what the caller wrote passes as it came; only model, stream and the wish for usage are ours. What
//! another vendor wants back of its own answers is left out.

use contracts::llm::Message;
use serde_json::{Map, Value, json};

use crate::provider::{
    Question,
    conversation::{KEPT, VENDORS},
    effort::Effort,
};

pub(crate) fn body(question: Question<'_>) -> Map<String, Value> {
    let ask = question.ask;
    let mut body = ask.extra.clone();
    let mut put = |name: &str, value: Value| body.insert(name.to_owned(), value);
    put("model", question.model.into());
    put("messages", ask.messages.iter().map(message).collect());
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
    let thinking = ask.extra.get("thinking");
    // As Anthropic's clients say it; other objects of that name pass.
    if let Some(effort) = thinking.and_then(Effort::of_thinking) {
        body.remove("thinking");
        let effort = json!(effort.word());
        body.entry("reasoning_effort").or_insert(effort);
    }
    if body.get("reasoning_effort").is_some_and(|it| it == "max") {
        body.insert("reasoning_effort".to_owned(), "xhigh".into());
    }
    if body
        .get("service_tier")
        .is_some_and(|it| it == "standard_only")
    {
        body.insert("service_tier".to_owned(), "default".into());
    }
    if question.streamed {
        body.insert("stream".to_owned(), true.into());
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

/// A message without the thoughts and signatures of other vendors.
fn message(message: &Message) -> Value {
    let mut said = json!(message);
    let kept = said[KEPT].as_array().into_iter().flatten();
    let is_foreign = |entry: &Value| {
        let vendor = entry["vendor"].as_str();
        vendor.is_some_and(|vendor| VENDORS.contains(&vendor))
    };
    let (foreign, own): (Vec<_>, Vec<_>) = kept.cloned().partition(is_foreign);
    let Some(fields) = said.as_object_mut() else {
        return said;
    };
    if !foreign.is_empty() {
        fields.remove("reasoning_content");
        fields.remove(KEPT);
        if !own.is_empty() {
            fields.insert(KEPT.to_owned(), own.into());
        }
    }
    let calls = fields.get_mut("tool_calls").and_then(Value::as_array_mut);
    for call in calls.into_iter().flatten().filter_map(Value::as_object_mut) {
        let content = call.get_mut("extra_content").and_then(Value::as_object_mut);
        let is_google = content.is_some_and(|content| content.contains_key("google"));
        if is_google {
            call.remove("extra_content");
        }
    }
    said
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

    #[test]
    fn what_other_vendors_keep_stays_here() {
        let foreign = json!({"role": "assistant", "content": "x", "reasoning_content": "hm",
            "reasoning_details": [{"vendor": "anthropic", "signature": "s"}, {"type": "own"}],
            "tool_calls": [{"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"},
                "extra_content": {"google": {"thought_signature": "s"}}}]});
        let said = message(&serde_json::from_value(foreign).unwrap());
        assert_eq!(said["reasoning_details"], json!([{"type": "own"}]));
        assert!(said.get("reasoning_content").is_none());
        assert!(said["tool_calls"][0].get("extra_content").is_none());
        let own = json!({"role": "assistant", "content": "x", "reasoning_content": "hm"});
        let said = message(&serde_json::from_value(own.clone()).unwrap());
        assert_eq!(said, own);
    }
}
