use serde_json::json;

use super::*;

fn document() -> Value {
    json!({
        "openapi": "3.0.3",
        "servers": [{"url": "https://{region}.example.com/v1/", "variables": {"region": {"default": "eu"}}}],
        "components": {
            "parameters": {"Limit": {"name": "limit", "in": "query", "schema": {"type": "integer"}, "description": "How many."}},
            "schemas": {"Pet": {"type": "object", "required": ["name"], "properties": {"name": {"type": "string"}}}}
        },
        "paths": {
            "/pets": {
                "get": {"operationId": "listPets", "summary": "Lists pets.", "parameters": [
                    {"$ref": "#/components/parameters/Limit"},
                    {"name": "Authorization", "in": "header", "schema": {"type": "string"}}]},
                "post": {"operationId": "add.pet", "requestBody": {"required": true, "content": {
                    "application/json; charset=utf-8": {"schema": {"$ref": "#/components/schemas/Pet"}}}}},
                "trace": {}
            },
            "/pets/{id}": {
                "parameters": [{"name": "id", "in": "path", "required": true, "schema": {"type": "string"}}],
                "get": {"parameters": [
                    {"name": "id", "in": "query", "schema": {"type": "string"}},
                    {"name": "id", "in": "path", "required": true, "schema": {"type": "integer"}}]},
                "put": {"operationId": "upload", "requestBody": {"content": {"image/png": {}}}},
                "delete": {"operationId": "remove", "parameters": [{"name": "sid", "in": "cookie", "schema": {}}]}
            }
        }
    })
}

fn options<'a>(headers: &'a BTreeMap<String, Value>) -> Options<'a> {
    Options {
        source: None,
        base_url: None,
        operations: None,
        headers,
    }
}

fn find(found: &[Found], item: &str) -> Result<ToolSpec, Refusal> {
    let found = found.iter().find(|found| found.item == item);
    found
        .unwrap_or_else(|| panic!("{item} is missing"))
        .spec
        .clone()
}

#[test]
fn each_operation_becomes_a_tool_or_a_problem() {
    let headers = BTreeMap::from([("x-key".to_owned(), json!({"$secret": "k"}))]);
    let found = operations(&document(), &options(&headers)).unwrap();
    assert_eq!(found.len(), 6);
    let list = find(&found, "listPets").unwrap();
    assert_eq!(
        (list.name.as_str(), list.description.as_str()),
        ("listPets", "Lists pets.")
    );
    assert_eq!(
        list.input_schema,
        json!({"type": "object", "properties": {"limit": {"type": "integer", "description": "How many."}},
            "required": [], "additionalProperties": false})
    );
    assert_eq!(
        list.config,
        json!({"method": "GET", "url": "https://eu.example.com/v1/pets",
            "parameters": [{"argument": "limit", "name": "limit", "in": "query", "explode": true}],
            "headers": {"x-key": {"$secret": "k"}}})
    );
    let add = find(&found, "add.pet").unwrap();
    assert_eq!(
        (add.name.as_str(), add.config["body"].as_str()),
        ("add_pet", Some("body"))
    );
    assert_eq!(add.input_schema["required"], json!(["body"]));
    assert_eq!(
        add.input_schema["properties"]["body"]["required"],
        json!(["name"])
    );
    let get = find(&found, "GET /pets/{id}").unwrap();
    assert_eq!(
        get.input_schema["properties"],
        json!({"id": {"type": "string"}, "path_id": {"type": "integer"}})
    );
    assert_eq!(get.input_schema["required"], json!(["path_id"]));
    for spec in [&list, &add, &get] {
        assert_eq!(crate::domain::spec::problems(spec), [], "{}", spec.name);
    }
    for (item, code) in [
        ("TRACE /pets", "method"),
        ("upload", "body_type"),
        ("remove", "parameter_place"),
    ] {
        assert_eq!(find(&found, item).unwrap_err().code, code, "{item}");
    }
}

#[test]
fn only_what_is_asked_for_is_found() {
    let (headers, wanted) = (
        BTreeMap::new(),
        ["listPets".to_owned(), "nothing".to_owned()],
    );
    let mut options = options(&headers);
    options.operations = Some(&wanted);
    options.base_url = Some("http://127.0.0.1:9/base/");
    let found = operations(&document(), &options).unwrap();
    assert_eq!(found.len(), 2);
    let list = find(&found, "listPets").unwrap();
    assert_eq!(list.config["url"], "http://127.0.0.1:9/base/pets");
    assert_eq!(
        find(&found, "nothing").unwrap_err().code,
        "unknown_operation"
    );
}

#[test]
fn servers_may_be_relative_to_the_document() {
    let headers = BTreeMap::new();
    let mut document = document();
    document["servers"] = json!([{"url": "/v2"}]);
    let mut options = options(&headers);
    let of = |options: &Options<'_>| find(&operations(&document, options).unwrap(), "listPets");
    assert_eq!(of(&options).unwrap_err().code, "server");
    options.source = Some("https://api.example.com/docs/openapi.yaml");
    assert_eq!(
        of(&options).unwrap().config["url"],
        "https://api.example.com/v2/pets"
    );
}

#[test]
fn parameters_that_cannot_be_written_are_told() {
    let headers = BTreeMap::new();
    for parameter in [
        json!({"name": "a", "in": "query", "style": "deepObject", "schema": {"type": "string"}}),
        json!({"name": "a", "in": "query", "schema": {"type": "object"}}),
        json!({"name": "a", "in": "query", "content": {}}),
        json!({"name": "a", "in": "path", "style": "matrix", "schema": {}}),
    ] {
        let document = json!({"openapi": "3.1.0", "servers": [{"url": "https://a.example"}],
            "paths": {"/x": {"get": {"operationId": "x", "parameters": [parameter]}}}});
        let found = operations(&document, &options(&headers)).unwrap();
        assert_eq!(find(&found, "x").unwrap_err().code, "parameter_style");
    }
    let lost = json!({"openapi": "3.1.0", "paths": {"/x": {"get": {"operationId": "x", "parameters": [{"$ref": "#/no"}]}}}});
    let found = operations(&lost, &options(&headers)).unwrap();
    assert_eq!(find(&found, "x").unwrap_err().code, "reference");
    assert!(operations(&json!({"swagger": "2.0"}), &options(&headers)).is_err());
}
