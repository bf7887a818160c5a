//! What a rehearsal will say to a question.

use std::time::Duration;

use contracts::llm::{Complete, FinishReason, FunctionCall, Message, ToolCall, ToolSpec};
use serde_json::{Map, Value};

use super::{
    example,
    script::{self, Script, ScriptedCall, ScriptedError},
};
use crate::{
    domain::{answer::text_of, catalog::REHEARSAL},
    provider::{
        fault::{Fault, FaultKind},
        refusal,
    },
};

/// Characters of the question that are said back.
const ECHO: usize = 200;
/// What every text of our own begins with.
const LABEL: &str = "Rehearsal: no model was asked.";

/// Parameters that change nothing about the form of an answer: a rehearsal takes them without effect.
const WITHOUT_EFFECT: [&str; 20] = [
    "top_p",
    "seed",
    "stop",
    "user",
    "n",
    "metadata",
    "store",
    "service_tier",
    "frequency_penalty",
    "presence_penalty",
    "logit_bias",
    "parallel_tool_calls",
    "reasoning_effort",
    "verbosity",
    "prompt_cache_key",
    "prompt_cache_retention",
    "safety_identifier",
    "stream_options",
    "thinking",
    "temperature",
];

#[derive(Debug)]
pub(crate) struct Plan {
    /// The text, cut where a model would pause. A word is a token.
    pub(crate) words: Vec<String>,
    pub(crate) tool_calls: Vec<ToolCall>,
    pub(crate) ending: Ending,
    pub(crate) delay: Duration,
    pub(crate) pause: Option<Duration>,
    pub(crate) prompt_tokens: u64,
    pub(crate) completion_tokens: u64,
    pub(crate) ignored: Vec<String>,
}

#[derive(Debug)]
pub(crate) enum Ending {
    Finish(FinishReason),
    Cut,
    Fault(Fault),
}

/// What is said, before it is cut into words and counted.
struct Said {
    text: String,
    calls: Vec<ToolCall>,
}

impl Plan {
    pub(crate) fn of(ask: &Complete) -> Result<Self, Fault> {
        let ignored = ignored(ask)?;
        let script = script::find(&ask.messages)
            .map_err(|why| Fault::new(REHEARSAL, FaultKind::Script).because(why))?;
        let script = script.unwrap_or_default();
        let said = match scripted(&script, ask)? {
            Some(said) => said,
            None => improvised(ask)?,
        };
        let mut words = words(&said.text);
        let cut_short = limit(ask).is_some_and(|limit| words.len() > limit);
        words.truncate(limit(ask).unwrap_or(usize::MAX));
        let calls = said.calls.iter();
        let call_tokens: usize = calls
            .map(|call| 1 + call.function.arguments.split_whitespace().count())
            .sum();
        let finish = match (cut_short, said.calls.is_empty()) {
            (true, _) => FinishReason::Length,
            (false, false) => FinishReason::ToolCalls,
            (false, true) => FinishReason::Stop,
        };
        let ending = match script.error {
            Some(error) => Ending::Fault(refused(&error)),
            None if script.cut => Ending::Cut,
            None => Ending::Finish(finish),
        };
        Ok(Self {
            completion_tokens: count(words.len() + call_tokens),
            prompt_tokens: prompt_tokens(ask),
            words,
            tool_calls: said.calls,
            ending,
            delay: Duration::from_millis(script.delay_ms),
            pause: script.chunk_ms.map(Duration::from_millis),
            ignored,
        })
    }
}

/// The parameters without effect; an error for those that an answer could not honour.
fn ignored(ask: &Complete) -> Result<Vec<String>, Fault> {
    let mut ignored = Vec::new();
    for name in ask.extra.keys() {
        match name.as_str() {
            "max_completion_tokens" => {}
            name if WITHOUT_EFFECT.contains(&name) => ignored.push(name.to_owned()),
            name => {
                let shown: String = name.chars().take(64).collect();
                return Err(unsupported(format!("`{shown}`")));
            }
        }
    }
    if ask.temperature.is_some() {
        ignored.push("temperature".to_owned());
    }
    Ok(ignored)
}

fn unsupported(what: String) -> Fault {
    Fault::new(REHEARSAL, FaultKind::Unsupported).because(what)
}

fn scripted(script: &Script, ask: &Complete) -> Result<Option<Said>, Fault> {
    if script.say.is_none() && script.tool_calls.is_empty() {
        return Ok(None);
    }
    let begun = calls_so_far(&ask.messages);
    let calls = script.tool_calls.iter().enumerate();
    let calls = calls
        .map(|(index, call)| scripted_call(call, ask, begun + index))
        .collect::<Result<_, _>>()?;
    Ok(Some(Said {
        text: script.say.clone().unwrap_or_default(),
        calls,
    }))
}

fn scripted_call(call: &ScriptedCall, ask: &Complete, number: usize) -> Result<ToolCall, Fault> {
    let known = ask.tools.iter().any(|tool| tool.function.name == call.name);
    if !known {
        let shown: String = call.name.chars().take(64).collect();
        return Err(Fault::new(REHEARSAL, FaultKind::Script)
            .because(format!("the question has no tool `{shown}`")));
    }
    let arguments = match &call.arguments {
        Value::Null => "{}".to_owned(),
        Value::String(text) => text.clone(),
        value => value.to_string(),
    };
    Ok(tool_call(&call.name, arguments, number))
}

fn improvised(ask: &Complete) -> Result<Said, Fault> {
    if let Some(tool) = chosen_tool(ask)? {
        let arguments = example::of_schema(&tool.function.parameters, true)
            .map_err(|why| Fault::new(REHEARSAL, FaultKind::Schema).because(why))?;
        let number = calls_so_far(&ask.messages);
        return Ok(Said {
            text: String::new(),
            calls: vec![tool_call(
                &tool.function.name,
                arguments.to_string(),
                number,
            )],
        });
    }
    let text = match ask.response_format.as_ref() {
        Some(format) => formatted(format, ask)?,
        None => improvised_text(ask),
    };
    Ok(Said {
        text,
        calls: Vec::new(),
    })
}

fn improvised_text(ask: &Complete) -> String {
    let Some(last) = ask.messages.last() else {
        return LABEL.to_owned();
    };
    let text = script::without_lines(&text_of(&last.content));
    let text = text.trim();
    let mut echo: String = text.chars().take(ECHO).collect();
    if echo.len() < text.len() {
        echo.push('…');
    }
    match last.role.as_str() {
        _ if echo.is_empty() => LABEL.to_owned(),
        "tool" => format!("{LABEL} The tool answered: {echo}"),
        _ => format!("{LABEL} You said: {echo}"),
    }
}

fn formatted(format: &Value, ask: &Complete) -> Result<String, Fault> {
    match format["type"].as_str() {
        Some("text") => Ok(improvised_text(ask)),
        Some("json_object") => {
            Ok(serde_json::json!({"rehearsal": true, "text": improvised_text(ask)}).to_string())
        }
        Some("json_schema") => example::of_schema(&format["json_schema"]["schema"], false)
            .map(|value| value.to_string())
            .map_err(|why| Fault::new(REHEARSAL, FaultKind::Schema).because(why)),
        _ => Err(unsupported("this `response_format`".to_owned())),
    }
}

/// The tool that `tool_choice` asks for. Where the choice is the model's, a tool is called when the user's last message
/// names it and nothing has been said since.
fn chosen_tool(ask: &Complete) -> Result<Option<&ToolSpec>, Fault> {
    let question = ask.messages.iter().rfind(|message| message.role == "user");
    let mentioned = question.and_then(|message| {
        let text = text_of(&message.content);
        let mut tools = ask.tools.iter();
        tools.find(|tool| text.contains(&tool.function.name))
    });
    let is_new = ask.messages.last().is_some_and(|last| last.role == "user");
    let free_choice = mentioned.filter(|_| is_new);
    match &ask.tool_choice {
        None => Ok(free_choice),
        Some(Value::String(word)) => match word.as_str() {
            "auto" => Ok(free_choice),
            "none" => Ok(None),
            "required" => match mentioned.or(ask.tools.first()) {
                None => Err(unsupported("`tool_choice` without `tools`".to_owned())),
                tool => Ok(tool),
            },
            _ => Err(unsupported("this `tool_choice`".to_owned())),
        },
        Some(choice) if choice["type"] == "function" => {
            let name = choice["function"]["name"].as_str().unwrap_or_default();
            match ask.tools.iter().find(|tool| tool.function.name == name) {
                None => Err(unsupported(
                    "`tool_choice` names no tool of `tools`".to_owned(),
                )),
                tool => Ok(tool),
            }
        }
        Some(_) => Err(unsupported("this `tool_choice`".to_owned())),
    }
}

fn tool_call(name: &str, arguments: String, number: usize) -> ToolCall {
    ToolCall {
        // Numbered over the whole conversation: an id names one call.
        id: format!("call_rehearsal_{number}"),
        kind: "function".to_owned(),
        function: FunctionCall {
            name: name.to_owned(),
            arguments,
        },
        extra: Map::new(),
    }
}

fn calls_so_far(messages: &[Message]) -> usize {
    messages
        .iter()
        .map(|message| message.tool_calls.len())
        .sum()
}

fn refused(error: &ScriptedError) -> Fault {
    let body = serde_json::json!({"error": {"message": error.message, "code": error.code}});
    let mut fault = refusal::fault(REHEARSAL, error.status, body.to_string().as_bytes(), None);
    fault.retry_after_ms = error.retry_after_ms;
    fault
}

/// Words with the white space that follows them, so that they join to the same text.
fn words(text: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut in_gap = false;
    for c in text.chars() {
        match words.last_mut() {
            Some(word) if c.is_whitespace() || !in_gap => word.push(c),
            _ => words.push(c.to_string()),
        }
        in_gap = c.is_whitespace();
    }
    words
}

pub(super) fn prompt_tokens(ask: &Complete) -> u64 {
    let tokens = |message: &Message| {
        let calls = message.tool_calls.iter();
        let calls: usize = calls
            .map(|call| 1 + call.function.arguments.split_whitespace().count())
            .sum();
        // One more for the role.
        1 + calls + text_of(&message.content).split_whitespace().count()
    };
    count(ask.messages.iter().map(tokens).sum())
}

fn limit(ask: &Complete) -> Option<usize> {
    let newer = ask
        .extra
        .get("max_completion_tokens")
        .and_then(Value::as_u64);
    let limit = newer.or(ask.max_tokens.map(u64::from))?;
    usize::try_from(limit).ok()
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
