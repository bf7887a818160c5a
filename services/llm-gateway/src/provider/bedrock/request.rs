//! A question as a body of `ConverseStream`.

use std::borrow::Cow;

use contracts::llm::{Complete, ToolSpec};
use serde::Serialize;
use serde_json::{Map, Value, json, value::RawValue, value::to_raw_value};

use super::response::STOPPED_AT;
use crate::provider::{
    Fault, Question,
    anthropic::{model, request::NOTHING},
    choice::Choice,
    conversation::{Conversation, Item, Text, Turn},
    effort::{Effort, LEAST},
    media::{Kind, Media, Source},
    names::Names,
    shaped,
    terms::Terms,
};

pub(super) struct Request {
    pub(super) body: Body,
    pub(super) names: Names,
    /// Whether the answer comes as the arguments of [`shaped::TOOL`].
    pub(super) unwraps: bool,
}

#[derive(Serialize)]
pub(super) struct Body {
    messages: Vec<Message>,
    #[serde(flatten)]
    rest: Map<String, Value>,
}

#[derive(Serialize)]
struct Message {
    role: &'static str,
    /// As they are: the arguments of calls keep their bytes.
    content: Vec<Box<RawValue>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CallBlock<'a> {
    tool_use: ToolUse<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ToolUse<'a> {
    tool_use_id: &'a str,
    name: &'a str,
    input: &'a RawValue,
}

impl Request {
    pub(super) fn of(question: Question<'_>, terms: &mut Terms<'_>) -> Result<Self, Fault> {
        let mut left = question.ask.extra.clone();
        let limit = question.ask.max_tokens.map(Value::from);
        let limit = limit.or(left.remove("max_completion_tokens"));
        let is_claude = question.model.contains("claude");
        let beside = beside(question.model, &mut left, limit.as_ref(), terms)?;
        let thinks = beside.contains_key("thinking");
        let (ask, unwraps) = shaped_ask(question.ask, thinks);
        let ask = ask.as_ref();
        let names = Names::of(ask);
        let conversation = Conversation::of(ask, "bedrock", &names, terms)?;
        let mut rest = Map::new();
        let mut put = |name: &str, value: Value| rest.insert(name.to_owned(), value);
        let system: Vec<Value> = conversation.system.iter().flat_map(text_blocks).collect();
        if !system.is_empty() {
            put("system", system.into());
        }
        let sampling = sampling(ask, limit, &mut left, terms)?;
        if is_claude && sampling.contains_key("stopSequences") {
            put("additionalModelResponseFieldPaths", json!(STOPPED_AT));
        }
        if !sampling.is_empty() {
            put("inferenceConfig", sampling.into());
        }
        if !beside.is_empty() {
            put("additionalModelRequestFields", beside.into());
        }
        let choice = Choice::of(ask, &names, terms)?;
        if thinks && choice.as_ref().is_some_and(Choice::is_forced) {
            terms.cannot("tool_choice")?;
        }
        let choice = choice.filter(|choice| !thinks || !choice.is_forced());
        if let Some(config) = tools(ask, choice, &names, &conversation, is_claude, terms)? {
            put("toolConfig", config);
        }
        terms.rest(&left)?;
        Ok(Self {
            body: Body {
                messages: messages(&conversation, terms)?,
                rest,
            },
            names,
            unwraps,
        })
    }
}

fn shaped_ask(ask: &Complete, thinks: bool) -> (Cow<'_, Complete>, bool) {
    let Some(schema) = shaped::schema(ask) else {
        return (Cow::Borrowed(ask), false);
    };
    let is_object = matches!(schema, Cow::Borrowed(_)) && schema["type"] == "object";
    match is_object && ask.tools.is_empty() && !thinks {
        true => (shaped::as_tool(ask, &schema), true),
        false => (shaped::told(ask, &schema), false),
    }
}

/// What only some models know.
fn beside(
    model: &str,
    left: &mut Map<String, Value>,
    limit: Option<&Value>,
    terms: &mut Terms<'_>,
) -> Result<Map<String, Value>, Fault> {
    let mut beside = Map::new();
    if let Some(value) = left.remove("top_k").filter(|value| !value.is_null()) {
        beside.insert("top_k".to_owned(), value);
    }
    if let Some(thinking) = left.remove("thinking").filter(|value| !value.is_null()) {
        beside.insert("thinking".to_owned(), thinking);
    }
    let Some(said) = left
        .remove("reasoning_effort")
        .filter(|value| !value.is_null())
    else {
        return Ok(beside);
    };
    let effort = Effort::read(&said)
        .ok_or_else(|| terms.invalid("`reasoning_effort` is no effort of this API"))?;
    if effort == Effort::None || beside.contains_key("thinking") {
        return Ok(beside);
    }
    let most = limit.and_then(Value::as_u64).unwrap_or(u64::MAX);
    let budget = u64::from(effort.budget()).min(most.saturating_sub(1));
    if !model.contains("claude") || budget < u64::from(LEAST) {
        terms.cannot("reasoning_effort")?;
    } else if model::is_adaptive(model) {
        beside.insert("thinking".to_owned(), json!({"type": "adaptive"}));
        beside.insert("output_config".to_owned(), json!({"effort": effort.word()}));
    } else {
        let thinking = json!({"type": "enabled", "budget_tokens": budget});
        beside.insert("thinking".to_owned(), thinking);
    }
    Ok(beside)
}

fn sampling(
    ask: &Complete,
    limit: Option<Value>,
    left: &mut Map<String, Value>,
    terms: &mut Terms<'_>,
) -> Result<Map<String, Value>, Fault> {
    let temperature = ask.temperature.map(|asked| {
        if asked > 1.0 {
            terms.hint("temperature");
        }
        // The scale ends at 1 there.
        Value::from(asked.min(1.0))
    });
    let stops = match left.remove("stop") {
        Some(Value::String(stop)) => vec![Value::String(stop)],
        Some(Value::Array(stops)) => stops,
        _ => Vec::new(),
    };
    let (stops, blank): (Vec<_>, Vec<_>) = stops
        .into_iter()
        .partition(|stop| stop.as_str().is_some_and(|stop| !stop.trim().is_empty()));
    if !blank.is_empty() {
        terms.cannot("stop")?;
    }
    let named = [
        ("maxTokens", limit),
        ("temperature", temperature),
        ("topP", left.remove("top_p")),
        ("stopSequences", (!stops.is_empty()).then(|| stops.into())),
    ];
    let said = named.into_iter().filter_map(|(name, value)| {
        let value = value.filter(|value| !value.is_null())?;
        Some((name.to_owned(), value))
    });
    Ok(said.collect())
}

fn tools(
    ask: &Complete,
    choice: Option<Choice>,
    names: &Names,
    conversation: &Conversation<'_>,
    is_claude: bool,
    terms: &mut Terms<'_>,
) -> Result<Option<Value>, Fault> {
    let is_none = choice == Some(Choice::None);
    let mut tools: Vec<Value> = Vec::new();
    if !is_none {
        tools.extend(ask.tools.iter().map(|spec| tool(spec, names, terms)));
    }
    // A conversation with calls in it is refused without tools.
    if tools.is_empty() {
        let called = conversation.called().into_iter();
        tools.extend(called.map(|name| spec(name, json!({"type": "object"}), None)));
    }
    if tools.is_empty() {
        return Ok(None);
    }
    let mut config = json!({"tools": tools});
    match choice {
        // The forced one of `shaped` too: every model that knows tools at all and is asked so knows it.
        Some(Choice::Required) => config["toolChoice"] = json!({"any": {}}),
        Some(Choice::Named(name)) => config["toolChoice"] = json!({"tool": {"name": name}}),
        Some(Choice::Auto) if is_claude => config["toolChoice"] = json!({"auto": {}}),
        Some(Choice::Auto | Choice::None) | None => {}
    }
    Ok(Some(config))
}

fn tool(of: &ToolSpec, names: &Names, terms: &mut Terms<'_>) -> Value {
    let function = &of.function;
    let extra = function.extra.iter();
    for (name, _) in extra.filter(|(_, value)| !value.is_null() && **value != false) {
        terms.hint(&format!("tools.{name}"));
    }
    let schema = match &function.parameters {
        Value::Null => json!({"type": "object", "properties": {}}),
        schema => schema.clone(),
    };
    spec(
        &names.told(&function.name),
        schema,
        function.description.as_deref(),
    )
}

fn spec(name: &str, schema: Value, description: Option<&str>) -> Value {
    let mut spec = json!({"name": name, "inputSchema": {"json": schema}});
    if let Some(description) = description {
        spec["description"] = description.into();
    }
    json!({"toolSpec": spec})
}

fn messages(conversation: &Conversation<'_>, terms: &mut Terms<'_>) -> Result<Vec<Message>, Fault> {
    let mut messages = Vec::new();
    for turn in &conversation.turns {
        let content = blocks(turn, terms)?;
        if !content.is_empty() {
            let role = if turn.of_model { "assistant" } else { "user" };
            messages.push(Message { role, content });
        }
    }
    if messages.first().is_none_or(|first| first.role != "user") {
        let content = vec![raw(&json!({"text": NOTHING}))];
        messages.insert(
            0,
            Message {
                role: "user",
                content,
            },
        );
    }
    Ok(messages)
}

fn blocks(turn: &Turn<'_>, terms: &mut Terms<'_>) -> Result<Vec<Box<RawValue>>, Fault> {
    let mut blocks = Vec::new();
    for item in &turn.items {
        match item {
            Item::Call {
                id,
                name,
                arguments,
                ..
            } => {
                let call = CallBlock {
                    tool_use: ToolUse {
                        tool_use_id: id,
                        name,
                        input: arguments,
                    },
                };
                blocks.push(to_raw_value(&call).expect("a call can be written as JSON"));
            }
            other => blocks.extend(block(other, blocks.len(), terms)?.iter().map(raw)),
        }
    }
    let is_document = |block: &RawValue| block.get().starts_with("{\"document\"");
    // A document needs a text beside it.
    if blocks.iter().any(|block| is_document(block))
        && blocks.iter().all(|block| is_document(block))
    {
        blocks.push(raw(&json!({"text": NOTHING})));
    }
    Ok(blocks)
}

fn block(item: &Item<'_>, at: usize, terms: &mut Terms<'_>) -> Result<Vec<Value>, Fault> {
    Ok(match item {
        Item::Text(text) => text_blocks(text),
        Item::Media(media) => media_block(media, at, terms)?.into_iter().collect(),
        Item::Kept(kept) => {
            let content = match kept["type"].as_str() {
                Some("redacted_thinking") => json!({"redactedContent": kept["data"]}),
                _ => {
                    json!({"reasoningText": {"text": kept["thinking"], "signature": kept["signature"]}})
                }
            };
            vec![json!({"reasoningContent": content})]
        }
        Item::Result {
            id, parts, failed, ..
        } => {
            let mut content = Vec::new();
            for part in parts {
                content.extend(block(part, at, terms)?);
            }
            if content.is_empty() {
                content.push(json!({"text": NOTHING}));
            }
            let mut result = json!({"toolUseId": id, "content": content});
            if *failed {
                result["status"] = "error".into();
            }
            vec![json!({"toolResult": result})]
        }
        // Calls are written with the bytes of their arguments.
        Item::Call { .. } => Vec::new(),
    })
}

/// A text, and behind it the mark up to which the model's cache shall reach.
fn text_blocks(text: &Text<'_>) -> Vec<Value> {
    if text.text.trim().is_empty() {
        return Vec::new();
    }
    let mut blocks = vec![json!({"text": text.text})];
    if text.cache_control.is_some() {
        blocks.push(json!({"cachePoint": {"type": "default"}}));
    }
    blocks
}

fn media_block(
    media: &Media<'_>,
    at: usize,
    terms: &mut Terms<'_>,
) -> Result<Option<Value>, Fault> {
    let Source::Inline { mime, data } = media.source else {
        // Links were followed before.
        return Err(terms.invalid("a link was not followed"));
    };
    let source = json!({"bytes": data});
    match (media.kind, mime) {
        (Kind::Image, mime) => {
            let format = mime.trim_start_matches("image/");
            Ok(Some(json!({"image": {"format": format, "source": source}})))
        }
        (Kind::Document, "application/pdf") => {
            if media.file_name.is_some() {
                terms.hint("file.filename");
            }
            // Names of files could tell the model what to do, so Amazon advises against them.
            let name = format!("document {}", at + 1);
            let document = json!({"format": "pdf", "name": name, "source": source});
            Ok(Some(json!({"document": document})))
        }
        (Kind::Document, _) => terms.cannot("file").map(|()| None),
        (Kind::Audio, _) => terms.cannot("input_audio").map(|()| None),
    }
}

fn raw(value: &Value) -> Box<RawValue> {
    to_raw_value(value).expect("a value can be written as JSON")
}
