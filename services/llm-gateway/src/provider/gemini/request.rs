//! A question as a body of `models/<model>:streamGenerateContent`.

use contracts::llm::{Complete, ToolSpec};
use serde::Serialize;
use serde_json::{Map, Value, json, value::RawValue, value::to_raw_value};

use crate::provider::{
    Fault, Question,
    choice::Choice,
    conversation::{Conversation, Item, Turn},
    effort::Effort,
    media::{Media, Source},
    names::Names,
    shaped,
    terms::Terms,
};

/// What a call of another vendor's model bears in place of a signature; Gemini refuses calls without one.
const FOREIGN: &str = "skip_thought_signature_validator";
/// Texts that end an answer, at most.
const MAX_STOPS: usize = 5;

pub(super) struct Request {
    pub(super) body: Body,
    pub(super) names: Names,
}

#[derive(Serialize)]
pub(super) struct Body {
    contents: Vec<Content>,
    #[serde(flatten)]
    rest: Map<String, Value>,
}

#[derive(Serialize)]
struct Content {
    role: &'static str,
    /// As they are: the arguments of calls keep their bytes.
    parts: Vec<Box<RawValue>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CallPart<'a> {
    function_call: FunctionCall<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    thought_signature: Option<&'a str>,
}

#[derive(Serialize)]
struct FunctionCall<'a> {
    id: &'a str,
    name: &'a str,
    args: &'a RawValue,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CountBody {
    generate_content_request: Counted,
}

#[derive(Serialize)]
struct Counted {
    model: String,
    #[serde(flatten)]
    body: Body,
}

impl Body {
    pub(super) fn counted(self, model: &str) -> CountBody {
        CountBody {
            generate_content_request: Counted {
                model: format!("models/{model}"),
                body: self,
            },
        }
    }
}

impl Request {
    pub(super) fn of(question: Question<'_>, terms: &mut Terms<'_>) -> Result<Self, Fault> {
        let ask = question.ask;
        let mut left = ask.extra.clone();
        let names = Names::of(ask);
        let conversation = Conversation::of(ask, "gemini", &names, terms)?;
        let mut rest = Map::new();
        let mut put = |name: &str, value: Value| rest.insert(name.to_owned(), value);
        let system = conversation.system.iter();
        let system: Vec<Value> = system.map(|text| json!({"text": text.text})).collect();
        if !system.is_empty() {
            put("systemInstruction", json!({"parts": system}));
        }
        if !ask.tools.is_empty() {
            let tools: Value = ask
                .tools
                .iter()
                .map(|spec| tool(spec, &names, terms))
                .collect();
            put("tools", json!([{"functionDeclarations": tools}]));
        }
        if let Some(choice) = Choice::of(ask, &names, terms)?.filter(|_| !ask.tools.is_empty()) {
            put(
                "toolConfig",
                json!({"functionCallingConfig": calling(choice)}),
            );
        }
        let config = config(question, &mut left, terms)?;
        if !config.is_empty() {
            put("generationConfig", config.into());
        }
        terms.rest(&left)?;
        let mut contents = Vec::new();
        for turn in &conversation.turns {
            contents.push(content(turn, terms)?);
        }
        contents.retain(|content| !content.parts.is_empty());
        if contents.is_empty() {
            contents.push(Content {
                role: "user",
                parts: vec![raw(&json!({"text": " "}))],
            });
        }
        Ok(Self {
            body: Body { contents, rest },
            names,
        })
    }
}

fn tool(spec: &ToolSpec, names: &Names, terms: &mut Terms<'_>) -> Value {
    let function = &spec.function;
    let mut said = json!({"name": names.told(&function.name)});
    if let Some(description) = &function.description {
        said["description"] = description.as_str().into();
    }
    if !function.parameters.is_null() {
        said["parametersJsonSchema"] = function.parameters.clone();
    }
    let extra = function.extra.iter();
    for (name, _) in extra.filter(|(_, value)| !value.is_null() && **value != false) {
        terms.hint(&format!("tools.{name}"));
    }
    said
}

fn calling(choice: Choice) -> Value {
    match choice {
        Choice::Auto => json!({"mode": "AUTO"}),
        Choice::None => json!({"mode": "NONE"}),
        Choice::Required => json!({"mode": "ANY"}),
        Choice::Named(name) => json!({"mode": "ANY", "allowedFunctionNames": [name]}),
    }
}

fn config(
    question: Question<'_>,
    left: &mut Map<String, Value>,
    terms: &mut Terms<'_>,
) -> Result<Map<String, Value>, Fault> {
    let ask = question.ask;
    let mut config = Map::new();
    let limit = ask.max_tokens.map(Value::from);
    let limit = limit.or(left.remove("max_completion_tokens"));
    let named = [
        ("maxOutputTokens", limit),
        ("temperature", ask.temperature.map(Value::from)),
        ("topP", left.remove("top_p")),
        ("topK", left.remove("top_k")),
        ("seed", left.remove("seed")),
        ("presencePenalty", left.remove("presence_penalty")),
        ("frequencyPenalty", left.remove("frequency_penalty")),
    ];
    for (name, value) in named {
        if let Some(value) = value.filter(|value| !value.is_null()) {
            config.insert(name.to_owned(), value);
        }
    }
    let stops = match left.remove("stop") {
        Some(Value::String(stop)) => vec![Value::String(stop)],
        Some(Value::Array(stops)) => stops,
        _ => Vec::new(),
    };
    if stops.len() > MAX_STOPS {
        terms.cannot("stop")?;
    }
    if !stops.is_empty() {
        let stops: Value = stops.into_iter().take(MAX_STOPS).collect();
        config.insert("stopSequences".to_owned(), stops);
    }
    shape(ask, &mut config);
    let said = left.remove("reasoning_effort");
    let thinking_of_others = left.remove("thinking");
    let effort = match said.filter(|effort| !effort.is_null()) {
        Some(said) => Effort::read(&said)
            .ok_or_else(|| terms.invalid("`reasoning_effort` is no effort of this API"))
            .map(Some)?,
        None => thinking_of_others.as_ref().and_then(Effort::of_thinking),
    };
    if let Some(effort) = effort {
        config.insert(
            "thinkingConfig".to_owned(),
            thinking(question.model, effort),
        );
    }
    Ok(config)
}

fn shape(ask: &Complete, config: &mut Map<String, Value>) {
    let Some(schema) = shaped::schema(ask) else {
        return;
    };
    config.insert("responseMimeType".to_owned(), "application/json".into());
    if ask
        .response_format
        .as_ref()
        .is_some_and(|format| format["type"] == "json_schema")
    {
        config.insert("responseJsonSchema".to_owned(), schema.into_owned());
    }
}

/// Models before 3 take a number of tokens, later ones a level.
fn thinking(model: &str, effort: Effort) -> Value {
    let is_early = ["gemini-1", "gemini-2"]
        .iter()
        .any(|early| model.contains(early));
    if is_early {
        return json!({"thinkingBudget": effort.budget(), "includeThoughts": effort != Effort::None});
    }
    json!({"thinkingLevel": effort.word(), "includeThoughts": effort != Effort::None})
}

fn content(turn: &Turn<'_>, terms: &mut Terms<'_>) -> Result<Content, Fault> {
    let mut parts = Vec::new();
    let mut calls = 0;
    let has_text = turn
        .items
        .iter()
        .any(|item| !matches!(item, Item::Media(_)));
    for item in &turn.items {
        match item {
            Item::Text(text) => parts.push(raw(&json!({"text": text.text}))),
            Item::Media(media) => parts.extend(media_part(media, terms)?.map(|part| raw(&part))),
            Item::Kept(kept) => {
                let part = json!({"text": "", "thoughtSignature": kept["signature"]});
                parts.push(raw(&part));
            }
            Item::Call {
                id,
                name,
                arguments,
                extra,
            } => {
                let own = extra.get("extra_content");
                let own = own.and_then(|content| content.pointer("/google/thought_signature"));
                // Only the first of several calls bears a signature.
                let foreign = (calls == 0).then_some(FOREIGN);
                calls += 1;
                let part = CallPart {
                    function_call: FunctionCall {
                        id,
                        name,
                        args: arguments,
                    },
                    thought_signature: own.and_then(Value::as_str).or(foreign),
                };
                parts.push(to_raw_value(&part).expect("a call can be written as JSON"));
            }
            Item::Result {
                id,
                name,
                parts: said,
                failed,
                ..
            } => {
                parts.push(raw(&response(id, name, said, *failed)));
                for part in said {
                    if let Item::Media(media) = part {
                        parts.extend(media_part(media, terms)?.map(|part| raw(&part)));
                    }
                }
            }
        }
    }
    // A turn of media alone is refused.
    if !has_text && !parts.is_empty() {
        parts.push(raw(&json!({"text": " "})));
    }
    let role = if turn.of_model { "model" } else { "user" };
    Ok(Content { role, parts })
}

fn response(id: &str, name: &str, said: &[Item<'_>], failed: bool) -> Value {
    let texts = said.iter().filter_map(|item| match item {
        Item::Text(text) => Some(text.text),
        _ => None,
    });
    let text: String = texts.collect::<Vec<_>>().join("\n");
    // A response is an object there.
    let response = match failed {
        true => json!({"error": text}),
        false => json!({"output": text}),
    };
    json!({"functionResponse": {"id": id, "name": name, "response": response}})
}

fn media_part(media: &Media<'_>, terms: &mut Terms<'_>) -> Result<Option<Value>, Fault> {
    if media.file_name.is_some() {
        terms.hint("file.filename");
    }
    match media.source {
        Source::Inline { mime, data } => Ok(Some(
            json!({"inlineData": {"mimeType": mime, "data": data}}),
        )),
        // Links were followed before.
        Source::Url(_) => Err(terms.invalid("a link was not followed")),
    }
}

fn raw(value: &Value) -> Box<RawValue> {
    to_raw_value(value).expect("a value can be written as JSON")
}
