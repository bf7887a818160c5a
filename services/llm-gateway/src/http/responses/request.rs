//! The body of a request for a response, read into our question.
//!
//! **Invariant:** what needs a memory of earlier responses is refused: there is none.

use base64::{Engine, prelude::BASE64_STANDARD};
use contracts::llm::{Complete, FunctionCall, FunctionSpec, Message, ToolCall, ToolSpec};
use serde_json::{Map, Value, json};

use crate::{
    http::{
        failure::Failure,
        request::{Wanted, fields, take},
    },
    provider::conversation::KEPT,
};

/// What a response says back.
const ECHOED: [&str; 11] = [
    "instructions",
    "max_output_tokens",
    "metadata",
    "parallel_tool_calls",
    "reasoning",
    "temperature",
    "text",
    "tool_choice",
    "tools",
    "top_p",
    "user",
];
/// What needs a memory.
const REMEMBERING: [&str; 4] = [
    "previous_response_id",
    "conversation",
    "background",
    "prompt",
];

pub(super) fn read(body: &[u8]) -> Result<Wanted, Failure> {
    let mut fields = fields(body)?;
    fields.retain(|_, value| !value.is_null());
    let echo = ECHOED.iter().filter_map(|name| {
        let value = fields.get(*name)?;
        Some(((*name).to_owned(), value.clone()))
    });
    let echo = echo.collect();
    for name in REMEMBERING {
        if fields.remove(name).is_some_and(|value| value != false) {
            return Err(wrong(
                name,
                "nothing is remembered here: send the whole conversation",
            ));
        }
    }
    if take(&mut fields, "store")? == Some(true) {
        return Err(wrong("store", "nothing is stored here"));
    }
    let mut messages = Vec::new();
    if let Some(text) = take::<String>(&mut fields, "instructions")? {
        messages.push(Message::system(text));
    }
    match take::<Value>(&mut fields, "input")? {
        Some(Value::String(text)) => messages.push(Message::user(text)),
        Some(Value::Array(items)) => read_items(&items, &mut messages)?,
        _ => return Err(wrong("input", "a text or a list of items is needed")),
    }
    let mut ask = Complete {
        model: take(&mut fields, "model")?,
        messages,
        temperature: take(&mut fields, "temperature")?,
        ..Complete::default()
    };
    let streamed = take(&mut fields, "stream")?.unwrap_or(false);
    let tools: Vec<Value> = take(&mut fields, "tools")?.unwrap_or_default();
    ask.tools = tools.into_iter().map(tool).collect::<Result<_, _>>()?;
    ask.tool_choice = match take::<Value>(&mut fields, "tool_choice")? {
        Some(Value::Object(said)) => {
            Some(json!({"type": "function", "function": {"name": said.get("name")}}))
        }
        choice => choice,
    };
    if let Some(limit) = fields.remove("max_output_tokens") {
        fields.insert("max_completion_tokens".to_owned(), limit);
    }
    if let Some(reasoning) = take::<Value>(&mut fields, "reasoning")?
        && let Some(effort) = reasoning["effort"].as_str()
    {
        fields.insert("reasoning_effort".to_owned(), effort.into());
    }
    text(&mut ask, &mut fields)?;
    if take::<String>(&mut fields, "truncation")?.is_some_and(|how| how != "disabled") {
        return Err(wrong(
            "truncation",
            "no part of a conversation is left out here",
        ));
    }
    for name in ["metadata", "include", "stream_options"] {
        fields.remove(name);
    }
    ask.extra = fields;
    Ok(Wanted {
        ask,
        streamed,
        with_usage: true,
        echo,
    })
}

fn wrong(field: &str, text: &str) -> Failure {
    Failure::malformed(Some(field), format!("`{field}`: {text}"))
}

/// The form of the answer.
fn text(ask: &mut Complete, fields: &mut Map<String, Value>) -> Result<(), Failure> {
    let Some(mut text) = take::<Value>(fields, "text")? else {
        return Ok(());
    };
    if let Some(verbosity) = text["verbosity"].as_str() {
        fields.insert("verbosity".to_owned(), verbosity.into());
    }
    let format = text["format"].take();
    ask.response_format = match format["type"].as_str() {
        None | Some("text") => None,
        Some("json_object") => Some(json!({"type": "json_object"})),
        Some("json_schema") => {
            let mut named = json!({"name": format["name"], "schema": format["schema"]});
            if format["strict"] == true {
                named["strict"] = true.into();
            }
            Some(json!({"type": "json_schema", "json_schema": named}))
        }
        Some(_) => {
            return Err(wrong(
                "text",
                "`format.type` is text, json_object or json_schema",
            ));
        }
    };
    Ok(())
}

fn tool(said: Value) -> Result<ToolSpec, Failure> {
    let Value::Object(mut said) = said else {
        return Err(wrong("tools", "a tool is an object"));
    };
    if said.remove("type").is_none_or(|kind| kind != "function") {
        return Err(wrong(
            "tools",
            "tools that the vendor runs itself are not taken here",
        ));
    }
    let name = take(&mut said, "name")?.ok_or_else(|| wrong("tools", "a tool has no name"))?;
    Ok(ToolSpec {
        kind: "function".to_owned(),
        function: FunctionSpec {
            name,
            description: take(&mut said, "description")?,
            parameters: said.remove("parameters").unwrap_or_default(),
            extra: said
                .into_iter()
                .filter(|(_, value)| !value.is_null())
                .collect(),
        },
    })
}

fn read_items(items: &[Value], messages: &mut Vec<Message>) -> Result<(), Failure> {
    for item in items {
        let word = |name: &str| item[name].as_str().unwrap_or_default().to_owned();
        match item["type"].as_str() {
            None | Some("message") => {
                let mut message = Message::user("");
                message.role = word("role");
                message.content = content(&item["content"])?;
                match (message.role.as_str(), messages.last_mut()) {
                    // The text of an answer whose thoughts stand before it.
                    ("assistant", Some(last)) if is_begun(last) => last.content = message.content,
                    _ => messages.push(message),
                }
            }
            Some("function_call") => answer(messages).tool_calls.push(ToolCall {
                id: word("call_id"),
                kind: "function".to_owned(),
                function: FunctionCall {
                    name: word("name"),
                    arguments: word("arguments"),
                },
                extra: Map::new(),
            }),
            Some("function_call_output") => {
                let mut result = Message::user("");
                "tool".clone_into(&mut result.role);
                result.content = content(&item["output"])?;
                result.tool_call_id = Some(word("call_id"));
                messages.push(result);
            }
            Some("reasoning") => {
                if let Some(kept) = kept(item) {
                    let mut begun = Message::user("");
                    "assistant".clone_into(&mut begun.role);
                    begun.content = Value::Null;
                    begun.extra.insert(KEPT.to_owned(), kept);
                    messages.push(begun);
                }
            }
            Some(kind) => {
                let shown: String = kind.chars().take(32).collect();
                return Err(wrong(
                    "input",
                    &format!("an item of type `{shown}` is not taken here"),
                ));
            }
        }
    }
    Ok(())
}

/// Whether it has the thoughts of an answer and nothing else so far.
fn is_begun(message: &Message) -> bool {
    message.role == "assistant"
        && message.content.is_null()
        && message.tool_calls.is_empty()
        && message.extra.contains_key(KEPT)
}

/// The answer that a call belongs to.
fn answer(messages: &mut Vec<Message>) -> &mut Message {
    if messages.last().is_none_or(|last| last.role != "assistant") {
        let mut answer = Message::user("");
        "assistant".clone_into(&mut answer.role);
        answer.content = Value::Null;
        messages.push(answer);
    }
    messages.last_mut().expect("an answer was just put there")
}

/// What a vendor wants back, as [`super::answer`] wrote it; of others it is of no use.
fn kept(item: &Value) -> Option<Value> {
    let text = BASE64_STANDARD
        .decode(item["encrypted_content"].as_str()?)
        .ok()?;
    let kept: Value = serde_json::from_slice(&text).ok()?;
    kept.is_array().then_some(kept)
}

fn content(content: &Value) -> Result<Value, Failure> {
    let Value::Array(parts) = content else {
        return Ok(content.clone());
    };
    let parts = parts.iter().map(part).collect::<Result<Vec<_>, _>>()?;
    match parts.as_slice() {
        [only] if only["type"] == "text" => Ok(only["text"].clone()),
        _ => Ok(parts.into()),
    }
}

fn part(part: &Value) -> Result<Value, Failure> {
    Ok(match part["type"].as_str() {
        Some("input_text" | "output_text" | "text") => {
            json!({"type": "text", "text": part["text"]})
        }
        Some("refusal") => json!({"type": "text", "text": part["refusal"]}),
        Some("input_image") if part["image_url"].is_string() => {
            let mut image = json!({"url": part["image_url"]});
            if let Some(detail) = part["detail"].as_str() {
                image["detail"] = detail.into();
            }
            json!({"type": "image_url", "image_url": image})
        }
        Some("input_file") if part["file_data"].is_string() => {
            let file = json!({"file_data": part["file_data"], "filename": part["filename"]});
            json!({"type": "file", "file": file})
        }
        Some("input_audio") => json!({"type": "input_audio", "input_audio": part["input_audio"]}),
        _ => {
            return Err(wrong(
                "input",
                "a part is a text, an image by its URL, or a file by its data",
            ));
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_become_messages() {
        let kept = json!([{"vendor": "anthropic", "type": "thinking", "thinking": "hm", "signature": "s"}]);
        let body = json!({"model": "m", "instructions": "Be kind.", "max_output_tokens": 9, "reasoning": {"effort": "low"},
            "text": {"format": {"type": "json_schema", "name": "x", "schema": {"type": "object"}, "strict": true}},
            "tools": [{"type": "function", "name": "f", "parameters": {"type": "object"}, "strict": null}],
            "tool_choice": {"type": "function", "name": "f"}, "seed": null,
            "input": [
                {"role": "user", "content": [{"type": "input_text", "text": "hi"}]},
                {"type": "reasoning", "summary": [], "encrypted_content": BASE64_STANDARD.encode(kept.to_string())},
                {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "I look."}]},
                {"type": "function_call", "call_id": "a", "name": "f", "arguments": "{\"n\": 1e-7}"},
                {"type": "function_call", "call_id": "b", "name": "f", "arguments": "{}"},
                {"type": "function_call_output", "call_id": "a", "output": "sun"}]});
        let wanted = read(body.to_string().as_bytes()).unwrap();
        let said = json!(wanted.ask.messages);
        assert_eq!(said[0], json!({"role": "system", "content": "Be kind."}));
        assert_eq!(said[1], json!({"role": "user", "content": "hi"}));
        assert_eq!(
            (&said[2]["content"], &said[2]["reasoning_details"]),
            (&json!("I look."), &kept)
        );
        assert_eq!(
            said[2]["tool_calls"][0]["function"]["arguments"],
            "{\"n\": 1e-7}"
        );
        assert_eq!(said[2]["tool_calls"].as_array().map(Vec::len), Some(2));
        assert_eq!(
            said[3],
            json!({"role": "tool", "content": "sun", "tool_call_id": "a"})
        );
        assert_eq!(wanted.ask.tool_choice.unwrap()["function"]["name"], "f");
        assert_eq!(
            wanted.ask.response_format.unwrap()["json_schema"]["strict"],
            true
        );
        let extra = json!({"max_completion_tokens": 9, "reasoning_effort": "low"});
        assert_eq!(Value::Object(wanted.ask.extra), extra);
        assert_eq!(wanted.echo["max_output_tokens"], 9);
    }

    #[test]
    fn what_cannot_be_done_names_its_field() {
        let check = |body: Value, expect: &str| {
            let failure = read(body.to_string().as_bytes()).unwrap_err().body();
            assert_eq!(failure["error"]["param"], expect, "{body}");
        };
        check(json!({}), "input");
        check(
            json!({"input": "hi", "previous_response_id": "resp_1"}),
            "previous_response_id",
        );
        check(json!({"input": "hi", "store": true}), "store");
        check(json!({"input": "hi", "truncation": "auto"}), "truncation");
        check(
            json!({"input": "hi", "tools": [{"type": "web_search"}]}),
            "tools",
        );
        check(
            json!({"input": [{"type": "item_reference", "id": "x"}]}),
            "input",
        );
        check(
            json!({"input": [{"role": "user", "content": [{"type": "input_image", "file_id": "x"}]}]}),
            "input",
        );
    }
}
