//! The words of a call, as they may be kept: what tells who somebody is struck out, media left out, and no longer than this.

use contracts::llm::{Complete, RecordBodies, Recording};
use serde_json::{Value, json};

use super::{answer::Answer, guard, texts::Input};

/// Bytes of a question, and of an answer, at most.
const MAX_BYTES: usize = 256 * 1024;
/// A text of this length without a space in it is no text, but an image, a file or sound.
const MEDIA: usize = 1024;

/// A text as it may be kept, and whether it was cut.
pub(crate) type Words = (String, bool);

/// Whether the words of a call are kept that ended so.
pub(crate) fn are_kept(recording: &Recording, has_failed: bool) -> bool {
    match recording.bodies {
        RecordBodies::Off => false,
        RecordBodies::Failed => has_failed,
        RecordBodies::All => true,
    }
}

pub(crate) fn of_question(ask: &Complete, recording: &Recording) -> Words {
    let mut said = json!(ask);
    if let Some(fields) = said.as_object_mut() {
        // The record says those.
        for name in ["flow_id", "node", "idempotency_key"] {
            fields.remove(name);
        }
    }
    words(said, recording)
}

pub(crate) fn of_input(input: &Input, recording: &Recording) -> Words {
    words(json!({"input": input}), recording)
}

/// None where nothing of it has come.
pub(crate) fn of_answer(answer: &Answer, recording: &Recording) -> Option<Words> {
    let (message, finish_reason) = (answer.message(), answer.finish());
    if *answer == Answer::default() {
        return None;
    }
    let said = json!({"message": message, "finish_reason": finish_reason});
    Some(words(said, recording))
}

fn words(mut value: Value, recording: &Recording) -> Words {
    leave_out(&mut value);
    guard::redact_all(&mut value, &recording.redact);
    let mut text = value.to_string();
    let is_cut = text.len() > MAX_BYTES;
    if is_cut {
        text.truncate(text.floor_char_boundary(MAX_BYTES));
    }
    (text, is_cut)
}

fn is_media(text: &str) -> bool {
    text.len() >= MEDIA && text.is_ascii() && !text.contains(char::is_whitespace)
}

fn leave_out(value: &mut Value) {
    match value {
        Value::String(text) if is_media(text) => {
            let kind = text.split_once(',').map_or("", |(kind, _)| kind);
            let kind: String = kind.chars().take(64).collect();
            *value = format!("{kind}[{} bytes left out]", text.len()).into();
        }
        Value::Array(list) => list.iter_mut().for_each(leave_out),
        Value::Object(fields) => fields.values_mut().for_each(leave_out),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use contracts::llm::FinishReason;

    use super::*;
    use crate::domain::{piece::Piece, question::ask};

    #[test]
    fn words_are_redacted_and_media_left_out() {
        let image = format!("data:image/png;base64,{}", "A".repeat(2000));
        let parts = json!([{"type": "text", "text": "I am ada@example.com"},
            {"type": "image_url", "image_url": {"url": image}}]);
        let (text, is_cut) = of_question(&ask(parts), &Recording::default());
        assert!(text.contains("I am [email]") && !is_cut, "{text}");
        assert!(
            text.contains("data:image/png;base64[2022 bytes left out]"),
            "{text}"
        );
        let open = Recording {
            redact: Vec::new(),
            ..Recording::default()
        };
        let (text, _) = of_input(&Input::Texts(vec!["ada@example.com".into()]), &open);
        assert_eq!(text, r#"{"input":["ada@example.com"]}"#);
    }

    #[test]
    fn long_words_are_cut_between_characters() {
        let long = "é ".repeat(MAX_BYTES);
        let (text, is_cut) = of_question(&ask(long.into()), &Recording::default());
        assert!(is_cut && text.len() <= MAX_BYTES && text.len() > MAX_BYTES - 4);
    }

    #[test]
    fn an_answer_is_kept_as_far_as_it_came() {
        let recording = Recording::default();
        let mut answer = Answer::default();
        assert_eq!(of_answer(&answer, &recording), None);
        answer.add(&Piece::text("to ada@example.com")).unwrap();
        let (text, _) = of_answer(&answer, &recording).unwrap();
        assert!(
            text.contains("to [email]") && text.contains(r#""finish_reason":null"#),
            "{text}"
        );
        answer.add(&Piece::Finish(FinishReason::Stop)).unwrap();
        let (text, _) = of_answer(&answer, &recording).unwrap();
        assert!(text.contains(r#""finish_reason":"stop""#), "{text}");
    }

    #[test]
    fn what_is_kept_is_said_by_the_organization() {
        let kept = |bodies, has_failed| {
            let recording = Recording {
                bodies,
                ..Recording::default()
            };
            are_kept(&recording, has_failed)
        };
        assert!(!kept(RecordBodies::Off, true));
        assert!(kept(RecordBodies::Failed, true) && !kept(RecordBodies::Failed, false));
        assert!(kept(RecordBodies::All, false));
    }
}
