//! Answers that must fit a schema, from vendors who do not promise that by themselves.

use std::borrow::Cow;

use contracts::llm::{Complete, FunctionSpec, Message, ToolSpec};
use serde_json::{Map, Value, json};

/// The tool whose arguments are the answer.
pub(crate) const TOOL: &str = "answer_in_json";

/// The schema that the answer shall fit, where the question asks for JSON.
pub(crate) fn schema(ask: &Complete) -> Option<Cow<'_, Value>> {
    let format = ask.response_format.as_ref()?;
    match format["type"].as_str() {
        Some("json_schema") => format.pointer("/json_schema/schema").map(Cow::Borrowed),
        Some("json_object") => Some(Cow::Owned(json!({"type": "object"}))),
        _ => None,
    }
}

/// What a model is told that has no other way.
pub(crate) fn instruction(schema: &Value) -> String {
    format!(
        "Answer with nothing but JSON that fits this JSON Schema, without a Markdown fence:\n{schema}"
    )
}

/// The question with a system message that says what to write.
pub(crate) fn told<'a>(ask: &Complete, schema: &Value) -> Cow<'a, Complete> {
    let mut told = ask.clone();
    told.response_format = None;
    told.messages
        .insert(0, Message::system(instruction(schema)));
    Cow::Owned(told)
}

/// The question with a tool that must be called, whose arguments are the answer. Only for questions without tools.
pub(crate) fn as_tool<'a>(ask: &Complete, schema: &Value) -> Cow<'a, Complete> {
    let mut asked = ask.clone();
    asked.response_format = None;
    asked.tools = vec![ToolSpec {
        kind: "function".to_owned(),
        function: FunctionSpec {
            name: TOOL.to_owned(),
            description: Some("Gives the answer.".to_owned()),
            parameters: schema.clone(),
            extra: Map::new(),
        },
    }];
    asked.tool_choice = Some(json!({"type": "function", "function": {"name": TOOL}}));
    Cow::Owned(asked)
}
