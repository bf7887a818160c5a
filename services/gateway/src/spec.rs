//! The OpenAPI description: what the framework writes, completed from the contract's list of operations.
//!
//! **Invariant:** every operation names its request of the contract (`x-operation`) and what it needs (`x-permission`).

use contracts::{
    Access,
    operations::{self, Operation},
};
use serde_json::{Map, Value, json};

use crate::api;

/// The description of the REST API; needs no server and no configuration.
pub fn openapi_json() -> Value {
    let text = api::service().spec();
    let mut spec: Value = serde_json::from_str(&text).expect("the framework writes JSON");
    allow_nulls(&mut spec);
    describe_problem(&mut spec);
    let schemas = spec["components"]["schemas"].clone();
    let paths = spec["paths"].as_object_mut().expect("there are paths");
    for path in paths.values_mut() {
        for operation in path.as_object_mut().into_iter().flat_map(Map::values_mut) {
            complete(operation, &schemas);
        }
    }
    spec
}

/// Adds to one operation what the contract knows of its request.
fn complete(operation: &mut Value, schemas: &Value) {
    let id = operation["operationId"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    let (name, form) = id
        .split_once(':')
        .map_or((&*id, None), |(name, form)| (name, Some(form)));
    let request = operations::find(name)
        .unwrap_or_else(|| panic!("`{name}` is missing in contracts::operations::OPERATIONS"));
    let fields = operation
        .as_object_mut()
        .expect("an operation is an object");
    if form.is_some() {
        // Ids are unique; the other form of a request has none.
        fields.remove("operationId");
    }
    fields.insert("x-operation".into(), name.into());
    fields.insert("x-permission".into(), permission(request).into());
    for (status, description) in failures(request) {
        fields["responses"][status] = json!({
            "description": description,
            "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
        });
    }
    if let Some(example) = body_example(fields, request, schemas) {
        fields["requestBody"]["content"]["application/json"]["example"] = example;
    }
}

fn permission(request: &Operation) -> &'static str {
    match request.access {
        Access::Public => "public",
        Access::SignedIn => "signed_in",
        Access::Internal => "internal",
        Access::Permission(permission) => permission.as_str(),
    }
}

fn failures(request: &Operation) -> Vec<(&'static str, &'static str)> {
    let mut failures = vec![
        ("400", "The request cannot be read"),
        ("429", "Too many requests"),
        ("default", "Any other problem"),
    ];
    if request.is_for_tenants() {
        failures.push(("401", "A valid access token is needed"));
    }
    if matches!(request.access, Access::Permission(_)) {
        failures.push(("403", "The caller's role may not do this"));
    }
    if !request.objects.is_empty() {
        failures.push((
            "404",
            "There is no such object in the caller's organization",
        ));
    }
    failures
}

/// The contract's example, cut down to the fields of the body; none where a field that is needed has no example.
fn body_example(
    fields: &Map<String, Value>,
    request: &Operation,
    schemas: &Value,
) -> Option<Value> {
    let content = fields.get("requestBody")?.get("content")?.as_object()?;
    let schema = content.get("application/json")?.get("schema")?;
    let name = schema["$ref"].as_str()?.rsplit('/').next()?;
    let schema = &schemas[name];
    let mut example = (request.example)();
    // A body may be the request's one part that its author writes, without the name of the part.
    let mut parts = ["spec", "recording"].iter();
    if let Some(part) = parts.find_map(|name| example.get(*name)) {
        example = part.clone();
    }
    let properties = schema["properties"].as_object()?;
    let body: Map<String, Value> = properties
        .keys()
        .filter(|key| !example[key.as_str()].is_null())
        .map(|key| (key.clone(), example[key.as_str()].clone()))
        .collect();
    let needed = schema["required"].as_array();
    let is_whole = needed
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .all(|key| body.contains_key(key));
    is_whole.then_some(Value::Object(body))
}

/// What may be absent may be null, on our wire; the framework does not say so. What has a default may not.
fn allow_nulls(spec: &mut Value) {
    let schemas = spec["components"]["schemas"].as_object_mut();
    for schema in schemas.into_iter().flat_map(Map::values_mut) {
        let required: Vec<String> = schema["required"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|name| name.as_str().map(str::to_owned))
            .collect();
        let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) else {
            continue;
        };
        for (name, property) in properties {
            if required.contains(name) || property.get("default").is_some() {
                continue;
            }
            if let Some(reference) = property.get("$ref").cloned() {
                // Beside a `$ref` nothing else counts (OpenAPI 3.0).
                *property = json!({"allOf": [{"$ref": reference}]});
            }
            property["nullable"] = true.into();
        }
    }
}

/// No handler returns a `Problem` as its reply, so the framework does not know the schema.
fn describe_problem(spec: &mut Value) {
    use poem_openapi::{registry::Registry, types::Type};

    let mut registry = Registry::new();
    contracts::Problem::register(&mut registry);
    for (name, schema) in &registry.schemas {
        let schema = serde_json::to_value(schema).expect("a schema can be written as JSON");
        spec["components"]["schemas"][name] = schema;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use contracts::operations::OPERATIONS;

    use super::*;

    fn operations_of(spec: &Value) -> Vec<(String, String, Value)> {
        let mut found = Vec::new();
        for (path, methods) in spec["paths"].as_object().unwrap() {
            for (method, operation) in methods.as_object().unwrap() {
                found.push((path.clone(), method.clone(), operation.clone()));
            }
        }
        found
    }

    const OTHERWISE: [&str; 6] = [
        "flow.receive_webhook",
        "auth.redeem_ticket",
        "llm.complete",
        "llm.embed",
        "agent.recall",
        "agent.remember",
    ];

    #[test]
    fn every_operation_of_a_tenant_is_reachable_over_rest() {
        let spec = openapi_json();
        let ids: BTreeSet<_> = operations_of(&spec)
            .iter()
            .filter_map(|(_, _, operation)| operation["operationId"].as_str().map(str::to_owned))
            .collect();
        // A webhook has a path of its own. A ticket is redeemed by opening a socket. Completions and embeddings have an HTTP face of their own, which speaks the OpenAI API; what an agent recalls
        // and remembers is asked by its runs alone.
        let expected: BTreeSet<_> = OPERATIONS
            .iter()
            .filter(|operation| operation.access != Access::Internal)
            .map(|operation| operation.name.to_owned())
            .filter(|name| !OTHERWISE.contains(&name.as_str()))
            .collect();
        assert_eq!(ids, expected);
    }

    #[test]
    fn every_operation_says_what_it_needs() {
        for (path, method, operation) in operations_of(&openapi_json()) {
            let at = format!("{method} {path}");
            let permission = operation["x-permission"].as_str().expect(&at);
            let is_open = operation["security"].as_array().is_none_or(Vec::is_empty);
            assert_eq!(is_open, permission == "public", "{at}");
            assert!(operation["responses"]["default"].is_object(), "{at}");
            assert!(operation["summary"].is_string(), "{at}");
        }
    }

    #[test]
    fn bodies_have_examples() {
        for (path, method, operation) in operations_of(&openapi_json()) {
            let body = &operation["requestBody"]["content"]["application/json"];
            if body.is_object() && operation["requestBody"]["required"] == true {
                let has_example = body["example"].is_object();
                let without = ["/flows/{flow_id}", "/workflows/{flow_id}"];
                assert!(
                    has_example || without.contains(&&*path),
                    "{method} {path} has no example"
                );
            }
        }
    }

    #[test]
    fn references_lead_somewhere() {
        fn references(value: &Value, found: &mut BTreeSet<String>) {
            match value {
                Value::Object(fields) => {
                    if let Some(target) = fields.get("$ref").and_then(Value::as_str) {
                        found.insert(target.to_owned());
                    }
                    fields.values().for_each(|value| references(value, found));
                }
                Value::Array(items) => items.iter().for_each(|value| references(value, found)),
                _ => {}
            }
        }
        let (spec, mut found) = (openapi_json(), BTreeSet::new());
        references(&spec, &mut found);
        assert!(found.len() > 10);
        for reference in found {
            let pointer = reference.trim_start_matches('#');
            assert!(spec.pointer(pointer).is_some(), "{reference}");
        }
    }
}
