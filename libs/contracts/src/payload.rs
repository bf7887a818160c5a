//! Values that are too large to stand where they belong: they are stored apart, under their execution, by their hash.
//!
//! **Invariant:** a value that has the form of a reference is always stored apart itself, whatever its size. So what has that
//! form in a record was put there by the platform.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::hash;

/// Bytes of JSON up to which a value stands in its record.
pub const INLINE: usize = 64 * 1024;
/// Bytes of JSON up to which an answer has a value instead of its reference.
pub const SHOWN: usize = 1024 * 1024;
/// Bytes of JSON that a value may have to go in one message as it is: a start over HTTP, the answer to a webhook.
pub const SENT: usize = 7 * 1024 * 1024;
/// The only key of the object that stands for a value.
pub const KEY: &str = "$payload";
/// Characters of a value that its reference shows.
const PREVIEW: usize = 200;

/// What stands for a value: `{"$payload": {…}}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PayloadRef {
    /// BLAKE3 of its JSON text, hexadecimal.
    pub hash: String,
    /// Of its JSON text.
    pub bytes: u64,
    /// The first characters of its JSON text.
    pub preview: String,
    /// Where it is the list of a map's items: how many.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub items: Option<u32>,
}

/// The name of a value: BLAKE3 of its JSON text, 64 hexadecimal digits in lower case.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct PayloadHash(String);

impl PayloadHash {
    pub fn new(text: &str) -> Option<Self> {
        let is_digit = |it: u8| it.is_ascii_digit() || (b'a'..=b'f').contains(&it);
        let valid = text.len() == 64 && text.bytes().all(is_digit);
        valid.then(|| Self(text.to_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is the name of this text.
    pub fn is_of(&self, text: &[u8]) -> bool {
        hash(text) == self.0
    }

    pub(crate) fn example() -> Self {
        Self("0".repeat(64))
    }
}

impl fmt::Display for PayloadHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for PayloadHash {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        Self::new(&text).ok_or_else(|| "expected 64 hexadecimal digits in lower case".to_owned())
    }
}

impl From<PayloadHash> for String {
    fn from(hash: PayloadHash) -> Self {
        hash.0
    }
}

/// A value with what stands for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payload {
    pub reference: PayloadRef,
    /// Its JSON text.
    pub text: Vec<u8>,
}

impl PayloadRef {
    /// The reference that stands where a value would.
    pub fn of(value: &Value) -> Option<Self> {
        let inner = has_its_form(value)?;
        Self::deserialize(inner).ok()
    }

    /// As it stands where the value would.
    pub fn to_value(&self) -> Value {
        let inner = serde_json::to_value(self).expect("it has text keys only");
        Value::Object(Map::from_iter([(KEY.to_owned(), inner)]))
    }

    /// Its name, to ask for the value; none where the hash is none.
    pub fn name(&self) -> Option<PayloadHash> {
        PayloadHash::new(&self.hash)
    }

    /// Whether this is the text that it stands for.
    pub fn is_of(&self, text: &[u8]) -> bool {
        text.len() as u64 == self.bytes && hash(text) == self.hash
    }
}

impl Payload {
    /// The value apart, where it is too large or would be taken for a reference.
    pub fn of(value: &Value) -> Option<Self> {
        (exceeds(value, INLINE) || has_its_form(value).is_some()).then(|| Self::whole(value, None))
    }

    /// A list of items as one value, where one of them or all together are to be apart.
    pub fn of_items(items: &[Value]) -> Option<Self> {
        let bytes: usize = items.iter().map(upper_bound).sum();
        let is_large = bytes > INLINE && items.iter().map(json_bytes).sum::<usize>() > INLINE;
        let count = u32::try_from(items.len()).unwrap_or(u32::MAX);
        let is_apart = is_large || items.iter().any(|item| has_its_form(item).is_some());
        is_apart.then(|| Self::whole(items, Some(count)))
    }

    fn whole<T: Serialize + ?Sized>(value: &T, items: Option<u32>) -> Self {
        let text = serde_json::to_vec(value).expect("a JSON value is JSON");
        let reference = PayloadRef {
            hash: hash(&text),
            bytes: text.len() as u64,
            preview: preview(&text),
            items,
        };
        Self { reference, text }
    }
}

/// What stands for a value, or for the items of a map as one value.
pub fn reference_of(value: &Value) -> Option<PayloadRef> {
    match value.as_array().map(Vec::as_slice) {
        Some([only]) => PayloadRef::of(only).filter(|reference| reference.items.is_some()),
        _ => PayloadRef::of(value),
    }
}

/// How many items a map has, of whose list a reference may stand there.
pub fn count(items: &[Value]) -> usize {
    let reference = match items {
        [only] => PayloadRef::of(only),
        _ => None,
    };
    let apart = reference.and_then(|reference| reference.items);
    apart.map_or(items.len(), |count| count as usize)
}

/// Whether the value's JSON text has more bytes.
pub fn exceeds(value: &Value, limit: usize) -> bool {
    // Most values are small: their exact text is only measured when a cheap upper bound does not settle it.
    upper_bound(value) > limit && json_bytes(value) > limit
}

/// Bytes that the value's JSON text has at most.
pub fn upper_bound(value: &Value) -> usize {
    match value {
        Value::Null | Value::Bool(_) => 6,
        Value::Number(_) => 32,
        // A control character takes six bytes of JSON.
        Value::String(text) => text.len() * 6 + 3,
        Value::Array(items) => items.iter().map(upper_bound).sum::<usize>() + 2,
        Value::Object(fields) => {
            let fields = fields
                .iter()
                .map(|(name, value)| name.len() * 6 + 4 + upper_bound(value));
            fields.sum::<usize>() + 2
        }
    }
}

/// Bytes of the value's JSON text.
pub fn json_bytes(value: &Value) -> usize {
    struct Count(usize);
    impl std::io::Write for Count {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0 += bytes.len();
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let mut count = Count(0);
    serde_json::to_writer(&mut count, value)
        .expect("a JSON value is JSON, and counting never fails");
    count.0
}

fn has_its_form(value: &Value) -> Option<&Value> {
    let fields = value.as_object().filter(|fields| fields.len() == 1)?;
    fields.get(KEY)
}

fn preview(text: &[u8]) -> String {
    // A character has four bytes at most.
    let start = &text[..text.len().min(PREVIEW * 4)];
    let text = String::from_utf8_lossy(start);
    text.chars().take(PREVIEW).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_large_is_apart_and_known_again() {
        let value = json!({"text": "é".repeat(INLINE)});
        let payload = Payload::of(&value).unwrap();
        let reference = PayloadRef::of(&payload.reference.to_value()).unwrap();
        assert_eq!(reference, payload.reference);
        assert!(reference.is_of(&payload.text) && !reference.is_of(b"{}"));
        assert_eq!(reference.preview.chars().count(), PREVIEW);
        assert_eq!(Payload::of(&json!({"text": "small"})), None);
        let text = |bytes: usize| Value::String("x".repeat(bytes - 2));
        assert_eq!(Payload::of(&text(INLINE)), None);
        assert!(Payload::of(&text(INLINE + 1)).is_some());
    }

    #[test]
    fn what_looks_like_a_reference_is_apart() {
        let forged = json!({"$payload": 1});
        assert!(Payload::of(&forged).is_some());
        assert!(Payload::of_items(&[json!(1), forged.clone()]).is_some());
        assert_eq!(PayloadRef::of(&forged), None);
        assert_eq!(Payload::of(&json!({"$payload": 1, "more": 2})), None);
    }

    #[test]
    fn many_small_items_are_apart_together() {
        let items = vec![json!("x".repeat(1000)); 100];
        let payload = Payload::of_items(&items).unwrap();
        assert_eq!(payload.reference.items, Some(100));
        assert_eq!(count(&[payload.reference.to_value()]), 100);
        let stands = Value::Array(vec![payload.reference.to_value()]);
        assert_eq!(reference_of(&stands), Some(payload.reference.clone()));
        assert_eq!(count(&items), 100);
        assert_eq!(
            serde_json::from_slice::<Vec<Value>>(&payload.text).unwrap(),
            items
        );
        assert_eq!(Payload::of_items(&items[..10]), None);
    }

    #[test]
    fn a_name_has_one_spelling() {
        let name = PayloadHash::new(&hash(b"{}")).unwrap();
        assert!(name.is_of(b"{}") && !name.is_of(b"[]"));
        for wrong in ["", "0", &"A".repeat(64), &"g".repeat(64), &"0".repeat(65)] {
            assert_eq!(PayloadHash::new(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn the_bound_is_never_below_the_measure() {
        for value in [
            json!({"a\n": [1, -2.5e-300, true, null, "\u{1f}\"\\é"], "": {}}),
            json!([]),
            json!(f64::MIN_POSITIVE),
        ] {
            assert!(upper_bound(&value) >= json_bytes(&value), "{value}");
        }
    }
}
