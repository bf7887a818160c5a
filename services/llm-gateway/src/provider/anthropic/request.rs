//! A question as a body of `POST /messages`.

use std::borrow::Cow;

use contracts::llm::{Complete, ToolSpec};
use serde::Serialize;
use serde_json::{Map, Value, json, value::RawValue, value::to_raw_value};
use sha2::{Digest, Sha256};

use super::{model, schema};
use crate::provider::{
    Fault, Question,
    choice::Choice,
    conversation::{Conversation, Item, Text, Turn},
    effort::{Effort, LEAST},
    media::{Kind, Media, Source},
    names::Names,
    shaped,
    terms::Terms,
};

/// What stands where the user says nothing but must say something.
pub(crate) const NOTHING: &str = "(no message)";
/// What counting tokens needs of a question.
const COUNTED: [&str; 6] = [
    "model",
    "system",
    "tools",
    "tool_choice",
    "thinking",
    "output_config",
];

pub(crate) struct Request {
    pub(crate) body: Body,
    pub(crate) names: Names,
    /// Whether the answer comes as the arguments of [`shaped::TOOL`].
    pub(crate) unwraps: bool,
}

#[derive(Serialize)]
pub(crate) struct Body {
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
struct ToolUse<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    id: &'a str,
    name: &'a str,
    input: &'a RawValue,
}

impl Body {
    pub(crate) fn counted(mut self) -> Self {
        self.rest.retain(|name, _| COUNTED.contains(&name.as_str()));
        self
    }
}

impl Request {
    pub(crate) fn of(question: Question<'_>, terms: &mut Terms<'_>) -> Result<Self, Fault> {
        let mut left = question.ask.extra.clone();
        let limit = question.ask.max_tokens;
        let limit = limit.or_else(|| count(left.remove("max_completion_tokens").as_ref()));
        let thinking = Thinking::of(question.model, &mut left, limit, terms)?;
        let shape = Shape::of(question, thinking.is_on());
        let ask = shape.ask.as_ref();
        let names = Names::of(ask);
        let conversation = Conversation::of(ask, "anthropic", &names, terms)?;
        let mut rest = Map::new();
        let mut put = |name: &str, value: Value| rest.insert(name.to_owned(), value);
        put("model", question.model.into());
        put("stream", true.into());
        let most = limit.unwrap_or_else(|| model::max_tokens(question.model));
        put("max_tokens", most.into());
        let system: Vec<Value> = conversation.system.iter().filter_map(text_block).collect();
        if !system.is_empty() {
            put("system", system.into());
        }
        if !ask.tools.is_empty() {
            let tools: Value = ask
                .tools
                .iter()
                .map(|spec| tool(spec, &names, terms))
                .collect();
            put("tools", tools);
        }
        if let Some(choice) = tool_choice(ask, &names, &mut left, thinking.is_on(), terms)? {
            put("tool_choice", choice);
        }
        let mut config = Map::new();
        config.extend(shape.format.map(|format| ("format".to_owned(), format)));
        config.extend(
            thinking
                .effort
                .map(|effort| ("effort".to_owned(), effort.into())),
        );
        if !config.is_empty() {
            put("output_config", config.into());
        }
        sampling(
            ask.temperature,
            &mut left,
            thinking.is_on(),
            terms,
            &mut put,
        )?;
        if let Some(thinking) = thinking.said {
            put("thinking", thinking);
        }
        if let Some(Value::String(user)) = left.remove("user") {
            // Anthropic wants no name and no address there.
            let hash = Sha256::digest(user.as_bytes());
            let id: String = hash
                .iter()
                .take(16)
                .map(|byte| format!("{byte:02x}"))
                .collect();
            put("metadata", json!({"user_id": id}));
        }
        if let Some(tier) = tier(&mut left) {
            put("service_tier", tier.into());
        }
        terms.rest(&left)?;
        let messages = messages(conversation, terms)?;
        Ok(Self {
            body: Body { messages, rest },
            unwraps: shape.unwraps,
            names,
        })
    }
}

/// How the answer is made to fit a schema.
struct Shape<'a> {
    ask: Cow<'a, Complete>,
    format: Option<Value>,
    unwraps: bool,
}

impl<'a> Shape<'a> {
    fn of(question: Question<'a>, thinks: bool) -> Self {
        let plain = |ask| Self {
            ask,
            format: None,
            unwraps: false,
        };
        let ask = question.ask;
        let Some(wanted) = shaped::schema(ask) else {
            return plain(Cow::Borrowed(ask));
        };
        let is_schema = matches!(wanted, Cow::Borrowed(_));
        if is_schema && model::has_schemas(question.model) && schema::is_enforceable(&wanted) {
            let format = json!({"type": "json_schema", "schema": schema::plain(&wanted)});
            return Self {
                format: Some(format),
                ..plain(Cow::Borrowed(ask))
            };
        }
        // A tool cannot be forced on a model that thinks, nor beside tools that it may choose from.
        if is_schema && ask.tools.is_empty() && !thinks && wanted["type"] == "object" {
            return Self {
                unwraps: true,
                ..plain(shaped::as_tool(ask, &wanted))
            };
        }
        plain(shaped::told(ask, &wanted))
    }
}

#[derive(Default)]
struct Thinking {
    said: Option<Value>,
    effort: Option<&'static str>,
}

impl Thinking {
    fn of(
        name: &str,
        left: &mut Map<String, Value>,
        limit: Option<u32>,
        terms: &mut Terms<'_>,
    ) -> Result<Self, Fault> {
        let most = limit.unwrap_or_else(|| model::max_tokens(name));
        let effort = left.remove("reasoning_effort");
        let effort = match effort.filter(|effort| !effort.is_null()) {
            None => None,
            Some(effort) => Some(Effort::read(&effort).ok_or_else(|| {
                terms
                    .invalid("`reasoning_effort` is none, minimal, low, medium, high, xhigh or max")
            })?),
        };
        if let Some(said) = left.remove("thinking").filter(|said| !said.is_null()) {
            if said["type"] == "enabled" {
                let budget = count(said.get("budget_tokens")).unwrap_or(0);
                if budget < LEAST || budget >= most {
                    let text =
                        "`thinking.budget_tokens` is at least 1024 and less than `max_tokens`";
                    return Err(terms.invalid(text));
                }
            }
            let (asked, is_off) = (effort, said["type"] == "disabled");
            let effort = effort.filter(|it| *it != Effort::None && model::is_adaptive(name));
            let is_said = effort.is_some() || asked == Some(Effort::None) && is_off;
            if asked.is_some() && !is_said {
                terms.cannot("reasoning_effort")?;
            }
            return Ok(Self {
                said: Some(said),
                effort: effort.map(|effort| model::effort(name, effort)),
            });
        }
        let Some(effort) = effort.filter(|effort| *effort != Effort::None) else {
            return Ok(Self::default());
        };
        if model::is_adaptive(name) {
            return Ok(Self {
                said: Some(json!({"type": "adaptive"})),
                effort: Some(model::effort(name, effort)),
            });
        }
        let budget = effort.budget().min(most.saturating_sub(1));
        if budget < LEAST {
            terms.cannot("reasoning_effort")?;
            return Ok(Self::default());
        }
        Ok(Self {
            said: Some(json!({"type": "enabled", "budget_tokens": budget})),
            effort: None,
        })
    }

    fn is_on(&self) -> bool {
        let said = self.said.as_ref();
        said.is_some_and(|said| said["type"] != "disabled")
    }
}

/// The terms that Anthropic knows, where the question asks for one of them.
fn tier(left: &mut Map<String, Value>) -> Option<&'static str> {
    let tier = match left.get("service_tier")?.as_str()? {
        "auto" => "auto",
        "default" | "standard" | "standard_only" => "standard_only",
        _ => return None,
    };
    left.remove("service_tier");
    Some(tier)
}

fn count(value: Option<&Value>) -> Option<u32> {
    u32::try_from(value?.as_u64()?).ok()
}

fn tool(spec: &ToolSpec, names: &Names, terms: &mut Terms<'_>) -> Value {
    let function = &spec.function;
    let schema = match &function.parameters {
        Value::Null => json!({"type": "object", "properties": {}}),
        schema => schema.clone(),
    };
    let mut said = json!({"name": names.told(&function.name), "input_schema": schema});
    if let Some(description) = &function.description {
        said["description"] = description.as_str().into();
    }
    for (name, value) in &function.extra {
        match name.as_str() {
            "cache_control" => said["cache_control"] = value.clone(),
            _ if value.is_null() || *value == false => {}
            name => terms.hint(&format!("tools.{name}")),
        }
    }
    said
}

fn tool_choice(
    ask: &Complete,
    names: &Names,
    left: &mut Map<String, Value>,
    thinks: bool,
    terms: &mut Terms<'_>,
) -> Result<Option<Value>, Fault> {
    let one_at_a_time = left.remove("parallel_tool_calls") == Some(Value::Bool(false));
    let mut choice = Choice::of(ask, names, terms)?;
    if thinks && choice.as_ref().is_some_and(Choice::is_forced) {
        terms.cannot("tool_choice")?;
        choice = None;
    }
    if ask.tools.is_empty() {
        return Ok(None);
    }
    let mut said = match choice {
        // What is not to be called is not called twice either.
        Some(Choice::None) => return Ok(Some(json!({"type": "none"}))),
        None if !one_at_a_time => return Ok(None),
        None | Some(Choice::Auto) => json!({"type": "auto"}),
        Some(Choice::Required) => json!({"type": "any"}),
        Some(Choice::Named(name)) => json!({"type": "tool", "name": name}),
    };
    if one_at_a_time {
        said["disable_parallel_tool_use"] = true.into();
    }
    Ok(Some(said))
}

/// Temperature, nucleus, stops.
fn sampling(
    temperature: Option<f64>,
    left: &mut Map<String, Value>,
    thinks: bool,
    terms: &mut Terms<'_>,
    put: &mut impl FnMut(&str, Value) -> Option<Value>,
) -> Result<(), Fault> {
    match temperature {
        // The scale ends at 1 there; a model that thinks has none.
        Some(asked) if thinks && asked != 1.0 => terms.hint("temperature"),
        Some(asked) if asked > 1.0 => {
            terms.hint("temperature");
            put("temperature", 1.0.into());
        }
        Some(asked) if !thinks => drop(put("temperature", asked.into())),
        Some(_) | None => {}
    }
    for name in ["top_p", "top_k"] {
        match left.remove(name).filter(|value| !value.is_null()) {
            Some(_) if thinks => terms.cannot(name)?,
            Some(value) => drop(put(name, value)),
            None => {}
        }
    }
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
    if !stops.is_empty() {
        put("stop_sequences", stops.into());
    }
    Ok(())
}

fn messages(conversation: Conversation<'_>, terms: &mut Terms<'_>) -> Result<Vec<Message>, Fault> {
    let mut messages = Vec::new();
    let count = conversation.turns.len();
    for (at, turn) in conversation.turns.iter().enumerate() {
        let is_begun_answer = turn.of_model && at + 1 == count;
        let content = blocks(turn, is_begun_answer, terms)?;
        if !content.is_empty() {
            let role = if turn.of_model { "assistant" } else { "user" };
            messages.push(Message { role, content });
        }
    }
    if messages.first().is_none_or(|first| first.role != "user") {
        let said = raw(&json!({"type": "text", "text": NOTHING}));
        messages.insert(
            0,
            Message {
                role: "user",
                content: vec![said],
            },
        );
    }
    Ok(messages)
}

fn blocks(
    turn: &Turn<'_>,
    is_begun_answer: bool,
    terms: &mut Terms<'_>,
) -> Result<Vec<Box<RawValue>>, Fault> {
    let mut blocks = Vec::new();
    let last = turn.items.len().saturating_sub(1);
    for (at, item) in turn.items.iter().enumerate() {
        match item {
            // The beginning of an answer must not end in white space.
            Item::Text(text) if is_begun_answer && at == last => {
                let text = Text {
                    text: text.text.trim_end(),
                    ..*text
                };
                blocks.extend(text_block(&text).map(|block| raw(&block)));
            }
            Item::Call {
                id,
                name,
                arguments,
                ..
            } => {
                let call = ToolUse {
                    kind: "tool_use",
                    id,
                    name,
                    input: arguments,
                };
                blocks.push(to_raw_value(&call).expect("a call can be written as JSON"));
            }
            other => blocks.extend(block(other, terms)?.map(|block| raw(&block))),
        }
    }
    Ok(blocks)
}

fn block(item: &Item<'_>, terms: &mut Terms<'_>) -> Result<Option<Value>, Fault> {
    Ok(match item {
        Item::Text(text) => text_block(text),
        Item::Media(media) => media_block(media, terms)?,
        Item::Kept(kept) => {
            let mut block = (*kept).clone();
            block.as_object_mut().map(|fields| fields.remove("vendor"));
            Some(block)
        }
        Item::Result {
            id,
            parts,
            failed,
            cache_control,
            ..
        } => {
            let mut content = Vec::new();
            for part in parts {
                content.extend(block(part, terms)?);
            }
            let mut result = json!({"type": "tool_result", "tool_use_id": id});
            if !content.is_empty() {
                result["content"] = content.into();
            }
            if *failed {
                result["is_error"] = true.into();
            }
            if let Some(cache) = cache_control {
                result["cache_control"] = (*cache).clone();
            }
            Some(result)
        }
        // Calls are written with the bytes of their arguments.
        Item::Call { .. } => None,
    })
}

fn text_block(text: &Text<'_>) -> Option<Value> {
    if text.text.trim().is_empty() {
        return None;
    }
    let mut block = json!({"type": "text", "text": text.text});
    if let Some(cache) = text.cache_control {
        block["cache_control"] = cache.clone();
    }
    Some(block)
}

fn media_block(media: &Media<'_>, terms: &mut Terms<'_>) -> Result<Option<Value>, Fault> {
    let kind = match (media.kind, media.source) {
        (Kind::Image, _) => "image",
        (Kind::Document, Source::Url(_)) => "document",
        (
            Kind::Document,
            Source::Inline {
                mime: "application/pdf",
                ..
            },
        ) => "document",
        (Kind::Document, Source::Inline { .. }) => return terms.cannot("file").map(|()| None),
        (Kind::Audio, _) => return terms.cannot("input_audio").map(|()| None),
    };
    let source = match media.source {
        Source::Inline { mime, data } => {
            json!({"type": "base64", "media_type": mime, "data": data})
        }
        Source::Url(url) => json!({"type": "url", "url": url}),
    };
    let mut block = json!({"type": kind, "source": source});
    if let Some(name) = media.file_name {
        block["title"] = name.into();
    }
    if let Some(cache) = media.cache_control {
        block["cache_control"] = cache.clone();
    }
    Ok(Some(block))
}

fn raw(value: &Value) -> Box<RawValue> {
    to_raw_value(value).expect("a value can be written as JSON")
}
