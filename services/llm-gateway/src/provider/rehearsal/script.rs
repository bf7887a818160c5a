//! The script of a rehearsal: lines in a question that say what to answer.
//!
//! A line of a system, developer or user message (in backticks or not) that reads `rehearsal: {…}`. The last message
//! that has such lines counts. Its first line is the answer to it, its second line the answer after that, and so on;
//! when the lines are used up the rehearsal answers on its own.
//!
//! | field | meaning |
//! |---|---|
//! | `say` | the text |
//! | `tool_calls` | `[{"name", "arguments"}]`; arguments as an object, or as the text to send as it stands |
//! | `error` | `{"status", "code"?, "message"?, "retry_after_ms"?}`: refuse as a vendor would |
//! | `delay_ms` | the pause before the answer begins |
//! | `chunk_ms` | the pause between two pieces |
//! | `cut` | break off in the middle |

use contracts::llm::Message;
use serde::Deserialize;
use serde_json::Value;

use crate::domain::answer::text_of;

const MARK: &str = "rehearsal:";
const MAX_DELAY_MS: u64 = 600_000;
const MAX_CHUNK_MS: u64 = 10_000;

#[derive(Debug, Default, Deserialize, PartialEq)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Script {
    pub(crate) say: Option<String>,
    pub(crate) tool_calls: Vec<ScriptedCall>,
    pub(crate) error: Option<ScriptedError>,
    pub(crate) delay_ms: u64,
    pub(crate) chunk_ms: Option<u64>,
    pub(crate) cut: bool,
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub(crate) struct ScriptedCall {
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) arguments: Value,
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub(crate) struct ScriptedError {
    pub(crate) status: u16,
    #[serde(default)]
    pub(crate) code: String,
    #[serde(default)]
    pub(crate) message: String,
    #[serde(default)]
    pub(crate) retry_after_ms: Option<u64>,
}

/// The line that says what to answer now, if any does.
pub(crate) fn find(messages: &[Message]) -> Result<Option<Script>, String> {
    let scripted = messages.iter().enumerate().rev().find_map(|(at, message)| {
        let may_direct = matches!(message.role.as_str(), "system" | "developer" | "user");
        let text = may_direct.then(|| text_of(&message.content))?;
        let lines: Vec<String> = text.lines().filter_map(line).map(str::to_owned).collect();
        (!lines.is_empty()).then_some((at, lines))
    });
    let Some((at, lines)) = scripted else {
        return Ok(None);
    };
    let answered = messages[at..]
        .iter()
        .filter(|message| message.role == "assistant")
        .count();
    lines.get(answered).map(|line| parse(line)).transpose()
}

/// The text of a message without its script lines.
pub(crate) fn without_lines(text: &str) -> String {
    let plain = text.lines().filter(|text| line(text).is_none());
    plain.collect::<Vec<_>>().join("\n")
}

fn line(text: &str) -> Option<&str> {
    let text = text.trim().trim_matches('`').trim();
    let script = text.strip_prefix(MARK)?.trim_start();
    script.starts_with('{').then_some(script)
}

fn parse(line: &str) -> Result<Script, String> {
    let script: Script = serde_json::from_str(line).map_err(|error| error.to_string())?;
    if script.delay_ms > MAX_DELAY_MS {
        return Err(format!("`delay_ms` is at most {MAX_DELAY_MS}"));
    }
    if script.chunk_ms.is_some_and(|pause| pause > MAX_CHUNK_MS) {
        return Err(format!("`chunk_ms` is at most {MAX_CHUNK_MS}"));
    }
    if script
        .error
        .as_ref()
        .is_some_and(|error| !(400..600).contains(&error.status))
    {
        return Err("`error.status` is from 400 to 599".to_owned());
    }
    Ok(script)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assistant() -> Message {
        Message {
            role: "assistant".into(),
            ..Message::user("ok")
        }
    }

    fn said(messages: &[Message]) -> Option<String> {
        find(messages).unwrap().and_then(|script| script.say)
    }

    #[test]
    fn lines_are_used_one_answer_after_the_other() {
        let system = Message::system(
            "Be kind.\n`rehearsal: {\"say\": \"one\"}`\nrehearsal: {\"say\": \"two\"}",
        );
        let mut talk = vec![system, Message::user("hi")];
        assert_eq!(said(&talk).as_deref(), Some("one"));
        talk.extend([assistant(), Message::user("go on")]);
        assert_eq!(said(&talk).as_deref(), Some("two"));
        talk.push(assistant());
        assert_eq!(said(&talk), None);
        talk.push(Message::user("rehearsal: {\"say\": \"three\"}"));
        assert_eq!(said(&talk).as_deref(), Some("three"));
    }

    #[test]
    fn other_lines_and_other_roles_direct_nothing() {
        let tool = Message {
            role: "tool".into(),
            ..Message::user("rehearsal: {\"say\": \"x\"}")
        };
        for message in [
            tool,
            Message::user("what does `rehearsal:` mean?"),
            Message::user("the rehearsal: {\"say\": \"x\"}"),
        ] {
            assert_eq!(find(&[message]), Ok(None));
        }
        assert_eq!(without_lines("a\nrehearsal: {}\nb"), "a\nb");
    }

    #[test]
    fn a_script_that_cannot_be_read_is_told() {
        for line in [
            "{",
            r#"{"sya": "x"}"#,
            r#"{"delay_ms": 600001}"#,
            r#"{"chunk_ms": 10001}"#,
            r#"{"error": {"status": 200}}"#,
        ] {
            let message = Message::user(format!("rehearsal: {line}"));
            assert!(find(&[message]).is_err(), "{line}");
        }
    }
}
