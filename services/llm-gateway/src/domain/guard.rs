//! What the guardrails of a route make of a question and of an answer.

use std::borrow::Cow;

use contracts::{
    FieldProblem,
    llm::{Complete, Guardrails, Message},
};
use serde_json::{Value, json};

use super::{redact::redact, settings::problem};

const MAX_BLOCKED: usize = 100;
const MAX_BLOCKED_TEXT: usize = 200;
const MAX_OUTPUT: u32 = 1_000_000;
/// Names under which questions limit the tokens of their answer.
const LIMITS: [&str; 2] = ["max_completion_tokens", "max_output_tokens"];

/// A text that may not be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Blocked;

/// The question as it is put.
pub(crate) fn question<'a>(
    ask: &'a Complete,
    rails: &Guardrails,
) -> Result<Cow<'a, Complete>, Blocked> {
    let texts = ask.messages.iter().flat_map(texts_of);
    if texts.into_iter().any(|text| holds_blocked(text, rails)) {
        return Err(Blocked);
    }
    let mut ask = Cow::Borrowed(ask);
    if !rails.redact.is_empty() {
        for message in &mut ask.to_mut().messages {
            redact_message(message, rails);
        }
    }
    if let Some(most) = rails.max_output_tokens {
        let ask = ask.to_mut();
        let mut is_said = false;
        for name in LIMITS {
            if let Some(said) = ask.extra.get_mut(name) {
                is_said = true;
                *said = said.as_u64().unwrap_or(u64::MAX).min(most.into()).into();
            }
        }
        if ask.max_tokens.is_some() || !is_said {
            ask.max_tokens = Some(ask.max_tokens.unwrap_or(most).min(most));
        }
    }
    if rails.json_only && is_open(ask.response_format.as_ref()) {
        ask.to_mut().response_format = Some(json!({"type": "json_object"}));
    }
    Ok(ask)
}

/// Whether answers are looked at.
pub(crate) fn looks_at_answers(rails: &Guardrails) -> bool {
    !rails.redact.is_empty() || !rails.blocked.is_empty()
}

/// The text of an answer as it is told.
pub(crate) fn answer(text: String, rails: &Guardrails) -> Result<String, Blocked> {
    if holds_blocked(&text, rails) {
        return Err(Blocked);
    }
    Ok(redact(&text, &rails.redact).unwrap_or(text))
}

fn is_open(format: Option<&Value>) -> bool {
    format.is_none_or(|format| format.is_null() || format["type"] == "text")
}

fn texts_of(message: &Message) -> Vec<&str> {
    match &message.content {
        Value::String(text) => vec![text],
        Value::Array(parts) => {
            let texts = parts.iter().filter_map(|part| part.get("text")?.as_str());
            texts.collect()
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => Vec::new(),
    }
}

fn redact_message(message: &mut Message, rails: &Guardrails) {
    let clean = |text: &mut Value| {
        let found = text.as_str().and_then(|text| redact(text, &rails.redact));
        if let Some(found) = found {
            *text = found.into();
        }
    };
    match &mut message.content {
        Value::Array(parts) => parts
            .iter_mut()
            .filter_map(|part| part.get_mut("text"))
            .for_each(clean),
        text => clean(text),
    }
}

fn holds_blocked(text: &str, rails: &Guardrails) -> bool {
    if rails.blocked.is_empty() {
        return false;
    }
    let text = text.to_lowercase();
    let mut blocked = rails.blocked.iter();
    blocked.any(|blocked| text.contains(&blocked.to_lowercase()))
}

/// What is wrong with guardrails.
pub(crate) fn check(rails: &Guardrails, problems: &mut Vec<FieldProblem>) {
    if rails.blocked.len() > MAX_BLOCKED {
        problems.push(problem("/guardrails/blocked", "at most 100 texts"));
    }
    for (at, text) in rails.blocked.iter().enumerate().take(MAX_BLOCKED) {
        let characters = text.chars().count();
        if text.trim().is_empty() || characters > MAX_BLOCKED_TEXT {
            let path = format!("/guardrails/blocked/{at}");
            problems.push(problem(&path, "1 to 200 characters"));
        }
    }
    let most = rails.max_output_tokens.unwrap_or(1);
    if !(1..=MAX_OUTPUT).contains(&most) {
        let path = "/guardrails/max_output_tokens";
        problems.push(problem(path, "1 to 1000000"));
    }
}

#[cfg(test)]
mod tests {
    use contracts::llm::Redaction;

    use super::*;

    fn ask(content: Value) -> Complete {
        let mut message = Message::user("");
        message.content = content;
        Complete {
            messages: vec![message],
            ..Complete::default()
        }
    }

    #[test]
    fn questions_are_redacted_wherever_they_have_texts() {
        let rails = Guardrails {
            redact: vec![Redaction::Email],
            ..Guardrails::default()
        };
        let check = |content: Value, expect: Value| {
            let ask = ask(content);
            let put = question(&ask, &rails).unwrap();
            assert_eq!(put.messages[0].content, expect);
        };
        check("to ada@example.com".into(), "to [email]".into());
        check(
            json!([{"type": "text", "text": "ada@example.com"}, {"type": "image_url"}]),
            json!([{"type": "text", "text": "[email]"}, {"type": "image_url"}]),
        );
        check(Value::Null, Value::Null);
    }

    #[test]
    fn what_is_blocked_is_blocked_whatever_its_case() {
        let rails = Guardrails {
            blocked: vec!["Project X".into()],
            ..Guardrails::default()
        };
        assert_eq!(
            question(&ask("about PROJECT x".into()), &rails),
            Err(Blocked)
        );
        let parts = json!([{"type": "text", "text": "project x"}]);
        assert_eq!(question(&ask(parts), &rails), Err(Blocked));
        assert!(question(&ask("about project y".into()), &rails).is_ok());
        assert_eq!(answer("project x".into(), &rails), Err(Blocked));
        assert!(looks_at_answers(&rails) && !looks_at_answers(&Guardrails::default()));
    }

    #[test]
    fn answers_are_bounded_and_json() {
        let rails = Guardrails {
            json_only: true,
            max_output_tokens: Some(10),
            ..Guardrails::default()
        };
        let mut plain = ask("hi".into());
        let put = question(&plain, &rails).unwrap();
        assert_eq!(put.max_tokens, Some(10));
        assert_eq!(put.response_format, Some(json!({"type": "json_object"})));
        plain.max_tokens = Some(3);
        plain.response_format = Some(json!({"type": "json_schema"}));
        let put = question(&plain, &rails).unwrap();
        assert_eq!(put.max_tokens, Some(3));
        assert_eq!(put.response_format, plain.response_format);
        plain.max_tokens = None;
        plain
            .extra
            .insert("max_completion_tokens".into(), 99.into());
        let put = question(&plain, &rails).unwrap();
        assert_eq!(
            (put.max_tokens, &put.extra["max_completion_tokens"]),
            (None, &json!(10))
        );
    }

    #[test]
    fn odd_guardrails_are_refused() {
        let rails = Guardrails {
            blocked: vec![" ".into(), "x".into()],
            max_output_tokens: Some(0),
            ..Guardrails::default()
        };
        let mut problems = Vec::new();
        check(&rails, &mut problems);
        let paths: Vec<_> = problems.into_iter().map(|it| it.path).collect();
        assert_eq!(
            paths,
            ["/guardrails/blocked/0", "/guardrails/max_output_tokens"]
        );
    }
}
