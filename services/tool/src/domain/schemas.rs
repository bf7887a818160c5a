//! Schemas of others as ours: local references resolved, OpenAPI's own words turned into those of JSON Schema.
//!
//! **Invariant:** the work is bounded, however a document refers to itself: where a schema contains itself, its inner
//! one takes anything.

use serde_json::{Map, Value, json};

/// Values of an expanded schema.
const MAX_VALUES: usize = 20_000;
const MAX_DEPTH: usize = 64;
/// References that lead to references.
const MAX_HOPS: usize = 16;

/// Keywords whose value maps names to schemas.
const NAMED: [&str; 5] = [
    "properties",
    "patternProperties",
    "dependentSchemas",
    "$defs",
    "definitions",
];
/// Keywords whose value is data.
const DATA: [&str; 5] = ["const", "enum", "default", "examples", "required"];
/// Keywords that say nothing about a value, or that mean something else here.
const DROPPED: [&str; 11] = [
    "$schema",
    "$id",
    "$anchor",
    "$comment",
    "$defs",
    "definitions",
    "example",
    "discriminator",
    "xml",
    "externalDocs",
    "nullable",
];

/// Follows `$ref`s inside the document; none where one leads nowhere.
pub(crate) fn target<'a>(document: &'a Value, value: &'a Value) -> Option<&'a Value> {
    let mut value = value;
    for _ in 0..MAX_HOPS {
        match value.get("$ref").and_then(Value::as_str) {
            None => return Some(value),
            Some(reference) => value = document.pointer(&pointer(reference)?)?,
        }
    }
    None
}

/// The JSON pointer of a reference into the same document.
fn pointer(reference: &str) -> Option<String> {
    let fragment = reference.strip_prefix('#')?;
    urlencoding::decode(fragment)
        .ok()
        .map(|text| text.into_owned())
}

/// A schema that stands alone.
///
/// # Errors
/// Where a reference leads nowhere, or the schema is too large.
pub(crate) fn expanded(document: &Value, schema: &Value) -> Result<Value, String> {
    let mut walk = Walk {
        document,
        open: Vec::new(),
        left: MAX_VALUES,
    };
    walk.schema(schema, 0)
}

struct Walk<'a> {
    document: &'a Value,
    /// The references that lead to where the walk is.
    open: Vec<String>,
    left: usize,
}

impl Walk<'_> {
    fn schema(&mut self, schema: &Value, depth: usize) -> Result<Value, String> {
        let too_large = || "a schema is too large or too deep".to_owned();
        if depth > MAX_DEPTH {
            return Err(too_large());
        }
        self.left = self.left.checked_sub(1).ok_or_else(too_large)?;
        let Value::Object(object) = schema else {
            return Ok(schema.clone());
        };
        match object.get("$ref") {
            None => self.keywords(object, depth),
            Some(Value::String(reference)) => self.referred(reference, object, depth),
            Some(_) => Err("a `$ref` is a text".to_owned()),
        }
    }

    fn referred(
        &mut self,
        reference: &str,
        beside: &Map<String, Value>,
        depth: usize,
    ) -> Result<Value, String> {
        if self.open.iter().any(|open| open == reference) {
            return Ok(json!({}));
        }
        let told: String = reference.chars().take(200).collect();
        let document = self.document;
        let target = pointer(reference).and_then(|pointer| document.pointer(&pointer));
        let target = target.ok_or_else(|| format!("`{told}` leads nowhere inside the document"))?;
        self.open.push(reference.to_owned());
        let expanded = self.schema(target, depth + 1);
        self.open.pop();
        let mut expanded = expanded?;
        let beside = beside.iter().filter(|(key, _)| *key != "$ref");
        let beside: Map<_, _> = beside
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect();
        if let (Value::Object(said), Value::Object(more)) =
            (&mut expanded, self.keywords(&beside, depth)?)
        {
            said.extend(more);
        }
        Ok(expanded)
    }

    fn keywords(&mut self, object: &Map<String, Value>, depth: usize) -> Result<Value, String> {
        let mut said = Map::new();
        for (key, value) in object {
            if DROPPED.contains(&key.as_str()) {
                continue;
            }
            let value = match value {
                Value::Object(named) if NAMED.contains(&key.as_str()) => {
                    let entries = named.iter();
                    let entries = entries
                        .map(|(name, schema)| Ok((name.clone(), self.schema(schema, depth + 1)?)));
                    Value::Object(entries.collect::<Result<_, String>>()?)
                }
                _ if DATA.contains(&key.as_str()) => value.clone(),
                Value::Array(items) => {
                    let items = items.iter().map(|item| self.schema(item, depth + 1));
                    Value::Array(items.collect::<Result<_, _>>()?)
                }
                value => self.schema(value, depth + 1)?,
            };
            said.insert(key.clone(), value);
        }
        translate(object, &mut said);
        Ok(Value::Object(said))
    }
}

/// What OpenAPI 3.0 says otherwise than JSON Schema.
fn translate(object: &Map<String, Value>, said: &mut Map<String, Value>) {
    if object.get("nullable") == Some(&Value::Bool(true)) {
        if let Some(Value::String(kind)) = said.get("type").cloned() {
            said.insert("type".to_owned(), json!([kind, "null"]));
        }
        if let Some(Value::Array(values)) = said.get_mut("enum")
            && !values.contains(&Value::Null)
        {
            values.push(Value::Null);
        }
    }
    for (exclusive, bound) in [
        ("exclusiveMinimum", "minimum"),
        ("exclusiveMaximum", "maximum"),
    ] {
        match said.get(exclusive) {
            Some(Value::Bool(true)) => {
                said.remove(exclusive);
                if let Some(limit) = said.remove(bound) {
                    said.insert(exclusive.to_owned(), limit);
                }
            }
            Some(Value::Bool(false)) => drop(said.remove(exclusive)),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_resolved_and_cut_where_they_lead_back() {
        let document = json!({"components": {"schemas": {
            "Node": {"type": "object", "properties": {"value": {"$ref": "#/components/schemas/Value"},
                "children": {"type": "array", "items": {"$ref": "#/components/schemas/Node"}}}},
            "Value": {"type": "integer", "exclusiveMinimum": true, "minimum": 1, "nullable": true},
            "a/b": {"type": "string"}
        }}});
        let schema = json!({"$ref": "#/components/schemas/Node", "description": "A tree."});
        assert_eq!(
            expanded(&document, &schema),
            Ok(
                json!({"type": "object", "description": "A tree.", "properties": {
                "value": {"type": ["integer", "null"], "exclusiveMinimum": 1},
                "children": {"type": "array", "items": {}}}})
            )
        );
        let escaped = json!({"$ref": "#/components/schemas/a~1b"});
        assert_eq!(expanded(&document, &escaped), Ok(json!({"type": "string"})));
        for nowhere in [
            "#/components/schemas/X",
            "other.json#/X",
            "https://a.example/x",
        ] {
            let schema = json!({"items": {"$ref": nowhere}});
            assert!(expanded(&document, &schema).unwrap_err().contains(nowhere));
        }
    }

    #[test]
    fn names_and_data_that_look_like_keywords_stay() {
        let schema = json!({"type": "object", "properties": {"example": {"type": "string", "example": "x"}, "nullable": {}},
            "enum": [{"$ref": "#/x", "example": 1}], "example": 7});
        assert_eq!(
            expanded(&json!({}), &schema),
            Ok(
                json!({"type": "object", "properties": {"example": {"type": "string"}, "nullable": {}},
                "enum": [{"$ref": "#/x", "example": 1}]})
            )
        );
    }

    #[test]
    fn a_schema_that_multiplies_is_given_up() {
        let doubled = |n: usize| json!({"properties": {"a": {"$ref": format!("#/d/{}", n + 1)}, "b": {"$ref": format!("#/d/{}", n + 1)}}});
        let mut schemas: Vec<_> = (0..30).map(doubled).collect();
        schemas.push(json!({}));
        let document = json!({"d": schemas});
        let failed = expanded(&document, &json!({"$ref": "#/d/0"}));
        assert!(failed.unwrap_err().contains("too large"));
        let loop_of_two = json!({"a": {"$ref": "#/b"}, "b": {"$ref": "#/a"}});
        assert_eq!(target(&loop_of_two, &json!({"$ref": "#/a"})), None);
        assert_eq!(
            expanded(&loop_of_two, &json!({"$ref": "#/a"})),
            Ok(json!({}))
        );
    }
}
