//! Writing JSON values as YAML 1.2: blocks for objects and lists, JSON for the rest.
//!
//! **Invariant:** what is written reads as the same value: a text stands unquoted only where it can be nothing else.

use std::fmt::Write as _;

use serde_json::Value;

/// The document, with a line break at its end.
pub(crate) fn write(value: &Value) -> String {
    let mut text = String::new();
    block(&mut text, value, 0);
    text
}

fn block(text: &mut String, value: &Value, depth: usize) {
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            for (name, value) in fields {
                indent(text, depth);
                text.push_str(&plain_or_quoted(name));
                text.push(':');
                nested(text, value, depth + 1);
            }
        }
        Value::Array(items) if !items.is_empty() => {
            for item in items {
                indent(text, depth);
                text.push('-');
                nested(text, item, depth + 1);
            }
        }
        scalar => {
            indent(text, depth);
            line(text, scalar);
        }
    }
}

fn nested(text: &mut String, value: &Value, depth: usize) {
    let is_block = match value {
        Value::Object(fields) => !fields.is_empty(),
        Value::Array(items) => !items.is_empty(),
        _ => false,
    };
    if is_block {
        text.push('\n');
        block(text, value, depth);
    } else {
        text.push(' ');
        line(text, value);
    }
}

fn line(text: &mut String, scalar: &Value) {
    match scalar {
        Value::String(string) => text.push_str(&plain_or_quoted(string)),
        other => write!(text, "{other}").expect("writing to a string cannot fail"),
    }
    text.push('\n');
}

fn indent(text: &mut String, depth: usize) {
    text.extend(std::iter::repeat_n("  ", depth));
}

/// A JSON string is a YAML string; words of letters alone, and paths of them, need no quotes.
fn plain_or_quoted(string: &str) -> String {
    let word =
        |word: &str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_alphabetic() || b == b'_');
    let reads_as_other = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"]
        .contains(&string.to_ascii_lowercase().as_str());
    if string.split(['.', '-', '/']).all(word) && !reads_as_other {
        return string.to_owned();
    }
    Value::from(string).to_string()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_are_written_as_blocks() {
        let value = json!({
            "a": {"b": [1, "two", {"c": null, "d": []}, {}]},
            "flow.get": "a: \"b\"\n",
            "no": "2026-01-01",
        });
        let expected = "a:\n  b:\n    - 1\n    - two\n    -\n      c: null\n      d: []\n    - {}\n\
            flow.get: \"a: \\\"b\\\"\\n\"\n\"no\": \"2026-01-01\"\n";
        assert_eq!(write(&value), expected);
    }
}
