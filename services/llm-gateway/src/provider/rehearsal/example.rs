//! A value that fits a JSON Schema: always the same one, always checked.
//!
//! Understands what tools and answers are described with: `type`, `properties`, `required`, `items`, `enum`, `const`,
//! `default`, `examples`, lengths, bounds, the common `format`s, `anyOf`, `oneOf`, `allOf` and local `$ref`.
//!
//! **Invariant:** a value that is returned was validated against the whole schema.

use serde_json::{Map, Value, json};

/// Levels of a value at most: a schema that requires itself has no finite one.
const MAX_DEPTH: usize = 32;
/// Parts of a value, and of a schema with its references followed, at most.
const MAX_PARTS: usize = 10_000;
/// Levels of a schema with its references followed, at most: each takes a piece of the stack.
const MAX_LEVELS: usize = 256;

/// A value that fits; an absent schema means an object without fields for arguments, anything for answers.
pub(crate) fn of_schema(schema: &Value, arguments: bool) -> Result<Value, String> {
    if schema.is_null() {
        return Ok(json!({}));
    }
    let mut maker = Maker {
        root: schema,
        parts: 0,
    };
    maker.weigh(schema, 0, &mut Vec::new())?;
    maker.parts = 0;
    let value = maker.value(schema, 0)?;
    let validator = jsonschema::options()
        .should_validate_formats(true)
        .build(schema)
        .map_err(|error| format!("the schema is not valid: {}", shorten(&error.to_string())))?;
    if !validator.is_valid(&value) {
        return Err("it asks for more than a rehearsal can make up".to_owned());
    }
    if arguments && !value.is_object() {
        return Err("the arguments of a tool are an object".to_owned());
    }
    Ok(value)
}

struct Maker<'a> {
    root: &'a Value,
    parts: usize,
}

impl<'a> Maker<'a> {
    /// Refuses a schema that is small as a text and endless when its references are followed: to validate it takes for
    /// ever.
    fn weigh(
        &mut self,
        schema: &'a Value,
        level: usize,
        followed: &mut Vec<&'a str>,
    ) -> Result<(), String> {
        self.parts += 1;
        if self.parts > MAX_PARTS || level > MAX_LEVELS {
            return Err("the schema is too large".to_owned());
        }
        let parts: Vec<&Value> = match schema {
            Value::Object(fields) => fields.values().collect(),
            Value::Array(items) => items.iter().collect(),
            _ => return Ok(()),
        };
        for part in parts {
            self.weigh(part, level + 1, followed)?;
        }
        let Some(target) = schema.get("$ref").and_then(Value::as_str) else {
            return Ok(());
        };
        // One that is being followed already is recursion, whose depth is that of the value.
        if followed.contains(&target) {
            return Ok(());
        }
        followed.push(target);
        self.weigh(self.resolve(&schema["$ref"])?, level + 1, followed)?;
        followed.pop();
        Ok(())
    }

    fn value(&mut self, schema: &'a Value, depth: usize) -> Result<Value, String> {
        self.parts += 1;
        if depth > MAX_DEPTH || self.parts > MAX_PARTS {
            return Err("the schema is nested too deeply".to_owned());
        }
        let Value::Object(schema) = schema else {
            return match schema {
                Value::Bool(true) => Ok(json!("rehearsal")),
                _ => Err("a part of the schema allows nothing".to_owned()),
            };
        };
        if let Some(value) = given(schema) {
            return Ok(value);
        }
        if let Some(target) = schema.get("$ref") {
            let target = self.resolve(target)?;
            return self.value(target, depth + 1);
        }
        if let Some(Value::Array(parts)) = schema.get("allOf") {
            return self.all_of(schema, parts, depth);
        }
        for any in ["anyOf", "oneOf"] {
            if let Some(Value::Array(choices)) = schema.get(any) {
                return self.any_of(choices, depth);
            }
        }
        self.typed(schema, depth)
    }

    fn typed(&mut self, schema: &'a Map<String, Value>, depth: usize) -> Result<Value, String> {
        let kind = match schema.get("type") {
            Some(Value::String(kind)) => kind.as_str(),
            Some(Value::Array(kinds)) => kinds
                .iter()
                .filter_map(Value::as_str)
                .find(|kind| *kind != "null")
                .unwrap_or("null"),
            None if schema.contains_key("properties") || schema.contains_key("required") => {
                "object"
            }
            None if schema.contains_key("items") => "array",
            _ => "string",
        };
        match kind {
            "object" => self.object(schema, depth),
            "array" => self.array(schema, depth),
            "string" => Ok(Value::String(string(schema))),
            "integer" => number(schema, true),
            "number" => number(schema, false),
            "boolean" => Ok(json!(true)),
            "null" => Ok(Value::Null),
            _ => Err("a part of the schema has an unknown type".to_owned()),
        }
    }

    /// The required properties, and as many of the others as there must be.
    fn object(&mut self, schema: &'a Map<String, Value>, depth: usize) -> Result<Value, String> {
        static ANYTHING: Value = Value::Bool(true);
        let properties = schema.get("properties").and_then(Value::as_object);
        let required = schema.get("required").and_then(Value::as_array);
        let required = required.into_iter().flatten().filter_map(Value::as_str);
        let least = size(schema, "minProperties").unwrap_or(0);
        let rest = schema.get("additionalProperties").unwrap_or(&ANYTHING);
        let mut object = Map::new();
        for name in required {
            let property = properties.and_then(|all| all.get(name)).unwrap_or(rest);
            object.insert(name.to_owned(), self.value(property, depth + 1)?);
        }
        for (name, property) in properties.into_iter().flatten() {
            if object.len() < least && !object.contains_key(name) {
                object.insert(name.clone(), self.value(property, depth + 1)?);
            }
        }
        Ok(Value::Object(object))
    }

    fn array(&mut self, schema: &'a Map<String, Value>, depth: usize) -> Result<Value, String> {
        static ANYTHING: Value = Value::Bool(true);
        let least = size(schema, "minItems").unwrap_or(0);
        let most = size(schema, "maxItems").unwrap_or(usize::MAX);
        let first = schema.get("prefixItems").and_then(Value::as_array);
        let first = first.map(Vec::as_slice).unwrap_or_default();
        let rest = schema.get("items").unwrap_or(&ANYTHING);
        // One item shows what items look like; one that may be of the array's own kind would go on and on.
        let shown = usize::from(rest.get("$ref").is_none());
        let wanted = least.max(first.len()).max(shown).min(most);
        let mut items = Vec::new();
        for at in 0..wanted {
            match self.value(first.get(at).unwrap_or(rest), depth + 1) {
                Ok(item) => items.push(item),
                Err(_) if at >= least => break,
                Err(why) => return Err(why),
            }
        }
        Ok(Value::Array(items))
    }

    /// The first choice that a value can be made for.
    fn any_of(&mut self, choices: &'a [Value], depth: usize) -> Result<Value, String> {
        let mut outcome = Err("a part of the schema allows nothing".to_owned());
        for choice in choices {
            outcome = self.value(choice, depth + 1);
            if outcome.as_ref().is_ok_and(|value| !value.is_null()) {
                break;
            }
        }
        outcome
    }

    /// Objects with the properties of all parts; else what the first part says.
    fn all_of(
        &mut self,
        schema: &'a Map<String, Value>,
        parts: &'a [Value],
        depth: usize,
    ) -> Result<Value, String> {
        let mut all = Map::new();
        for part in parts {
            match self.value(part, depth + 1)? {
                Value::Object(object) => all.extend(object),
                other => return Ok(other),
            }
        }
        if let Value::Object(own) = self.object(schema, depth)? {
            all.extend(own);
        }
        Ok(Value::Object(all))
    }

    fn resolve(&self, target: &Value) -> Result<&'a Value, String> {
        let pointer = target.as_str().and_then(|target| target.strip_prefix('#'));
        pointer
            .and_then(|pointer| self.root.pointer(pointer))
            .ok_or_else(|| "a `$ref` leads nowhere within the schema".to_owned())
    }
}

/// A value that the schema itself holds.
fn given(schema: &Map<String, Value>) -> Option<Value> {
    let first = |name: &str| schema.get(name)?.as_array()?.first();
    let value = schema.get("const").or_else(|| first("enum"));
    value
        .or_else(|| schema.get("default").filter(|value| !value.is_null()))
        .or_else(|| first("examples"))
        .cloned()
}

fn string(schema: &Map<String, Value>) -> String {
    let example = match schema.get("format").and_then(Value::as_str) {
        Some("date-time") => "2026-01-01T00:00:00Z",
        Some("date") => "2026-01-01",
        Some("time") => "00:00:00Z",
        Some("duration") => "PT1S",
        Some("email" | "idn-email") => "rehearsal@example.com",
        Some("hostname" | "idn-hostname") => "example.com",
        Some("uri" | "iri" | "uri-reference" | "url") => "https://example.com/rehearsal",
        Some("uuid") => "00000000-0000-7000-8000-000000000000",
        Some("ipv4") => "192.0.2.1",
        Some("ipv6") => "2001:db8::1",
        _ => "rehearsal",
    };
    let least = size(schema, "minLength").unwrap_or(0).min(MAX_PARTS);
    let most = size(schema, "maxLength").unwrap_or(usize::MAX);
    let length = example.chars().count().max(least).min(most);
    example.chars().cycle().take(length).collect()
}

/// One, or the nearest number that the bounds allow.
fn number(schema: &Map<String, Value>, whole: bool) -> Result<Value, String> {
    let bound = |name: &str| schema.get(name).and_then(Value::as_f64);
    let step = bound("multipleOf").filter(|step| *step > 0.0);
    let step = step.or(whole.then_some(1.0));
    let above = bound("minimum").into_iter().map(|bound| (bound, false));
    let above = above.chain(bound("exclusiveMinimum").map(|bound| (bound, true)));
    let below = bound("maximum").into_iter().map(|bound| (bound, false));
    let below = below.chain(bound("exclusiveMaximum").map(|bound| (bound, true)));
    let mut number: f64 = 1.0;
    for (least, open) in above {
        if number < least || open && number <= least {
            number = if open {
                least + step.unwrap_or(1.0)
            } else {
                least
            };
        }
    }
    for (most, open) in below {
        if number > most || open && number >= most {
            number = if open {
                most - step.unwrap_or(1.0)
            } else {
                most
            };
        }
    }
    if let Some(step) = step {
        let up = (number / step).ceil() * step;
        let too_high = bound("maximum").is_some_and(|most| up > most)
            || bound("exclusiveMaximum").is_some_and(|most| up >= most);
        number = if too_high {
            (number / step).floor() * step
        } else {
            up
        };
    }
    if number.fract() == 0.0 && number.abs() < 9e15 {
        // Exact: integers below 2^53.
        return Ok(json!(number as i64));
    }
    serde_json::Number::from_f64(number)
        .map(Value::Number)
        .ok_or_else(|| "the bounds of a number leave none".to_owned())
}

fn size(schema: &Map<String, Value>, name: &str) -> Option<usize> {
    usize::try_from(schema.get(name)?.as_u64()?).ok()
}

fn shorten(text: &str) -> String {
    text.chars().take(200).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(schema: Value, expect: Value) {
        assert_eq!(of_schema(&schema, false), Ok(expect));
    }

    #[test]
    fn the_common_subset_is_made_up() {
        check(
            json!({"type": "object", "required": ["city", "days", "unit", "at", "tags"], "additionalProperties": false, "properties": {
                "city": {"type": "string"}, "days": {"type": "integer", "minimum": 3, "maximum": 9},
                "unit": {"enum": ["c", "f"]}, "at": {"type": "string", "format": "date-time"},
                "tags": {"type": "array", "items": {"type": "string", "maxLength": 4}, "minItems": 2},
                "note": {"type": "string"}}}),
            json!({"city": "rehearsal", "days": 3, "unit": "c", "at": "2026-01-01T00:00:00Z", "tags": ["rehe", "rehe"]}),
        );
        check(json!({"const": 7}), json!(7));
        check(
            json!({"type": ["null", "string"], "minLength": 12}),
            json!("rehearsalreh"),
        );
        check(json!({"type": "number", "exclusiveMaximum": 0}), json!(-1));
        check(
            json!({"type": "integer", "minimum": 10, "multipleOf": 7}),
            json!(14),
        );
        check(
            json!({"type": "integer", "maximum": 10, "minimum": 8, "multipleOf": 5}),
            json!(10),
        );
        check(
            json!({"type": "number", "minimum": 0.5, "maximum": 0.75}),
            json!(0.75),
        );
        check(
            json!({"anyOf": [{"type": "null"}, {"type": "boolean"}]}),
            json!(true),
        );
        check(
            json!({"type": "object", "minProperties": 1, "properties": {"a": {"type": "integer"}}}),
            json!({"a": 1}),
        );
        check(
            json!({"allOf": [{"properties": {"a": {"const": 1}}, "required": ["a"]}], "properties": {"b": {"const": 2}}, "required": ["b"]}),
            json!({"a": 1, "b": 2}),
        );
        check(
            json!({"$ref": "#/$defs/node", "$defs": {"node": {"type": "object", "required": ["next"], "properties": {
                "next": {"anyOf": [{"type": "null"}, {"type": "integer"}]}}}}}),
            json!({"next": 1}),
        );
        check(
            json!({"$ref": "#/$defs/tree", "$defs": {"tree": {"type": "object", "required": ["children"], "properties": {
                "children": {"type": "array", "items": {"$ref": "#/$defs/tree"}}}}}}),
            json!({"children": []}),
        );
        check(Value::Null, json!({}));
    }

    #[test]
    fn every_format_of_ours_is_valid() {
        for format in [
            "date-time",
            "date",
            "time",
            "duration",
            "email",
            "hostname",
            "uri",
            "uuid",
            "ipv4",
            "ipv6",
        ] {
            let schema = json!({"type": "string", "format": format});
            assert!(of_schema(&schema, false).is_ok(), "{format}");
        }
    }

    #[test]
    fn what_cannot_be_made_up_is_an_error() {
        for schema in [
            json!({"type": "string", "pattern": "^[A-Z]{3}-[0-9]+$"}),
            json!({"type": "integer", "minimum": 3, "maximum": 2}),
            json!({"not": {}}),
            json!(false),
            json!({"type": "sandwich"}),
            json!({"$ref": "https://example.com/schema"}),
            json!({"$ref": "#"}),
            json!({"type": "object", "required": ["me"], "properties": {"me": {"$ref": "#"}}}),
            json!({"type": "array", "minItems": 1_000_000, "items": {"const": 1}}),
            json!({"type": "array", "uniqueItems": true, "minItems": 2}),
        ] {
            assert!(of_schema(&schema, false).is_err(), "{schema}");
        }
        assert!(of_schema(&json!({"type": "string"}), true).is_err());
    }

    #[test]
    fn a_schema_cannot_bring_the_process_down() {
        let mut deep = json!({"type": "string"});
        for _ in 0..100 {
            deep = json!({"type": "array", "items": deep, "minItems": 1});
        }
        assert!(of_schema(&deep, false).is_err());
        let mut defs = Map::new();
        for level in 0..60 {
            let next = json!({"$ref": format!("#/$defs/d{}", level + 1)});
            defs.insert(format!("d{level}"), json!({"allOf": [next, next]}));
        }
        defs.insert("d60".to_owned(), json!({"type": "string"}));
        let bomb = json!({"type": "string", "not": {"$ref": "#/$defs/d0"}, "$defs": defs});
        assert_eq!(
            of_schema(&bomb, false),
            Err("the schema is too large".into())
        );
        let mut defs = Map::new();
        for link in 0..60 {
            let mut deep = json!({"$ref": format!("#/$defs/d{}", link + 1)});
            for _ in 0..100 {
                deep = json!({"not": deep});
            }
            defs.insert(format!("d{link}"), deep);
        }
        defs.insert("d60".to_owned(), json!(true));
        let shaft = json!({"type": "string", "not": {"$ref": "#/$defs/d0"}, "$defs": defs});
        assert_eq!(
            of_schema(&shaft, false),
            Err("the schema is too large".into())
        );
        for schema in [
            json!({"type": "string", "not": {"$ref": "#"}}),
            json!({"type": "string", "if": {"$ref": "#"}, "then": {"$ref": "#"}}),
            json!({"const": 1, "allOf": [{"$ref": "#"}]}),
            json!({"type": "string", "pattern": "^(a+)+$", "default": "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!"}),
        ] {
            // Whatever the answer is, there is one.
            drop(of_schema(&schema, false));
        }
    }
}
