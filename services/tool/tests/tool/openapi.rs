//! Tools of OpenAPI documents.

use contracts::tool::{ImportOpenapi, ImportedTools, SetSecret};

use super::*;

fn document(server: &str) -> String {
    format!(
        r##"
openapi: 3.1.0
servers: [{{url: "{server}/v1"}}]
components:
  schemas:
    Pet: {{type: object, required: [name], properties: {{name: {{type: string}}, parent: {{$ref: "#/components/schemas/Pet"}}}}}}
paths:
  /pets/{{id}}:
    parameters: [{{name: id, in: path, required: true, schema: {{type: integer}}}}]
    get:
      operationId: getPet
      summary: Reads a pet.
      parameters: [{{name: tag, in: query, schema: {{type: array, items: {{type: string}}}}}}]
      responses: {{200: {{description: ok}}}}
    put:
      operationId: putPet
      requestBody: {{required: true, content: {{application/json: {{schema: {{$ref: "#/components/schemas/Pet"}}}}}}}}
    delete: {{operationId: dropPet, parameters: [{{name: s, in: cookie, schema: {{}}}}]}}
"##
    )
}

async fn import(fixture: &Fixture, request: &ImportOpenapi) -> ImportedTools {
    fixture.ask(&fixture.user, request).await.unwrap()
}

async fn tool_called(fixture: &Fixture, name: &str) -> Tool {
    let list = contracts::tool::ListTools::default();
    let listed = fixture.ask(&fixture.user, &list).await.unwrap().items;
    let found = listed.iter().find(|tool| tool.name == name).unwrap();
    let get = contracts::tool::GetTool {
        tool_id: found.id,
        version: None,
    };
    fixture.ask(&fixture.user, &get).await.unwrap()
}

#[tokio::test]
async fn operations_of_a_document_become_tools_that_call_them() {
    let fixture = Fixture::start().await;
    let secret = SetSecret {
        name: "pets".into(),
        value: "k-canary".into(),
        hosts: vec![fixture.ledger.address().to_string()],
    };
    fixture.ask(&fixture.user, &secret).await.unwrap();
    let request = ImportOpenapi {
        document: Some(json!(document(&fixture.ledger.url()))),
        headers: [("x-key".to_owned(), json!({"$secret": "pets"}))].into(),
        ..ImportOpenapi::default()
    };
    let imported = import(&fixture, &request).await;
    let names: Vec<_> = imported
        .items
        .iter()
        .map(|tool| tool.name.as_str())
        .collect();
    assert_eq!(names, ["getPet", "putPet"]);
    assert_eq!(imported.items[0].description, "Reads a pet.");
    let problems = imported.problems.iter();
    let problems: Vec<_> = problems
        .map(|it| (it.item.as_str(), it.code.as_str()))
        .collect();
    assert_eq!(problems, [("dropPet", "parameter_place")]);

    fixture.ledger.answer_next(200, r#"{"name": "k-canary"}"#);
    let get = tool_called(&fixture, "getPet").await;
    let answer = fixture
        .call(&get, json!({"id": 7, "tag": ["a&b", "c"]}))
        .await;
    assert_eq!(
        answer.unwrap(),
        json!({"status": 200, "body": {"name": "[secret]"}})
    );
    let put = tool_called(&fixture, "putPet").await;
    let body = json!({"name": "Rex", "parent": {"name": "Max"}});
    fixture
        .call(&put, json!({"id": 7, "body": body}))
        .await
        .unwrap();
    assert_eq!(
        fixture.fails(&put, json!({"id": 7})).await,
        "arguments_invalid"
    );
    assert_eq!(
        fixture.fails(&put, json!({"id": "..", "body": body})).await,
        "arguments_invalid"
    );
    let calls = fixture.ledger.calls();
    let sent: Vec<_> = calls
        .iter()
        .map(|call| (call.method.as_str(), call.path.as_str()))
        .collect();
    assert_eq!(
        sent,
        [("GET", "/v1/pets/7?tag=a%26b&tag=c"), ("PUT", "/v1/pets/7")]
    );
    assert_eq!(calls[0].header("x-key"), Some("k-canary"));
    assert_eq!(calls[1].header("content-type"), Some("application/json"));
    assert_eq!(serde_json::from_str::<Value>(&calls[1].body).unwrap(), body);

    let again = import(&fixture, &request).await;
    let names: Vec<_> = again.items.iter().map(|tool| tool.name.as_str()).collect();
    assert_eq!(names, ["getPet_2", "putPet_2"]);
    fixture.drain().await;
}

#[tokio::test]
async fn a_document_may_be_fetched_and_its_operations_chosen() {
    let fixture = Fixture::start().await;
    let document = document(&fixture.ledger.url()).replace(&fixture.ledger.url(), "");
    fixture.ledger.answer_next(200, document);
    let request = ImportOpenapi {
        url: Some(format!("{}/openapi.yaml", fixture.ledger.url())),
        operations: Some(vec!["getPet".into(), "nothing".into()]),
        ..ImportOpenapi::default()
    };
    let imported = import(&fixture, &request).await;
    assert_eq!(imported.items.len(), 1);
    assert_eq!(imported.problems[0].code, "unknown_operation");
    let get = tool_called(&fixture, "getPet").await;
    assert_eq!(
        get.config["url"],
        format!("{}/v1/pets/{{id}}", fixture.ledger.url())
    );
    let private = ImportOpenapi {
        url: Some("http://169.254.169.254/openapi.json".into()),
        ..ImportOpenapi::default()
    };
    let refused = fixture.ask(&fixture.user, &private).await.unwrap_err();
    assert_eq!(refused.reason.as_deref(), Some("blocked_address"));
    for document in [
        None,
        Some(json!({"swagger": "2.0"})),
        Some(json!("{")),
        Some(json!("x".repeat(1_048_577))),
    ] {
        let request = ImportOpenapi {
            document,
            ..ImportOpenapi::default()
        };
        let refused = fixture.ask(&fixture.user, &request).await.unwrap_err();
        assert_eq!(refused.reason.as_deref(), Some("document_invalid"));
    }
    fixture.drain().await;
}
