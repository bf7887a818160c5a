//! JSON Schemas of messages: from the decoder of a request, from its example, and from the OpenAPI description.

use std::collections::BTreeSet;

use contracts::{file::FilePart, operations::Operation};
use serde_json::{Map, Value, json};

/// A field that no message has.
const UNKNOWN: &str = "a_field_that_no_message_has";
const REFERENCE: &str = "#/components/schemas/";

/// What the OpenAPI description knows.
pub(super) struct Rest {
    operations: Vec<Value>,
    schemas: Value,
}

impl Rest {
    pub(super) fn new(mut spec: Value) -> Self {
        let mut operations = Vec::new();
        let paths = spec["paths"].as_object();
        for path in paths.into_iter().flat_map(Map::values) {
            operations.extend(path.as_object().into_iter().flat_map(Map::values).cloned());
        }
        Self {
            operations,
            schemas: spec["components"]["schemas"].take(),
        }
    }

    /// The REST forms of a request.
    fn forms<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Value> {
        let operations = self.operations.iter();
        operations.filter(move |operation| operation["x-operation"] == name)
    }

    pub(super) fn summary(&self, name: &str) -> Option<String> {
        let mut forms = self.forms(name);
        Some(forms.next()?["summary"].as_str()?.to_owned())
    }

    /// The schema of the reply: that of the success with a JSON body, null where there is none.
    pub(super) fn reply(&self, name: &str) -> Option<Value> {
        let mut forms = self.forms(name).peekable();
        forms.peek()?;
        let json = forms.find_map(|form| {
            let responses = form["responses"].as_object()?;
            let mut successes = responses
                .iter()
                .filter(|(status, _)| status.starts_with('2'));
            successes.find_map(|(_, response)| schema_in(response))
        });
        Some(json.map_or_else(|| json!({"type": "null"}), json_schema))
    }

    /// What is known of a field: as a property of the body, or as a parameter.
    fn field(&self, name: &str, field: &str) -> Option<Value> {
        self.forms(name).find_map(|form| {
            let body = schema_in(&form["requestBody"]);
            if let Some(body) = &body {
                // A body may be the request's one part that its author writes.
                if field == "spec" && body["$ref"].is_string() {
                    return Some(body.clone());
                }
                if let Some(property) = self.resolve(body)["properties"].get(field) {
                    return Some(property.clone());
                }
            }
            let mut parameters = form["parameters"].as_array()?.iter();
            let parameter = parameters.find(|parameter| parameter["name"] == field)?;
            Some(parameter["schema"].clone())
        })
    }

    fn resolve<'a>(&'a self, schema: &'a Value) -> &'a Value {
        let name = schema["$ref"]
            .as_str()
            .and_then(|at| at.strip_prefix(REFERENCE));
        name.map_or(schema, |name| &self.schemas[name])
    }

    /// The schemas that `document` refers to, and those that they refer to.
    pub(super) fn schemas_of(&self, document: &Value, headers: Value) -> Value {
        let mut found = Map::from_iter([("RequestHeaders".to_owned(), headers)]);
        let mut names = BTreeSet::new();
        references(document, &mut names);
        while let Some(name) = names.pop_first() {
            if found.contains_key(&name) {
                continue;
            }
            let schema = json_schema(self.schemas[&name].clone());
            references(&schema, &mut names);
            found.insert(name, schema);
        }
        Value::Object(found)
    }
}

fn schema_in(content: &Value) -> Option<Value> {
    let content = content["content"].as_object()?;
    let (_, json) = content
        .iter()
        .find(|(kind, _)| kind.starts_with("application/json"))?;
    Some(json["schema"].clone())
}

fn references(value: &Value, names: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            let target = fields.get("$ref").and_then(Value::as_str);
            names.extend(
                target
                    .and_then(|at| at.strip_prefix(REFERENCE))
                    .map(str::to_owned),
            );
            fields.values().for_each(|value| references(value, names));
        }
        Value::Array(items) => items.iter().for_each(|value| references(value, names)),
        _ => {}
    }
}

/// The schema of a request. Its decoder says which fields there are, which must be there and which may be null.
pub(super) fn of_request(operation: &Operation, example: &Value, rest: &Rest) -> Value {
    let reads = |change: &dyn Fn(&mut Map<String, Value>)| {
        let mut fields = example.as_object().cloned().unwrap_or_default();
        change(&mut fields);
        (operation.reads)(Value::Object(fields))
    };
    let mut names: BTreeSet<&str> = (operation.fields)().iter().copied().collect();
    names.extend(
        example
            .as_object()
            .into_iter()
            .flat_map(Map::keys)
            .map(String::as_str),
    );
    let mut properties = Map::new();
    let mut required = Vec::new();
    for name in names {
        let known = rest.field(operation.name, name).map(json_schema);
        let mut schema = known.unwrap_or_else(|| of_value(name, &example[name]));
        let needed = !reads(&|fields| drop(fields.remove(name)));
        let may_be_null = reads(&|fields| drop(fields.insert(name.to_owned(), Value::Null)));
        if may_be_null && !allows_null(&schema) {
            schema = json!({"anyOf": [schema, {"type": "null"}]});
        }
        if needed {
            required.push(name);
        }
        properties.insert(name.to_owned(), schema);
    }
    let open = reads(&|fields| drop(fields.insert(UNKNOWN.to_owned(), Value::Null)));
    json!({"type": "object", "required": required, "properties": properties, "additionalProperties": open})
}

/// The schema of an object whose example has all its fields, and no others.
pub(super) fn closed(example: &Value) -> Value {
    let fields = example.as_object().into_iter().flatten();
    let names: Vec<_> = fields.clone().map(|(name, _)| name).collect();
    let properties: Map<_, _> = fields
        .clone()
        .map(|(name, value)| (name.clone(), of_value(name, value)))
        .collect();
    json!({"type": "object", "required": names, "properties": properties, "additionalProperties": false})
}

/// The schema of a piece of a file, of which REST puts all together.
pub(super) fn of_piece() -> Value {
    let example = FilePart::new(String::new(), String::new(), 1, b"");
    let mut schema = closed(&serde_json::to_value(example).expect("it has text keys only"));
    for (name, description) in [
        ("content_type", "By the content of the file."),
        ("bytes", "Of the whole file."),
        ("content", "Base64 of up to 1 MiB; empty behind the end."),
    ] {
        schema["properties"][name]["description"] = description.into();
    }
    schema
}

/// What an example tells of a value: its type, and nothing where it is null.
fn of_value(name: &str, example: &Value) -> Value {
    match example {
        Value::Null => json!({}),
        Value::Bool(_) => json!({"type": "boolean"}),
        Value::Number(number) if number.is_f64() => json!({"type": "number"}),
        Value::Number(_) => json!({"type": "integer"}),
        Value::String(_) => json!({"type": "string"}),
        Value::Array(_) => json!({"type": "array"}),
        Value::Object(_) if name == "paging" => json!({
            "type": "object",
            "properties": {
                "cursor": {"type": ["string", "null"], "description": "The `next` of the page before."},
                "limit": {"type": ["integer", "null"], "description": "1 to 200, 50 when absent."},
            },
            "additionalProperties": false,
        }),
        Value::Object(_) => json!({"type": "object"}),
    }
}

fn allows_null(schema: &Value) -> bool {
    let is_null = |kind: &Value| kind == "null";
    match &schema["type"] {
        Value::Null => match schema["anyOf"].as_array() {
            Some(any) => any.iter().any(allows_null),
            None => {
                schema["$ref"].is_null() && schema["allOf"].is_null() && schema["oneOf"].is_null()
            }
        },
        Value::Array(kinds) => kinds.iter().any(is_null),
        kind => is_null(kind),
    }
}

/// A schema of OpenAPI 3.0 as JSON Schema: `nullable` is a type, `example` one of `examples`.
pub(super) fn json_schema(schema: Value) -> Value {
    match schema {
        Value::Object(mut fields) => {
            let nullable = fields.remove("nullable") == Some(Value::Bool(true));
            if let Some(example) = fields.remove("example") {
                fields.insert("examples".to_owned(), json!([example]));
            }
            let properties = fields.remove("properties");
            let mut fields: Map<_, _> = fields
                .into_iter()
                .map(|(name, value)| (name, json_schema(value)))
                .collect();
            if let Some(Value::Object(properties)) = properties {
                // Their names are no keywords.
                let properties: Map<_, _> = properties
                    .into_iter()
                    .map(|(name, value)| (name, json_schema(value)))
                    .collect();
                fields.insert("properties".to_owned(), properties.into());
            }
            let schema = Value::Object(fields);
            if nullable && !allows_null(&schema) {
                return json!({"anyOf": [schema, {"type": "null"}]});
            }
            schema
        }
        Value::Array(items) => items.into_iter().map(json_schema).collect(),
        other => other,
    }
}
