//! JSON Schemas as Anthropic takes them: what it cannot enforce becomes part of the description, and the answer is
//! checked against the caller's own schema all the same.

use serde_json::{Map, Value};

/// Keywords that are refused there.
const TOLD: [&str; 19] = [
    "minLength",
    "maxLength",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "pattern",
    "minItems",
    "maxItems",
    "uniqueItems",
    "contains",
    "minProperties",
    "maxProperties",
    "patternProperties",
    "propertyNames",
    "not",
    "if",
    "then",
];
/// Keywords whose value maps names to schemas.
const NAMED: [&str; 3] = ["properties", "$defs", "definitions"];
/// Keywords whose value is a schema, or a list of schemas.
const INNER: [&str; 4] = ["items", "anyOf", "allOf", "prefixItems"];

pub(super) fn plain(schema: &Value) -> Value {
    let Value::Object(schema) = schema else {
        return schema.clone();
    };
    let mut plain = Map::new();
    let mut told = Vec::new();
    for (keyword, value) in schema {
        match keyword.as_str() {
            "$schema" | "additionalProperties" => {}
            "oneOf" => drop(plain.insert("anyOf".to_owned(), each(value))),
            name if TOLD.contains(&name) || name == "else" => told.push(format!("{name}: {value}")),
            name if INNER.contains(&name) => drop(plain.insert(keyword.clone(), each(value))),
            name if NAMED.contains(&name) => drop(plain.insert(keyword.clone(), named(value))),
            _ => drop(plain.insert(keyword.clone(), value.clone())),
        }
    }
    if schema.get("type").is_some_and(|kind| *kind == "object") || schema.contains_key("properties")
    {
        plain.insert("additionalProperties".to_owned(), false.into());
    }
    if !told.is_empty() {
        let present = plain
            .get("description")
            .and_then(Value::as_str)
            .unwrap_or_default();
        let text = format!("{present} ({})", told.join(", "));
        plain.insert("description".to_owned(), text.trim().into());
    }
    plain.into()
}

fn each(value: &Value) -> Value {
    match value {
        Value::Array(list) => list.iter().map(plain).collect(),
        other => plain(other),
    }
}

fn named(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let schemas = map.iter().map(|(name, inner)| (name.clone(), plain(inner)));
            schemas.collect()
        }
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_cannot_be_enforced_is_told() {
        let schema = json!({"$schema": "x", "type": "object", "required": ["minimum"], "properties": {
            "minimum": {"type": "integer", "minimum": 2, "description": "How many."},
            "either": {"oneOf": [{"type": "string", "minLength": 1}, {"type": "null"}]},
            "list": {"type": "array", "items": {"type": "object", "properties": {}}}}});
        assert_eq!(
            plain(&schema),
            json!({"type": "object", "required": ["minimum"], "additionalProperties": false, "properties": {
                "minimum": {"type": "integer", "description": "How many. (minimum: 2)"},
                "either": {"anyOf": [{"type": "string", "description": "(minLength: 1)"}, {"type": "null"}]},
                "list": {"type": "array", "items": {"type": "object", "properties": {}, "additionalProperties": false}}}})
        );
    }
}
