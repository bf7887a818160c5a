//! Which earlier question means the same: what of a question is compared by its meaning, and how near two of them are.
//!
//! **Invariant:** all but the words of the last message is compared exactly.

use contracts::{
    FieldProblem,
    llm::{Complete, Embed, Message, SemanticCache},
};
use serde_json::Value;

use super::{catalog::Catalog, settings::problem};

const LEAST_THRESHOLD: f64 = 0.5;
const MAX_ENTRIES: u32 = 2_000;
/// The largest number of a packed vector.
const TOP: f32 = 127.0;

/// The words of a question that are compared by their meaning, and the question without them. None where it may not be
/// compared so: it has results of tools, images or files, or its last message is no text of the user.
pub(crate) fn split(ask: &Complete) -> Option<(String, Complete)> {
    let (last, before) = ask.messages.split_last()?;
    let is_plain = |message: &Message| {
        let texts = texts(&message.content);
        message.role != "tool" && message.tool_call_id.is_none() && texts.is_some()
    };
    if last.role != "user" || !is_plain(last) || !before.iter().all(is_plain) {
        return None;
    }
    let words = texts(&last.content)?.join("\n");
    let fits = !words.trim().is_empty() && words.len() <= Embed::MAX_TEXT_BYTES;
    let mut rest = ask.clone();
    rest.messages.last_mut()?.content = Value::Null;
    fits.then_some((words, rest))
}

/// The texts of a message that has nothing else.
fn texts(content: &Value) -> Option<Vec<&str>> {
    let text_of = |part: &Value| match part["type"] == "text" {
        true => part.get("text")?.as_str().map(str::len),
        false => None,
    };
    match content {
        Value::Null => Some(Vec::new()),
        Value::String(text) => Some(vec![text]),
        Value::Array(parts) if parts.iter().all(|part| text_of(part).is_some()) => Some(
            parts
                .iter()
                .filter_map(|part| part["text"].as_str())
                .collect(),
        ),
        Value::Array(_) | Value::Bool(_) | Value::Number(_) | Value::Object(_) => None,
    }
}

/// The direction of a vector, in a byte for each number; none for one without a direction.
pub(crate) fn pack(vector: &[f32]) -> Option<Vec<u8>> {
    let most = vector.iter().fold(0.0_f32, |most, x| most.max(x.abs()));
    let byte = |x: &f32| {
        // At most 127 in size, so nothing is cut off.
        let [byte] = ((x / most * TOP).round() as i8).to_le_bytes();
        byte
    };
    (most > 0.0 && most.is_finite()).then(|| vector.iter().map(byte).collect())
}

/// The nearest of those that are near enough, with how near it is: 1 is the same direction.
pub(crate) fn nearest<K>(
    packed: &[u8],
    kept: impl IntoIterator<Item = (K, Vec<u8>)>,
    threshold: f64,
) -> Option<(K, f64)> {
    let near = kept.into_iter().filter_map(|(key, other)| {
        let cosine = cosine(packed, &other)?;
        (cosine >= threshold).then_some((key, cosine))
    });
    near.max_by(|(_, a), (_, b)| a.total_cmp(b))
}

/// None for vectors of two models.
fn cosine(one: &[u8], two: &[u8]) -> Option<f64> {
    if one.len() != two.len() {
        return None;
    }
    // 16,000 products of 127 * 127 fit with room to spare.
    let dot = |one: &[u8], two: &[u8]| -> i64 {
        let signed = |byte: &u8| i64::from(i8::from_le_bytes([*byte]));
        let products = one.iter().zip(two).map(|(a, b)| signed(a) * signed(b));
        products.sum()
    };
    let lengths = (dot(one, one) as f64).sqrt() * (dot(two, two) as f64).sqrt();
    let cosine = dot(one, two) as f64 / lengths;
    // Four digits: a byte for each number tells no more.
    (lengths > 0.0).then(|| ((cosine * 1e4).round() / 1e4).clamp(-1.0, 1.0))
}

/// What is wrong with how a cache compares questions.
pub(crate) fn check(semantic: &SemanticCache, catalog: &Catalog, problems: &mut Vec<FieldProblem>) {
    if !catalog.has_vectors(&semantic.model) {
        let text =
            "no provider offers a model for vectors of this name: write `<provider>/<model>`";
        problems.push(problem("/cache/semantic/model", text));
    }
    if !(LEAST_THRESHOLD..=1.0).contains(&semantic.threshold) {
        problems.push(problem("/cache/semantic/threshold", "0.5 to 1"));
    }
    if !(1..=MAX_ENTRIES).contains(&semantic.max_entries) {
        problems.push(problem("/cache/semantic/max_entries", "1 to 2000"));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn ask(contents: &[(&str, Value)]) -> Complete {
        let message = |(role, content): &(&str, Value)| Message {
            role: (*role).to_owned(),
            content: content.clone(),
            ..Message::user("")
        };
        Complete {
            messages: contents.iter().map(message).collect(),
            ..Complete::default()
        }
    }

    #[test]
    fn only_the_words_of_the_last_message_are_taken_out() {
        let first = ask(&[("system", "be kind".into()), ("user", "hi".into())]);
        let second = ask(&[("system", "be kind".into()), ("user", "hello".into())]);
        let other = ask(&[("system", "be short".into()), ("user", "hi".into())]);
        let (words, rest) = split(&first).unwrap();
        assert_eq!(words, "hi");
        assert_eq!(rest, split(&second).unwrap().1);
        assert_ne!(rest, split(&other).unwrap().1);
        let parts = json!([{"type": "text", "text": "one"}, {"type": "text", "text": "two"}]);
        assert_eq!(split(&ask(&[("user", parts)])).unwrap().0, "one\ntwo");
    }

    #[test]
    fn what_has_more_than_words_is_not_compared() {
        let image = json!([{"type": "text", "text": "what is it?"}, {"type": "image_url", "image_url": {"url": "https://x/"}}]);
        let check = |contents: &[(&str, Value)]| assert_eq!(split(&ask(contents)), None);
        check(&[]);
        check(&[("user", " ".into())]);
        check(&[("user", "x".repeat(40_000).into())]);
        check(&[("user", image.clone())]);
        check(&[
            ("user", image),
            ("assistant", "a cat".into()),
            ("user", "hi".into()),
        ]);
        check(&[("user", "hi".into()), ("assistant", "ho".into())]);
        check(&[
            ("assistant", Value::Null),
            ("tool", "42".into()),
            ("user", "hi".into()),
        ]);
        check(&[("user", "hi".into()), ("tool", "42".into())]);
    }

    #[test]
    fn a_byte_for_each_number_keeps_the_direction() {
        let vector = |seed: u32| -> Vec<f32> {
            let number = |at: u32| (f64::from(at * 7 + seed * 31).sin() * 0.04) as f32;
            (0..1536).map(number).collect()
        };
        let exact = |one: &[f32], two: &[f32]| {
            let dot = |one: &[f32], two: &[f32]| -> f64 {
                let products = one
                    .iter()
                    .zip(two)
                    .map(|(a, b)| f64::from(*a) * f64::from(*b));
                products.sum()
            };
            dot(one, two) / (dot(one, one) * dot(two, two)).sqrt()
        };
        for seed in 1..20 {
            let (one, two) = (vector(0), vector(seed));
            let packed = cosine(&pack(&one).unwrap(), &pack(&two).unwrap()).unwrap();
            assert!(
                (packed - exact(&one, &two)).abs() < 2e-3,
                "{seed}: {packed}"
            );
        }
        assert_eq!(pack(&[0.0, 0.0]), None);
        assert_eq!(cosine(&[1, 2], &[1]), None);
    }

    #[test]
    fn the_nearest_is_found_if_it_is_near_enough() {
        let of = |vector: &[f32]| pack(vector).unwrap();
        let kept = || {
            [
                ("far", of(&[0.0, 1.0])),
                ("near", of(&[1.0, 0.1])),
                ("nearer", of(&[1.0, 0.05])),
            ]
        };
        let asked = of(&[1.0, 0.0]);
        let (key, cosine) = nearest(&asked, kept(), 0.95).unwrap();
        assert_eq!(key, "nearer");
        assert!((0.998..1.0).contains(&cosine), "{cosine}");
        assert_eq!(nearest(&of(&[-1.0, 0.0]), kept(), 0.5), None);
        assert_eq!(
            nearest(&asked, [("same", asked.clone())], 1.0),
            Some(("same", 1.0))
        );
    }
}
