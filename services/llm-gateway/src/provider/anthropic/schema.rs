//! JSON Schemas as Anthropic takes them: what it cannot enforce becomes part of the description, and the answer is
//! checked against the caller's own schema all the same.

use std::collections::HashSet;

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

/// Whether the vendor can enforce it: it takes no objects with names that are not listed, and nothing that holds itself.
pub(super) fn is_enforceable(schema: &Value) -> bool {
    Walk {
        root: schema,
        under: Vec::new(),
        seen: HashSet::new(),
    }
    .is_closed(schema)
}

struct Walk<'a> {
    root: &'a Value,
    /// The references that are being followed.
    under: Vec<&'a str>,
    /// Those that were followed to their end.
    seen: HashSet<&'a str>,
}

impl<'a> Walk<'a> {
    fn is_closed(&mut self, schema: &'a Value) -> bool {
        let Value::Object(fields) = schema else {
            return true;
        };
        if let Some(Value::String(to)) = fields.get("$ref")
            && !self.leads_on(to)
        {
            return false;
        }
        let is_object = match fields.get("type") {
            Some(Value::Array(kinds)) => kinds.iter().any(|kind| kind == "object"),
            kind => kind.is_some_and(|kind| kind == "object"),
        };
        let is_open = match fields.get("additionalProperties") {
            Some(more) => *more != false,
            None => is_object && !fields.contains_key("properties"),
        };
        if is_open || fields.contains_key("patternProperties") {
            return false;
        }
        let named = fields.get("properties").and_then(Value::as_object);
        let named = named.into_iter().flat_map(Map::values);
        let inner = INNER.iter().chain(&["oneOf"]);
        let inner = inner.filter_map(|name| fields.get(*name));
        let inner = inner.flat_map(|inner| match inner {
            Value::Array(list) => list.iter().collect(),
            one => vec![one],
        });
        let all: Vec<&'a Value> = named.chain(inner).collect();
        all.into_iter().all(|inner| self.is_closed(inner))
    }

    fn leads_on(&mut self, to: &'a str) -> bool {
        if self.seen.contains(to) {
            return true;
        }
        let there = to.strip_prefix('#').filter(|path| !path.is_empty());
        let there = there.and_then(|path| self.root.pointer(path));
        let Some(there) = there.filter(|_| !self.under.contains(&to)) else {
            return false;
        };
        self.under.push(to);
        let is_closed = self.is_closed(there);
        self.under.pop();
        self.seen.insert(to);
        is_closed
    }
}

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
    fn open_objects_and_what_holds_itself_cannot_be_enforced() {
        let point = json!({"type": "object", "properties": {"x": {"type": "number"}}, "additionalProperties": false});
        let twice = json!({"type": "object", "properties": {"a": {"$ref": "#/$defs/p"}, "b": {"$ref": "#/$defs/p"}}, "$defs": {"p": point}});
        let listed = json!({"type": "array", "items": {"anyOf": [point, {"type": "null"}]}});
        for schema in [&point, &twice, &listed] {
            assert!(is_enforceable(schema), "{schema}");
        }
        for schema in [
            json!({"type": "object"}),
            json!({"type": ["object", "null"]}),
            json!({"type": "object", "additionalProperties": {"type": "string"}}),
            json!({"type": "object", "properties": {}, "patternProperties": {"^x": {}}}),
            json!({"type": "object", "properties": {"all": {"type": "array", "items": {"type": "object"}}}}),
            json!({"type": "object", "properties": {"next": {"$ref": "#"}}}),
            json!({"$ref": "#/$defs/n", "$defs": {"n": {"type": "object", "properties": {"next": {"$ref": "#/$defs/n"}}}}}),
            json!({"oneOf": [{"type": "object"}]}),
            json!({"$ref": "https://example.com/x.json"}),
        ] {
            assert!(!is_enforceable(&schema), "{schema}");
        }
    }

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
