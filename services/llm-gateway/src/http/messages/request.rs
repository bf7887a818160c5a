//! The body of a message request, read into our question.
//!
//! **Invariant:** the input of a call keeps its bytes, and a field that we do not know is kept for the provider, which
//! takes or refuses it.

use contracts::llm::{Complete, FunctionCall, FunctionSpec, Message, ToolCall, ToolSpec};
use serde::Deserialize;
use serde_json::{Map, Value, json, value::RawValue};

use super::MARK;
use crate::{
    http::{
        failure::Failure,
        request::{Wanted, fields, take},
    },
    provider::conversation::{KEPT, VENDORS},
};

const CACHE_CONTROL: &str = "cache_control";

#[derive(Deserialize)]
struct Body {
    messages: Vec<Turn>,
}

#[derive(Deserialize)]
struct Turn {
    role: String,
    content: Box<RawValue>,
}

/// What of a block must keep its bytes.
#[derive(Deserialize)]
struct Input {
    #[serde(default)]
    input: Option<Box<RawValue>>,
}

pub(super) fn read(body: &[u8]) -> Result<Wanted, Failure> {
    let wanted = read_to_count(body)?;
    match wanted.ask.max_tokens {
        Some(_) => Ok(wanted),
        None => Err(Failure::malformed(
            Some("max_tokens"),
            "`max_tokens` is missing",
        )),
    }
}

/// As [`read`], but the answer needs no limit.
pub(super) fn read_to_count(body: &[u8]) -> Result<Wanted, Failure> {
    let mut fields = fields(body)?;
    fields.remove("messages");
    let said: Body = serde_json::from_slice(body).map_err(|error| {
        Failure::malformed(
            Some("messages"),
            format!("`messages` cannot be read: {error}"),
        )
    })?;
    let mut messages = Vec::new();
    if let Some(system) = take::<Value>(&mut fields, "system")? {
        let parts = parts(&system)?;
        messages.push(message("system", content(parts)));
    }
    for turn in said.messages {
        read_turn(turn, &mut messages)?;
    }
    let mut ask = Complete {
        model: take(&mut fields, "model")?,
        messages,
        max_tokens: take(&mut fields, "max_tokens")?,
        temperature: take(&mut fields, "temperature")?,
        ..Complete::default()
    };
    let streamed = take(&mut fields, "stream")?.unwrap_or(false);
    let tools: Vec<Value> = take(&mut fields, "tools")?.unwrap_or_default();
    ask.tools = tools.into_iter().map(tool).collect::<Result<_, _>>()?;
    choice(&mut ask, &mut fields)?;
    config(&mut ask, &mut fields)?;
    if let Some(stops) = take::<Value>(&mut fields, "stop_sequences")? {
        fields.insert("stop".to_owned(), stops);
    }
    if let Some(Value::String(user)) =
        take::<Value>(&mut fields, "metadata")?.map(|mut metadata| metadata["user_id"].take())
    {
        fields.insert("user".to_owned(), user.into());
    }
    // Not to think is what a model does unless it is told to.
    let is_off = |name: &str, value: &Value| name == "thinking" && value["type"] == "disabled";
    fields.retain(|name, value| !value.is_null() && !is_off(name, value));
    ask.extra = fields;
    Ok(Wanted {
        ask,
        streamed,
        with_usage: true,
        echo: Map::new(),
    })
}

fn wrong(field: &str, text: &str) -> Failure {
    Failure::malformed(Some(field), format!("`{field}`: {text}"))
}

fn message(role: &str, content: Value) -> Message {
    let mut message = Message::user("");
    role.clone_into(&mut message.role);
    message.content = content;
    message
}

/// One text as such, several parts as a list.
fn content(mut parts: Vec<Value>) -> Value {
    let is_text = |part: &Value| part["type"] == "text" && part.get(CACHE_CONTROL).is_none();
    match parts.as_mut_slice() {
        [] => Value::Null,
        [only] if is_text(only) => only["text"].take(),
        _ => parts.into(),
    }
}

fn read_turn(turn: Turn, messages: &mut Vec<Message>) -> Result<(), Failure> {
    let raw = turn.content.get();
    let text: Result<String, _> = serde_json::from_str(raw);
    if let Ok(text) = text {
        messages.push(message(&turn.role, text.into()));
        return Ok(());
    }
    let read = |_| wrong("messages", "`content` is a text or a list of blocks");
    let blocks: Vec<Value> = serde_json::from_str(raw).map_err(read)?;
    let inputs: Vec<Input> = serde_json::from_str(raw).map_err(read)?;
    match turn.role.as_str() {
        "assistant" => messages.push(answer(&blocks, &inputs)?),
        _ => {
            let (results, others): (Vec<_>, Vec<_>) = blocks
                .into_iter()
                .partition(|block| block["type"] == "tool_result");
            for result in results {
                messages.push(tool_result(&result)?);
            }
            if !others.is_empty() {
                let parts = parts(&others.into())?;
                messages.push(message(&turn.role, content(parts)));
            }
        }
    }
    Ok(())
}

fn tool_result(block: &Value) -> Result<Message, Failure> {
    let mut result = message("tool", content(parts(&block["content"])?));
    result.tool_call_id = block["tool_use_id"].as_str().map(str::to_owned);
    if block["is_error"] == true {
        result.extra.insert("is_error".to_owned(), true.into());
    }
    if let Some(cache) = cache_control(block) {
        result.extra.insert(CACHE_CONTROL.to_owned(), cache.clone());
    }
    Ok(result)
}

fn answer(blocks: &[Value], inputs: &[Input]) -> Result<Message, Failure> {
    let mut texts = Vec::new();
    let mut kept = Vec::new();
    let mut calls = Vec::new();
    for (block, input) in blocks.iter().zip(inputs) {
        match block["type"].as_str() {
            Some("thinking" | "redacted_thinking") => kept.extend(thought(block)),
            Some("tool_use") => {
                let word = |name: &str| block[name].as_str().unwrap_or_default().to_owned();
                let input = input.input.as_ref();
                calls.push(ToolCall {
                    id: word("id"),
                    kind: "function".to_owned(),
                    function: FunctionCall {
                        name: word("name"),
                        arguments: input
                            .map_or_else(|| "{}".to_owned(), |raw| raw.get().to_owned()),
                    },
                    extra: Map::new(),
                });
            }
            _ => texts.push(part(block)?),
        }
    }
    let mut said = message("assistant", content(texts));
    said.tool_calls = calls;
    if !kept.is_empty() {
        said.extra.insert(KEPT.to_owned(), kept.into());
    }
    Ok(said)
}

/// A thought for the vendor that had it; one without a signature is of no use to anyone.
fn thought(block: &Value) -> Option<Value> {
    let field = match block["type"].as_str() {
        Some("thinking") => "signature",
        _ => "data",
    };
    let signature = block[field].as_str().filter(|text| !text.is_empty())?;
    let marked = signature.split_once(MARK);
    let marked = marked.filter(|(vendor, _)| VENDORS.contains(vendor));
    let (vendor, signature) = marked.unwrap_or(("anthropic", signature));
    let mut kept = json!({"vendor": vendor, "type": block["type"], field: signature});
    if field == "signature" {
        kept["thinking"] = block["thinking"].clone();
    }
    Some(kept)
}

/// The parts of a text or of a list of blocks.
fn parts(content: &Value) -> Result<Vec<Value>, Failure> {
    match content {
        Value::Null => Ok(Vec::new()),
        Value::String(text) => Ok(vec![json!({"type": "text", "text": text})]),
        Value::Array(blocks) => blocks.iter().map(part).collect(),
        _ => Err(wrong("messages", "content is a text or a list of blocks")),
    }
}

fn cache_control(block: &Value) -> Option<&Value> {
    block.get(CACHE_CONTROL).filter(|cache| !cache.is_null())
}

fn part(block: &Value) -> Result<Value, Failure> {
    let mut part = plain_part(block)?;
    if let Some(cache) = cache_control(block) {
        part[CACHE_CONTROL] = cache.clone();
    }
    Ok(part)
}

fn plain_part(block: &Value) -> Result<Value, Failure> {
    let source = &block["source"];
    let url = || match source["type"].as_str() {
        Some("url") => source["url"].as_str().map(str::to_owned),
        Some("base64") => {
            let (mime, data) = (source["media_type"].as_str()?, source["data"].as_str()?);
            Some(format!("data:{mime};base64,{data}"))
        }
        _ => None,
    };
    let unreadable = || wrong("messages", "a block has a source that cannot be read");
    match block["type"].as_str() {
        Some("text") => Ok(json!({"type": "text", "text": block["text"]})),
        Some("image") => {
            let url = url().ok_or_else(unreadable)?;
            Ok(json!({"type": "image_url", "image_url": {"url": url}}))
        }
        Some("document") if source["type"] == "text" => {
            Ok(json!({"type": "text", "text": source["data"]}))
        }
        Some("document") => {
            let mut file = json!({"file_data": url().ok_or_else(unreadable)?});
            if let Some(title) = block["title"].as_str() {
                file["filename"] = title.into();
            }
            Ok(json!({"type": "file", "file": file}))
        }
        kind => {
            let shown: String = kind.unwrap_or_default().chars().take(32).collect();
            Err(wrong(
                "messages",
                &format!("a block of type `{shown}` is not taken here"),
            ))
        }
    }
}

fn tool(said: Value) -> Result<ToolSpec, Failure> {
    if said
        .get("type")
        .is_some_and(|kind| !kind.is_null() && *kind != "custom")
    {
        return Err(wrong(
            "tools",
            "tools that the vendor runs itself are not taken here",
        ));
    }
    let Value::Object(mut said) = said else {
        return Err(wrong("tools", "a tool is an object"));
    };
    said.remove("type");
    let name: String =
        take(&mut said, "name")?.ok_or_else(|| wrong("tools", "a tool has no name"))?;
    Ok(ToolSpec {
        kind: "function".to_owned(),
        function: FunctionSpec {
            name,
            description: take(&mut said, "description")?,
            parameters: said.remove("input_schema").unwrap_or_default(),
            extra: said,
        },
    })
}

fn choice(ask: &mut Complete, fields: &mut Map<String, Value>) -> Result<(), Failure> {
    let Some(said) = take::<Value>(fields, "tool_choice")? else {
        return Ok(());
    };
    ask.tool_choice = Some(match said["type"].as_str() {
        Some("auto") => "auto".into(),
        Some("none") => "none".into(),
        Some("any") => "required".into(),
        Some("tool") => json!({"type": "function", "function": {"name": said["name"]}}),
        _ => return Err(wrong("tool_choice", "it is auto, any, tool or none")),
    });
    if said["disable_parallel_tool_use"] == true {
        fields.insert("parallel_tool_calls".to_owned(), false.into());
    }
    Ok(())
}

/// The form of the answer, and how hard the model shall try.
fn config(ask: &mut Complete, fields: &mut Map<String, Value>) -> Result<(), Failure> {
    let Some(config) = take::<Value>(fields, "output_config")? else {
        return Ok(());
    };
    if let Some(schema) = config.pointer("/format/schema") {
        let named = json!({"name": "output", "schema": schema, "strict": true});
        ask.response_format = Some(json!({"type": "json_schema", "json_schema": named}));
    }
    if let Some(effort) = config["effort"].as_str() {
        fields.insert("reasoning_effort".to_owned(), effort.into());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(body: &str) -> Complete {
        read(body.as_bytes()).unwrap().ask
    }

    #[test]
    fn a_conversation_becomes_messages() {
        let ask = ask(
            r#"{"model":"m","max_tokens":9,"system":[{"type":"text","text":"Be kind.","cache_control":{"type":"ephemeral"}}],
            "messages":[{"role":"user","content":"hi"},
            {"role":"assistant","content":[{"type":"thinking","thinking":"hm","signature":"bedrock#sig"},{"type":"text","text":"I look."},
                {"type":"tool_use","id":"a","name":"f","input":{"n": 1e-7}}]},
            {"role":"user","content":[{"type":"text","text":"go on"},{"type":"tool_result","tool_use_id":"a","content":"no","is_error":true}]}],
            "tools":[{"name":"f","input_schema":{"type":"object"}}],"tool_choice":{"type":"any","disable_parallel_tool_use":true},
            "stop_sequences":["END"],"metadata":{"user_id":"ada"},"top_k":5}"#,
        );
        let said = json!(ask.messages);
        assert_eq!(
            said[0]["content"][0]["cache_control"],
            json!({"type": "ephemeral"})
        );
        assert_eq!(said[2]["content"], "I look.");
        assert_eq!(
            said[2]["reasoning_details"],
            json!([{"vendor": "bedrock", "type": "thinking", "thinking": "hm", "signature": "sig"}])
        );
        assert_eq!(
            said[2]["tool_calls"][0]["function"]["arguments"],
            "{\"n\": 1e-7}"
        );
        assert_eq!(
            said[3],
            json!({"role": "tool", "tool_call_id": "a", "content": "no", "is_error": true})
        );
        assert_eq!(said[4]["content"], "go on");
        assert_eq!(ask.tool_choice, Some("required".into()));
        assert_eq!(
            Value::Object(ask.extra),
            json!({"parallel_tool_calls": false, "stop": ["END"], "user": "ada", "top_k": 5})
        );
    }

    #[test]
    fn what_cannot_be_read_names_its_field() {
        let check = |body: &str, expect: &str| {
            let failure = read(body.as_bytes()).unwrap_err().body();
            assert_eq!(failure["error"]["param"], expect, "{body}");
        };
        check(r#"{"max_tokens":1}"#, "messages");
        check(
            r#"{"messages":[{"role":"user","content":"hi"}]}"#,
            "max_tokens",
        );
        check(
            r#"{"max_tokens":1,"messages":[{"role":"user","content":7}]}"#,
            "messages",
        );
        check(
            r#"{"max_tokens":1,"messages":[{"role":"user","content":[{"type":"video"}]}]}"#,
            "messages",
        );
        check(
            r#"{"max_tokens":1,"messages":[],"tools":[{"type":"web_search_20250305","name":"web_search"}]}"#,
            "tools",
        );
        check(
            r#"{"max_tokens":1,"messages":[],"tool_choice":{"type":"some"}}"#,
            "tool_choice",
        );
    }
}
