//! What the guardrails of a route make of a question and of an answer.

mod look;

use contracts::{
    FieldProblem,
    llm::{Complete, Guardrails, Message, Redaction},
};
use serde_json::{Value, json};

use self::look::Look;
use super::{piece::Extra, settings::problem};

const MAX_BLOCKED: usize = 100;
const MAX_BLOCKED_TEXT: usize = 200;
const MAX_OUTPUT: u32 = 1_000_000;
/// Names under which questions limit the tokens of their answer.
const LIMITS: [&str; 2] = ["max_completion_tokens", "max_output_tokens"];

/// A text that may not be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Blocked;

/// The question as it is put. Schemas and descriptions of tools are looked at, but not changed.
///
/// # Errors
/// When a text of it holds what is blocked.
pub(crate) fn question(ask: &Complete, rails: &Guardrails) -> Result<Complete, Blocked> {
    let (mut ask, look) = (ask.clone(), Look::by(rails));
    if looks_at_answers(rails) {
        for message in &mut ask.messages {
            look.message(message)?;
        }
        let tools = serde_json::to_string(&ask.tools).unwrap_or_default();
        look.passes(&tools)?;
    }
    if let Some(most) = rails.max_output_tokens {
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
        ask.response_format = Some(json!({"type": "json_object"}));
    }
    Ok(ask)
}

/// Texts whose vectors are wanted, as they are put.
///
/// # Errors
/// When one of them holds what is blocked.
pub(crate) fn texts(texts: &mut [String], rails: &Guardrails) -> Result<(), Blocked> {
    let look = Look::by(rails);
    texts.iter_mut().try_for_each(|text| look.said(text))
}

/// Whether answers are looked at.
pub(crate) fn looks_at_answers(rails: &Guardrails) -> bool {
    !rails.redact.is_empty() || !rails.blocked.is_empty()
}

/// An answer as it is told, with what its vendor said beside it.
///
/// # Errors
/// When a text of it holds what is blocked.
pub(crate) fn answer(
    message: &mut Message,
    extra: &mut Extra,
    rails: &Guardrails,
) -> Result<(), Blocked> {
    let look = Look::by(rails);
    look.message(message)?;
    look.beside(&mut extra.envelope)?;
    look.beside(&mut extra.choice)
}

/// Strikes out of all texts within.
pub(crate) fn redact_all(value: &mut Value, kinds: &[Redaction]) {
    let rails = Guardrails {
        redact: kinds.to_vec(),
        ..Guardrails::default()
    };
    let looked_at = Look::by(&rails).all(value);
    looked_at.expect("nothing is blocked");
}

fn is_open(format: Option<&Value>) -> bool {
    format.is_none_or(|format| format.is_null() || format["type"] == "text")
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
    use super::*;
    use crate::domain::question::ask;

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
        assert!(looks_at_answers(&rails) && !looks_at_answers(&Guardrails::default()));
    }

    fn told(mut message: Message, rails: &Guardrails) -> Result<Message, Blocked> {
        answer(&mut message, &mut Extra::default(), rails)?;
        Ok(message)
    }

    #[test]
    fn answers_are_looked_at_wherever_they_have_texts() {
        let rails = Guardrails {
            redact: vec![Redaction::Email, Redaction::Card],
            blocked: vec!["Project X".into()],
            ..Guardrails::default()
        };
        let message = |message: Value| -> Message { serde_json::from_value(message).unwrap() };
        let calls = |arguments: &str| {
            json!({"role": "assistant", "tool_calls": [
            {"id": "c", "type": "function", "function": {"name": "f", "arguments": arguments}}]})
        };
        let check = |said: Value, expect: Value| {
            let told = told(message(said), &rails).unwrap();
            assert_eq!(
                serde_json::to_value(told).unwrap(),
                serde_json::to_value(message(expect)).unwrap()
            );
        };
        check(
            calls(r#"{"to": "ada@example.com", "n": 1e-7, "card": 4111111111111111}"#),
            calls(r#"{"card":"[card]","n":1e-7,"to":"[email]"}"#),
        );
        // What holds nothing stays as it is, byte by byte.
        check(calls("{\"n\":  1.0}"), calls("{\"n\":  1.0}"));
        let text = |text: &str| json!({"role": "assistant", "content": text});
        check(
            text(r#"{"card": 4111111111111111}"#),
            text(r#"{"card":"[card]"}"#),
        );
        check(
            json!({"role": "assistant", "refusal": "not to ada@example.com", "reasoning_content": "ada@example.com?",
                "reasoning_details": [{"vendor": "anthropic", "type": "thinking", "thinking": "ada@example.com", "signature": "s"},
                    {"vendor": "anthropic", "type": "thinking", "thinking": "hm", "signature": "ada@example.com"}]}),
            json!({"role": "assistant", "refusal": "not to [email]", "reasoning_content": "[email]?",
                "reasoning_details": [{"vendor": "anthropic", "type": "thinking", "thinking": "hm", "signature": "ada@example.com"}]}),
        );
        let blocked = [
            calls(r#"{"about": "project\u0020x"}"#),
            json!({"role": "assistant", "refusal": "not about project x"}),
            json!({"role": "assistant", "reasoning_details": [{"thinking": "Project X"}]}),
        ];
        for said in blocked {
            assert_eq!(told(message(said.clone()), &rails), Err(Blocked), "{said}");
        }
        let mut extra = Extra::default();
        extra
            .choice
            .insert("logprobs".into(), json!({"content": [{"token": "ada"}]}));
        extra
            .envelope
            .insert("citations".into(), json!(["mailto:ada@example.com"]));
        answer(&mut Message::user(""), &mut extra, &rails).unwrap();
        assert_eq!(extra.choice.len(), 0);
        assert_eq!(extra.envelope["citations"], json!(["mailto:[email]"]));
    }

    #[test]
    fn calls_and_thoughts_of_earlier_turns_are_looked_at() {
        let rails = Guardrails {
            redact: vec![Redaction::Email],
            blocked: vec!["Project X".into()],
            ..Guardrails::default()
        };
        let mut ask = ask("hi".into());
        ask.messages[0]
            .extra
            .insert("reasoning_content".into(), "to ada@example.com".into());
        let put = question(&ask, &rails).unwrap();
        assert_eq!(put.messages[0].extra["reasoning_content"], "to [email]");
        ask.messages[0]
            .extra
            .insert("reasoning_content".into(), "project x".into());
        assert_eq!(question(&ask, &rails), Err(Blocked));
        ask.messages[0].extra.clear();
        ask.tools = serde_json::from_value(
            json!([{"type": "function", "function": {"name": "f", "description": "of Project X"}}]),
        )
        .unwrap();
        assert_eq!(question(&ask, &rails), Err(Blocked));
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
