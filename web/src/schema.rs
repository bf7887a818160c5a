//! What a form makes of a JSON Schema: the subset that has native controls; the rest is edited as JSON.
//!
//! **Invariant:** whatever a schema says, its form can express every JSON value by way of [`Shape::Free`].

use contracts::FieldProblem;
use serde_json::{Map, Value};

/// How a value is entered.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Shape {
    Choice(Vec<Value>),
    Text {
        long: bool,
    },
    Number {
        integer: bool,
    },
    Flag,
    /// The schema of one item.
    List(Value),
    Object(Vec<Property>),
    Free,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Property {
    pub(crate) name: String,
    pub(crate) schema: Value,
    pub(crate) required: bool,
}

/// Texts that may be longer than this get a field of several lines.
const LONG: u64 = 200;

pub(crate) fn shape(schema: &Value) -> Shape {
    if let Some(constant) = schema.get("const") {
        return Shape::Choice(vec![constant.clone()]);
    }
    if let Some(choices) = schema.get("enum").and_then(Value::as_array) {
        return Shape::Choice(choices.clone());
    }
    if let Some(choices) = schema.get("oneOf").and_then(Value::as_array) {
        let constants: Vec<_> = choices
            .iter()
            .filter_map(|choice| choice.get("const").cloned())
            .collect();
        if !constants.is_empty() && constants.len() == choices.len() {
            return Shape::Choice(constants);
        }
    }
    match kind(schema) {
        "string" => Shape::Text {
            long: number(schema, "maxLength").is_some_and(|most| most > LONG)
                || schema.get("format").and_then(Value::as_str) == Some("textarea"),
        },
        "number" => Shape::Number { integer: false },
        "integer" => Shape::Number { integer: true },
        "boolean" => Shape::Flag,
        "array" => match schema.get("items") {
            Some(items) if items.is_object() => Shape::List(items.clone()),
            _ => Shape::Free,
        },
        "object" => match properties(schema) {
            Some(properties) => Shape::Object(properties),
            None => Shape::Free,
        },
        _ => Shape::Free,
    }
}

/// The type; of several the first that is not `null`.
fn kind(schema: &Value) -> &str {
    match schema.get("type") {
        Some(Value::String(kind)) => kind,
        Some(Value::Array(kinds)) => kinds
            .iter()
            .filter_map(Value::as_str)
            .find(|kind| *kind != "null")
            .unwrap_or_default(),
        _ if schema.get("properties").is_some() => "object",
        _ => "",
    }
}

fn number(schema: &Value, name: &str) -> Option<u64> {
    schema.get(name)?.as_u64()
}

/// Required ones first, each group in the schema's order; none where anything goes.
fn properties(schema: &Value) -> Option<Vec<Property>> {
    let properties = schema.get("properties")?.as_object()?;
    let required: Vec<_> = match schema.get("required") {
        Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    let mut list: Vec<_> = properties
        .iter()
        .map(|(name, schema)| Property {
            name: name.clone(),
            schema: schema.clone(),
            required: required.contains(&name.as_str()),
        })
        .collect();
    list.sort_by_key(|property| !property.required);
    Some(list)
}

/// What a form starts with: the defaults, and what can be nothing else.
pub(crate) fn initial(schema: &Value) -> Option<Value> {
    if let Some(default) = schema.get("default") {
        return Some(default.clone());
    }
    match shape(schema) {
        Shape::Object(properties) => {
            let fields = properties
                .into_iter()
                .filter(|property| property.required || property.schema.get("default").is_some())
                .filter_map(|property| Some((property.name, initial(&property.schema)?)));
            Some(Value::Object(fields.collect()))
        }
        Shape::Choice(choices) if choices.len() == 1 => choices.into_iter().next(),
        Shape::Flag => Some(Value::Bool(false)),
        Shape::Choice(_)
        | Shape::Text { .. }
        | Shape::Number { .. }
        | Shape::List(_)
        | Shape::Free => None,
    }
}

/// The bounds in words, under the field.
pub(crate) fn hint(schema: &Value) -> Option<String> {
    let mut parts = Vec::new();
    if let Some(text) = schema.get("description").and_then(Value::as_str) {
        parts.push(text.to_owned());
    }
    let range = |low: &str, high: &str, unit: &str| {
        let bound = |name| schema.get(name).filter(|bound: &&Value| bound.is_number());
        match (bound(low), bound(high)) {
            (Some(low), Some(high)) => Some(format!("{low} to {high}{unit}")),
            (Some(low), None) => Some(format!("at least {low}{unit}")),
            (None, Some(high)) => Some(format!("at most {high}{unit}")),
            (None, None) => None,
        }
    };
    parts.extend(range("minimum", "maximum", ""));
    parts.extend(range("minLength", "maxLength", " characters"));
    parts.extend(range("minItems", "maxItems", " items"));
    if let Some(pattern) = schema.get("pattern").and_then(Value::as_str) {
        parts.push(format!("matches {pattern}"));
    }
    (!parts.is_empty()).then(|| parts.join(" · "))
}

/// The same object with this property changed, or taken out.
pub(crate) fn with_property(object: Option<&Value>, name: &str, value: Option<Value>) -> Value {
    let mut fields = match object {
        Some(Value::Object(fields)) => fields.clone(),
        _ => Map::new(),
    };
    match value {
        Some(value) => fields.insert(name.to_owned(), value),
        None => fields.remove(name),
    };
    Value::Object(fields)
}

/// A typed text as a number; none where it is no such number.
pub(crate) fn parse_number(text: &str, integer: bool) -> Option<Value> {
    let text = text.trim();
    if let Ok(whole) = text.parse::<i64>() {
        return Some(whole.into());
    }
    let number: f64 = text.parse().ok().filter(|_| !integer)?;
    serde_json::Number::from_f64(number).map(Value::Number)
}

/// How a choice or a cell is written.
pub(crate) fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// The pointer of a property below `path`.
pub(crate) fn below(path: &str, name: &str) -> String {
    format!("{path}/{}", name.replace('~', "~0").replace('/', "~1"))
}

/// What is wrong with the value at `path`. A validator tells of a missing property at its object.
pub(crate) fn problem_at(problems: &[FieldProblem], path: &str) -> Option<String> {
    let direct = problems
        .iter()
        .find(|problem| problem.path == path && missing(&problem.message).is_none());
    let found = direct.or_else(|| {
        problems.iter().find(|problem| {
            missing(&problem.message).is_some_and(|name| below(&problem.path, name) == path)
        })
    })?;
    Some(match missing(&found.message) {
        Some(_) => "This is required.".into(),
        None => crate::ui::problem::sentence(&found.message),
    })
}

fn missing(message: &str) -> Option<&str> {
    message
        .strip_suffix(" is a required property")?
        .strip_prefix('"')?
        .strip_suffix('"')
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_subset_has_controls_and_the_rest_is_free() {
        let check = |schema: Value, expect: Shape| assert_eq!(shape(&schema), expect, "{schema}");
        check(json!({"type": "string"}), Shape::Text { long: false });
        check(
            json!({"type": ["null", "integer"]}),
            Shape::Number { integer: true },
        );
        check(
            json!({"oneOf": [{"const": 1}, {"const": 2}]}),
            Shape::Choice(vec![json!(1), json!(2)]),
        );
        check(json!({"oneOf": [{"const": 1}, {}]}), Shape::Free);
        check(
            json!({"type": "array", "items": {"type": "string"}}),
            Shape::List(json!({"type": "string"})),
        );
        check(json!({"type": "object"}), Shape::Free);
        check(json!(true), Shape::Free);
        check(json!({"type": 3, "enum": 4}), Shape::Free);
    }

    #[test]
    fn required_properties_come_first_and_defaults_are_filled_in() {
        let schema = json!({"type": "object", "required": ["b", "c"], "properties": {
            "a": {"type": "number", "default": 3}, "b": {"type": "string"}, "c": {"type": "boolean"}
        }});
        let Shape::Object(properties) = shape(&schema) else {
            panic!("an object")
        };
        let names: Vec<_> = properties.iter().map(|p| p.name.as_str()).collect();
        assert_eq!(names, ["b", "c", "a"]);
        assert_eq!(initial(&schema), Some(json!({"a": 3, "c": false})));
    }

    #[test]
    fn a_missing_property_is_told_at_its_own_field() {
        let problems = [
            FieldProblem {
                path: "/arguments".into(),
                message: "\"b\" is a required property".into(),
            },
            FieldProblem {
                path: "/arguments/a".into(),
                message: "value is not of type \"number\"".into(),
            },
        ];
        let at = |path| problem_at(&problems, path);
        assert_eq!(at("/arguments/b"), Some("This is required.".into()));
        assert_eq!(
            at("/arguments/a"),
            Some("Value is not of type \"number\".".into())
        );
        assert_eq!(at("/arguments"), None);
    }

    #[test]
    fn numbers_are_whole_where_they_can_be() {
        assert_eq!(parse_number("3", false), Some(json!(3)));
        assert_eq!(parse_number("3.5", false), Some(json!(3.5)));
        assert_eq!(parse_number("3.5", true), None);
        assert_eq!(parse_number("NaN", false), None);
    }
}
