//! From a node's configuration to what the node gets.

use contracts::flow::{Node, NodeConfig};
use serde_json::{Map, Value};

use super::{
    ExpressionError, MAX_OUTPUT, MAX_PASSED, Scope, Segment, budget::TOO_LARGE, evaluate, json,
    parse, passed, plain, segments,
};
use crate::node_types;

/// A node's configuration with all its strings rendered, but for those that its type takes as they are, and checked
/// against the schema of the type in the node's version. Where that asks for a text and an expression gave something else, it gets the text of it.
///
/// # Errors
/// The first expression that has no value, or the first place where the values do not fit the schema.
pub fn render_config(node: &Node, scope: &Scope<'_>) -> Result<NodeConfig, ExpressionError> {
    let known = node_types::find(node);
    let verbatim = known.map_or(&[][..], |kind| kind.verbatim);
    let mut rendering = Rendering::new(scope);
    let mut rendered = Map::new();
    for (key, value) in &node.config {
        let value = if verbatim.contains(&key.as_str()) {
            value.clone()
        } else {
            rendering.value(value)?
        };
        rendered.insert(key.clone(), value);
    }
    // What holds no expression was checked when it was published.
    let mut rendered = Value::Object(rendered);
    if let Some(kind) = known.filter(|_| rendering.evaluated) {
        kind.as_texts(&mut rendered);
        if let Some((path, reason)) = kind.first_problem(&rendered) {
            return Err(ExpressionError::new(&path, reason));
        }
    }
    match rendered {
        Value::Object(rendered) => Ok(rendered.into_iter().collect()),
        _ => Ok(NodeConfig::new()),
    }
}

/// A JSON value with all its strings rendered; keys of objects stay as they are.
///
/// # Errors
/// The first expression that has no value.
pub fn render(value: &Value, scope: &Scope<'_>) -> Result<Value, ExpressionError> {
    Rendering::new(scope).value(value)
}

/// A URL with its expressions rendered. What an expression gives stays within the part of the URL where it stands: all but
/// letters, digits and `-._~` is percent-encoded (RFC 3986). A URL that is exactly one expression is what that gives.
///
/// # Errors
/// As [`render`].
pub fn render_url(url: &str, scope: &Scope<'_>) -> Result<String, ExpressionError> {
    let mut rendering = Rendering::new(scope);
    rendering.encode = true;
    Ok(match rendering.text(url)? {
        Value::String(url) => url,
        other => other.to_string(),
    })
}

/// Checks that all strings of a value can be read, and that their expressions name nothing but `roots`.
///
/// # Errors
/// The first expression that is wrong.
pub fn check(value: &Value, roots: &[&str]) -> Result<(), ExpressionError> {
    match value {
        Value::String(text) => check_text(text, roots),
        Value::Array(items) => items.iter().try_for_each(|item| check(item, roots)),
        Value::Object(object) => object.values().try_for_each(|item| check(item, roots)),
        Value::Null | Value::Bool(_) | Value::Number(_) => Ok(()),
    }
}

/// Checks that a condition can be read, and that it names nothing but `roots`.
///
/// # Errors
/// What is wrong with it.
pub fn check_condition(text: &str, roots: &[&str]) -> Result<(), ExpressionError> {
    check_expression(super::condition_source(text), roots)
}

fn check_text(text: &str, roots: &[&str]) -> Result<(), ExpressionError> {
    for segment in segments(text).map_err(|reason| ExpressionError::new(text, reason))? {
        let Segment::Expression(expression) = segment else {
            continue;
        };
        check_expression(expression, roots)?;
    }
    Ok(())
}

fn check_expression(expression: &str, roots: &[&str]) -> Result<(), ExpressionError> {
    let refused = |reason: String| ExpressionError::new(expression, reason);
    let parsed = parse(expression).map_err(refused)?;
    match parsed.names.roots.iter().find(|root| !roots.contains(root)) {
        Some(unknown) => Err(refused(format!("there is no `{unknown}`"))),
        None => Ok(()),
    }
}

struct Rendering<'a, 'b> {
    scope: &'a Scope<'b>,
    /// Bytes that what expressions compute may still take.
    left: usize,
    /// Bytes that what they give as it is may still take.
    left_passed: usize,
    evaluated: bool,
    /// Whether values are percent-encoded where they are put into a text.
    encode: bool,
}

impl<'a, 'b> Rendering<'a, 'b> {
    fn new(scope: &'a Scope<'b>) -> Self {
        Self {
            scope,
            left: MAX_OUTPUT,
            left_passed: MAX_PASSED,
            evaluated: false,
            encode: false,
        }
    }

    fn value(&mut self, value: &Value) -> Result<Value, ExpressionError> {
        Ok(match value {
            Value::String(text) => self.text(text)?,
            Value::Array(items) => {
                let items = items.iter().map(|item| self.value(item));
                Value::Array(items.collect::<Result<_, _>>()?)
            }
            Value::Object(object) => {
                let entries = object.iter();
                let entries = entries.map(|(key, item)| Ok((key.clone(), self.value(item)?)));
                Value::Object(entries.collect::<Result<_, _>>()?)
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
        })
    }

    fn text(&mut self, text: &str) -> Result<Value, ExpressionError> {
        let segments = segments(text).map_err(|reason| ExpressionError::new(text, reason))?;
        if let [Segment::Expression(expression)] = segments.as_slice() {
            return self.whole(expression);
        }
        let mut rendered = String::with_capacity(text.len());
        for segment in segments {
            match segment {
                Segment::Literal(literal) => rendered.push_str(literal),
                Segment::Expression(expression) => {
                    let text = match self.expression(expression)? {
                        Value::String(text) => text,
                        other => other.to_string(),
                    };
                    if self.encode {
                        percent_encode(&text, &mut rendered);
                    } else {
                        rendered.push_str(&text);
                    }
                }
            }
        }
        Ok(Value::String(rendered))
    }

    /// An expression that is all that stands in its place.
    fn whole(&mut self, expression: &str) -> Result<Value, ExpressionError> {
        let Some(found) = plain(expression, self.scope)? else {
            return self.expression(expression);
        };
        self.evaluated = true;
        self.left_passed = passed(expression, found, self.left_passed)?;
        Ok(found.clone())
    }

    fn expression(&mut self, expression: &str) -> Result<Value, ExpressionError> {
        self.evaluated = true;
        let value = evaluate(expression, self.scope)?;
        let left = self.left.checked_sub(json::size(&value));
        self.left = left.ok_or_else(|| ExpressionError::new(expression, TOO_LARGE.0))?;
        Ok(value)
    }
}

fn percent_encode(text: &str, to: &mut String) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            to.push(char::from(byte));
        } else {
            to.push_str(&format!("%{byte:02X}"));
        }
    }
}
