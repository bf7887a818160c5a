//! JSON Schemas that users write: of an execution's input and of an LLM's answer.
//!
//! **Invariant:** checking a value against a schema that [`Schema::new`] takes ends soon. Patterns run in linear time, and
//! a place in the value is looked at by no more than [`MAX_RULES`] rules: references may neither lead back to themselves
//! nor multiply, as ten definitions that name the next one twice would.

use std::collections::HashMap;

use jsonschema::{PatternOptions, Validator};
use serde_json::{Map, Value};

/// Bytes of a schema as JSON.
const MAX_BYTES: usize = 64 * 1024;
/// Rules of a schema, each counted as often as references lead to it.
const MAX_RULES: usize = 2000;
/// Schemas within schemas, references followed.
const MAX_DEPTH: usize = 128;
/// Of the many ways a value can be wrong, this many are told.
const MAX_MISFITS: usize = 20;

/// What `$schema` may say; in older dialects `id` would do what `$id` does here.
const DIALECTS: [&str; 4] = [
    "https://json-schema.org/draft/2020-12/schema",
    "https://json-schema.org/draft/2019-09/schema",
    "http://json-schema.org/draft-07/schema",
    "http://json-schema.org/draft-06/schema",
];
/// Keywords whose value maps names to schemas.
const NAMED: [&str; 6] = [
    "properties",
    "patternProperties",
    "dependentSchemas",
    "dependencies",
    "$defs",
    "definitions",
];
/// Keywords whose value is data.
const DATA: [&str; 4] = ["const", "enum", "default", "examples"];

/// A schema that can be checked against.
#[derive(Debug)]
pub struct Schema {
    validator: Validator,
}

/// A place in a value that does not fit its schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misfit {
    /// JSON pointer into the value.
    pub path: String,
    /// What is wrong, without the value itself.
    pub message: String,
}

impl Schema {
    /// # Errors
    /// Why this is no JSON Schema, or none that can be checked in bounded time.
    pub fn new(schema: &Value) -> Result<Self, String> {
        if !schema.is_object() && !schema.is_boolean() {
            return Err("a JSON Schema is an object".to_owned());
        }
        if schema.to_string().len() > MAX_BYTES {
            return Err("a JSON Schema has at most 64 KiB".to_owned());
        }
        let dialect = schema.get("$schema").map(|dialect| dialect.as_str());
        let is_known = |dialect: Option<&str>| {
            dialect.is_some_and(|uri| DIALECTS.contains(&uri.trim_end_matches('#')))
        };
        if dialect.is_some_and(|dialect| !is_known(dialect)) {
            return Err(
                "`$schema` must be `https://json-schema.org/draft/2020-12/schema`".to_owned(),
            );
        }
        Rules::count(schema)?;
        let validator = jsonschema::options()
            .with_pattern_options(PatternOptions::regex())
            .build(schema)
            .map_err(|error| error.to_string().chars().take(300).collect::<String>())?;
        Ok(Self { validator })
    }

    /// Where a value does not fit; empty means that it does.
    pub fn misfits(&self, value: &Value) -> Vec<Misfit> {
        let misfit = |error: jsonschema::ValidationError<'_>| Misfit {
            path: error.instance_path().to_string(),
            message: error.masked().to_string().chars().take(300).collect(),
        };
        let errors = self.validator.iter_errors(value);
        errors.take(MAX_MISFITS).map(misfit).collect()
    }
}

/// Counts the rules of a schema with those that its references lead to.
struct Rules<'a> {
    root: &'a Value,
    /// By reference; none while it is being counted.
    known: HashMap<&'a str, Option<usize>>,
    depth: usize,
}

impl<'a> Rules<'a> {
    fn count(root: &'a Value) -> Result<usize, String> {
        let mut rules = Self {
            root,
            known: HashMap::new(),
            depth: 0,
        };
        rules.of(root)
    }

    fn of(&mut self, schema: &'a Value) -> Result<usize, String> {
        let Some(schema) = schema.as_object() else {
            return Ok(1);
        };
        if self.depth == MAX_DEPTH {
            return Err(format!("nests deeper than {MAX_DEPTH} schemas"));
        }
        // An embedded resource would give its references another meaning.
        if self.depth > 0 && schema.contains_key("$id") {
            return Err("`$id` is only for the whole schema".to_owned());
        }
        self.depth += 1;
        let mut count = 1;
        for (keyword, value) in schema {
            count += self.of_keyword(keyword, value)?;
            if count > MAX_RULES {
                return Err(format!(
                    "has more than {MAX_RULES} rules, counted as often as references lead to them"
                ));
            }
        }
        self.depth -= 1;
        Ok(count)
    }

    fn of_keyword(&mut self, keyword: &str, value: &'a Value) -> Result<usize, String> {
        match (keyword, value) {
            ("$ref", Value::String(reference)) => self.of_reference(reference),
            ("$dynamicRef" | "$recursiveRef", _) => Err(format!("`{keyword}` is not supported")),
            (keyword, Value::Object(named)) if NAMED.contains(&keyword) => self.of_named(named),
            (keyword, _) if DATA.contains(&keyword) => Ok(1),
            (_, Value::Object(_)) => self.of(value),
            (_, Value::Array(items)) => {
                let mut count = 1;
                for item in items {
                    count += self.of(item)?;
                }
                Ok(count)
            }
            _ => Ok(1),
        }
    }

    fn of_named(&mut self, named: &'a Map<String, Value>) -> Result<usize, String> {
        let mut count = 1;
        for schema in named.values() {
            count += self.of(schema)?;
        }
        Ok(count)
    }

    fn of_reference(&mut self, reference: &'a str) -> Result<usize, String> {
        let shown: String = reference.chars().take(100).collect();
        match self.known.get(reference) {
            Some(Some(count)) => return Ok(*count),
            Some(None) => return Err(format!("`$ref` `{shown}` leads back to itself")),
            None => {}
        }
        let target = reference
            .strip_prefix('#')
            .and_then(|pointer| self.root.pointer(pointer));
        let target = target.ok_or_else(|| {
            format!("`$ref` `{shown}` is not a place in the schema, such as `#/$defs/name`")
        })?;
        self.known.insert(reference, None);
        let count = self.of(target)?;
        self.known.insert(reference, Some(count));
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_are_checked_with_paths_and_without_being_shown() {
        let schema = Schema::new(&json!({
            "type": "object", "required": ["name"],
            "properties": {"n": {"$ref": "#/$defs/small"}, "$ref": {"type": "string"}},
            "$defs": {"small": {"type": "integer", "maximum": 9}}
        }));
        let schema = schema.unwrap();
        assert_eq!(schema.misfits(&json!({"name": 1, "n": 3})), []);
        let misfits = schema.misfits(&json!({"n": "secret"}));
        let paths: Vec<_> = misfits.iter().map(|misfit| misfit.path.as_str()).collect();
        assert_eq!(paths, ["", "/n"]);
        assert!(!format!("{misfits:?}").contains("secret"));
    }

    #[test]
    fn schemas_that_could_take_for_ever_are_refused() {
        let doubling: Map<String, Value> = (0..40)
            .map(|n| {
                let next = json!({"$ref": format!("#/$defs/d{}", n + 1)});
                (format!("d{n}"), json!({"allOf": [next, next]}))
            })
            .chain([("d40".to_owned(), json!(true))])
            .collect();
        let chain: Map<String, Value> = (0..500)
            .map(|n| {
                (
                    format!("d{n}"),
                    json!({"$ref": format!("#/$defs/d{}", n + 1)}),
                )
            })
            .chain([("d500".to_owned(), json!(true))])
            .collect();
        let check = |schema: Value, reason: &str| {
            let error = Schema::new(&schema).unwrap_err();
            assert!(error.contains(reason), "{error}");
        };
        check(
            json!({"$ref": "#/$defs/d20", "$defs": doubling}),
            "more than 2000 rules",
        );
        check(
            json!({"$ref": "#/$defs/d0", "$defs": chain}),
            "nests deeper than 128",
        );
        check(json!({"$ref": "#"}), "leads back to itself");
        check(
            json!({"items": {"$ref": "#/$defs/a"}, "$defs": {"a": {"not": {"$ref": "#/$defs/a"}}}}),
            "leads back",
        );
        check(
            json!({"properties": {"const": {"$ref": "#"}}}),
            "leads back",
        );
        check(json!({"$dynamicRef": "#x"}), "not supported");
        check(
            json!({"$ref": "http://169.254.169.254/x"}),
            "not a place in the schema",
        );
        check(json!({"$ref": "#/missing"}), "not a place in the schema");
        check(json!({"pattern": "^(?=(a+)+$)"}), "regex");
        check(json!({"type": "strnig"}), "anyOf");
        check(
            json!({"$schema": "http://json-schema.org/draft-04/schema#"}),
            "2020-12",
        );
        check(
            json!({"not": {"$id": "http://x/", "$ref": "#"}}),
            "only for the whole schema",
        );
        check(json!([1]), "is an object");
        check(json!({"description": "x".repeat(70_000)}), "64 KiB");
    }

    #[test]
    fn ordinary_schemas_are_taken() {
        for schema in [
            json!(true),
            json!({}),
            json!({"type": "array", "items": {"enum": [{"$ref": "#"}, 2]}, "default": [{"$ref": 1}]}),
            json!({"oneOf": [{"$ref": "#/$defs/a"}, {"$ref": "#/$defs/a"}], "$defs": {"a": {"pattern": "^a+$"}}}),
        ] {
            assert!(Schema::new(&schema).is_ok(), "{schema}");
        }
    }
}
