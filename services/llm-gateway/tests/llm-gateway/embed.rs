//! Texts that become vectors, over the bus and over HTTP.

use base64::{Engine, prelude::BASE64_STANDARD};
use contracts::{
    ErrorCode, Principal, Problem, Role,
    id::ExecutionId,
    llm::{
        CreateRoute, Embed, Embeddings, Guardrails, ModelKind, Price, ProviderModel, Redaction,
        RouteSpec, TestProvider, UpdateProvider,
    },
};
use egress::Response;
use serde_json::{Value, json};
use testkit::{
    FakeLlm,
    fake_llm::{Answer, Usage},
};

use crate::{
    Fixture,
    http::{read, send},
};

fn texts(model: Option<&str>, input: &[&str]) -> Embed {
    Embed {
        model: model.map(str::to_owned),
        input: input.iter().map(|text| (*text).to_owned()).collect(),
        ..Embed::default()
    }
}

/// The vendor, with a model for vectors that costs two cents per million tokens.
async fn vendor_of(fixture: &Fixture, owner: &Principal) {
    let provider = fixture.vendor_of(owner).await;
    let mut models = provider.models;
    models.push(ProviderModel {
        name: "fake-embedding".into(),
        kind: ModelKind::Embedding,
        price: Some(Price {
            prompt: "0.02".parse().unwrap(),
            completion: "0".parse().unwrap(),
            ..Price::default()
        }),
    });
    let change = UpdateProvider {
        provider_id: provider.id,
        base_url: None,
        api_key: None,
        more_api_keys: Vec::new(),
        limits: None,
        models: Some(models),
    };
    fixture.ask(owner, &change).await.unwrap();
}

fn two_vectors() -> Answer {
    Answer::embeddings([vec![0.5, -0.25, 0.0], vec![1.0, 0.125, 2.0]]).usage(Usage {
        prompt_tokens: 9,
        completion_tokens: 0,
    })
}

async fn post(fixture: &Fixture, who: &Principal, body: &Value) -> Response {
    let bearer = format!("Bearer {}", testkit::token(who));
    let headers = [("authorization", bearer.as_str())];
    send(fixture, "POST", "/embeddings", &headers, body.to_string()).await
}

fn likeness(one: &[f32], two: &[f32]) -> f32 {
    one.iter().zip(two).map(|(a, b)| a * b).sum()
}

#[tokio::test]
async fn the_rehearsal_finds_the_text_that_speaks_of_the_same() {
    let fixture = Fixture::start().await;
    let owner = fixture.owner().await;
    let ask = texts(
        None,
        &[
            "When is my refund paid?",
            "The office is closed on public holidays.",
            "Refunds are paid within 14 days.",
        ],
    );
    let answer = fixture.ask(&owner, &ask).await.unwrap();
    assert!(answer.rehearsal);
    assert_eq!(
        (answer.provider.as_str(), answer.model.as_str()),
        ("rehearsal", "rehearsal")
    );
    assert_eq!((answer.dimensions, answer.embeddings.len()), (256, 3));
    assert_eq!(answer.usage.prompt_tokens, 18);
    assert_eq!(answer.usage.cost, Some(0.into()));
    let [question, holidays, refunds] = answer.embeddings.as_slice() else {
        panic!("three vectors");
    };
    assert!(likeness(question, refunds) > likeness(question, holidays) + 0.2);
    let again = fixture.ask(&owner, &ask).await.unwrap();
    assert_eq!(again.embeddings, answer.embeddings);
    let mut small = texts(None, &["a"]);
    small.dimensions = Some(32);
    assert_eq!(fixture.ask(&owner, &small).await.unwrap().dimensions, 32);
}

#[tokio::test]
async fn a_vendor_is_asked_for_plain_numbers_and_paid_by_its_count() {
    let mut fixture = Fixture::start().await;
    let owner = fixture.owner().await;
    vendor_of(&fixture, &owner).await;
    let execution = ExecutionId::generate();
    let run = Principal {
        execution_id: Some(execution),
        ..owner.clone()
    };
    // Without a name, the model for vectors is asked, not the first one.
    let mut ask = texts(None, &["the secret text", "another"]);
    ask.dimensions = Some(3);
    fixture.vendor.script(two_vectors());
    let answer = fixture.ask(&run, &ask).await.unwrap();
    assert_eq!(
        answer.embeddings,
        [vec![0.5, -0.25, 0.0], vec![1.0, 0.125, 2.0]]
    );
    assert_eq!(
        (answer.provider.as_str(), answer.model.as_str()),
        ("vendor", "fake-embedding")
    );
    assert_eq!((answer.dimensions, answer.rehearsal), (3, false));
    assert_eq!(answer.usage.cost, Some("0.00000018".parse().unwrap()));
    let asked = fixture.vendor.requests().remove(0);
    assert_eq!(asked.path, "/v1/embeddings");
    let bearer = format!("Bearer {}", FakeLlm::API_KEY);
    assert_eq!(asked.authorization, Some(bearer));
    assert_eq!(
        asked.body,
        json!({"model": "fake-embedding", "input": ["the secret text", "another"],
            "encoding_format": "float", "dimensions": 3})
    );

    fixture.vendor.script(Answer::rate_limited("2"));
    let problem = fixture.ask(&run, &ask).await.unwrap_err();
    assert_eq!(problem.retry_after_ms, Some(2000));
    fixture.drain().await;
    let calls = fixture.archive.calls(owner.tenant, execution, 10).await;
    let calls = calls.unwrap();
    assert_eq!(calls.len(), 2);
    assert_eq!((calls[0].id, calls[0].usage), (answer.id, answer.usage));
    assert_eq!(calls[0].error, None);
    assert_eq!(calls[1].error.as_deref(), Some("upstream_rate_limited"));
    let kept = serde_json::to_string(&calls).unwrap();
    assert!(!kept.contains("secret"), "{kept}");
}

async fn refused(fixture: &Fixture, owner: &Principal, answer: Answer) -> Problem {
    fixture.vendor.script(answer);
    let ask = texts(Some("fake-embedding"), &["a", "b"]);
    let answer: Result<Embeddings, Problem> = fixture.ask(owner, &ask).await;
    answer.unwrap_err()
}

#[tokio::test]
async fn every_failure_of_a_vendor_is_a_typed_problem() {
    let fixture = Fixture::start().await;
    let owner = fixture.owner().await;
    vendor_of(&fixture, &owner).await;
    for (answer, status, reason) in [
        (Answer::status(401, "no"), 502, "upstream_auth"),
        (
            Answer::status(404, "no such model"),
            404,
            "upstream_model_not_found",
        ),
        (
            Answer::status(400, "maximum context length is 8"),
            400,
            "context_length_exceeded",
        ),
        (Answer::status(500, "oh"), 502, "upstream_failed"),
        (Answer::garbage("<html>"), 502, "upstream_garbage"),
        (Answer::text("hello"), 502, "upstream_garbage"),
        (Answer::embeddings([vec![1.0]]), 502, "upstream_garbage"),
        (
            Answer::embeddings([vec![1.0], vec![1.0, 2.0]]),
            502,
            "upstream_garbage",
        ),
        (
            Answer::garbage(r#"{"error": {"message": "overloaded", "code": 503}}"#),
            503,
            "upstream_failed",
        ),
        (two_vectors().cut_after(1), 502, "upstream_cut"),
    ] {
        let shown = format!("{answer:?}");
        let problem = refused(&fixture, &owner, answer).await;
        assert_eq!(
            (problem.status, problem.reason.as_deref()),
            (status, Some(reason)),
            "{shown} {}",
            problem.detail
        );
    }
}

#[tokio::test]
async fn what_may_not_be_asked_is_asked_of_nobody() {
    let fixture = Fixture::start().await;
    let owner = fixture.owner().await;
    vendor_of(&fixture, &owner).await;
    let model = Some("fake-embedding");
    let with = |change: &dyn Fn(&mut Embed)| {
        let mut ask = texts(model, &["a"]);
        change(&mut ask);
        ask
    };
    for (ask, code) in [
        (texts(model, &[]), ErrorCode::InvalidInput),
        (texts(model, &["a", ""]), ErrorCode::InvalidInput),
        (
            with(&|ask| ask.input = vec!["a".into(); 257]),
            ErrorCode::InvalidInput,
        ),
        (
            with(&|ask| ask.dimensions = Some(0)),
            ErrorCode::InvalidInput,
        ),
        (
            with(&|ask| {
                ask.input = vec!["a".into(); 256];
                ask.dimensions = Some(3072);
            }),
            ErrorCode::InvalidInput,
        ),
        (
            with(&|ask| ask.route = Some("cheap".into())),
            ErrorCode::NotFound,
        ),
        (texts(Some("nobody"), &["a"]), ErrorCode::NotFound),
    ] {
        let problem = fixture.ask(&owner, &ask).await.unwrap_err();
        assert_eq!(problem.code, code, "{}", problem.detail);
    }
    let viewer = testkit::principal(owner.tenant, Role::Viewer);
    let problem = fixture.ask(&viewer, &texts(model, &["a"])).await;
    assert_eq!(problem.unwrap_err().code, ErrorCode::Forbidden);
    assert_eq!(fixture.vendor.requests().len(), 0);
}

#[tokio::test]
async fn vectors_that_do_not_fit_into_a_message_are_refused_by_name() {
    let fixture = Fixture::start().await;
    let owner = fixture.owner().await;
    let mut ask = Embed {
        input: vec!["a".into(); 256],
        dimensions: Some(1953),
        ..Embed::default()
    };
    // The largest answer that is allowed does fit.
    let answer = fixture.ask(&owner, &ask).await.unwrap();
    assert_eq!(answer.embeddings.len(), 256);
    ask.dimensions = Some(1954);
    let problem = fixture.ask(&owner, &ask).await.unwrap_err();
    assert!(problem.detail.contains("fewer texts"), "{}", problem.detail);
}

#[tokio::test]
async fn over_http_vectors_come_as_numbers_or_as_base64() {
    let fixture = Fixture::start().await;
    let owner = fixture.owner().await;
    vendor_of(&fixture, &owner).await;
    fixture.vendor.otherwise(two_vectors());
    let mut body = json!({"model": "fake-embedding", "input": ["a", "b"], "user": "ada"});
    let response = post(&fixture, &owner, &body).await;
    assert_eq!(response.status, 200);
    assert_eq!(response.header("x-gateway-dropped"), Some("user"));
    assert!(
        response
            .header("x-request-id")
            .unwrap()
            .starts_with("embd-")
    );
    assert_eq!(
        read(&response),
        json!({
            "object": "list",
            "data": [
                {"object": "embedding", "index": 0, "embedding": [0.5, -0.25, 0.0]},
                {"object": "embedding", "index": 1, "embedding": [1.0, 0.125, 2.0]},
            ],
            "model": "vendor/fake-embedding",
            "usage": {"prompt_tokens": 9, "total_tokens": 9, "cost": "0.00000018"},
        })
    );
    body["encoding_format"] = json!("base64");
    let packed = read(&post(&fixture, &owner, &body).await);
    let bytes = packed["data"][1]["embedding"].as_str().unwrap();
    let bytes = BASE64_STANDARD.decode(bytes).unwrap();
    let numbers: Vec<f32> = bytes
        .chunks_exact(4)
        .map(|four| f32::from_le_bytes(four.try_into().unwrap()))
        .collect();
    assert_eq!(numbers, [1.0, 0.125, 2.0]);

    let one = json!({"model": "rehearsal", "input": "a single text", "dimensions": 16});
    let one = read(&post(&fixture, &owner, &one).await);
    assert_eq!(one["rehearsal"], true);
    assert_eq!(one["data"][0]["embedding"].as_array().unwrap().len(), 16);
}

#[tokio::test]
async fn over_http_what_is_wrong_is_told_in_the_shape_of_the_api() {
    let fixture = Fixture::start().await;
    let owner = fixture.owner().await;
    let rehearsal = |more: Value| {
        let mut body = json!({"model": "rehearsal", "input": "a"});
        for (name, value) in more.as_object().unwrap() {
            body[name] = value.clone();
        }
        body
    };
    for (body, status, parameter) in [
        (json!([]), 400, None),
        (json!({"model": "rehearsal"}), 400, Some("input")),
        (rehearsal(json!({"input": [1, "a"]})), 400, Some("input")),
        (rehearsal(json!({"input": [[1, -2]]})), 400, Some("input")),
        (rehearsal(json!({"input": [[1], []]})), 422, Some("input")),
        (
            rehearsal(json!({"encoding_format": "x"})),
            400,
            Some("encoding_format"),
        ),
        (rehearsal(json!({"truncate": "end"})), 400, Some("truncate")),
        (rehearsal(json!({"input": ""})), 422, Some("input")),
        (rehearsal(json!({"input": []})), 422, Some("input")),
        (
            rehearsal(json!({"dimensions": 16001})),
            422,
            Some("dimensions"),
        ),
        (rehearsal(json!({"model": "nobody"})), 404, Some("model")),
    ] {
        let response = post(&fixture, &owner, &body).await;
        assert_eq!(response.status, status, "{body}");
        let error = &read(&response)["error"];
        assert_eq!(error["param"].as_str(), parameter, "{body}");
        assert_eq!(error["type"], "invalid_request_error", "{body}");
    }
    let viewer = testkit::principal(owner.tenant, Role::Viewer);
    let response = post(&fixture, &viewer, &rehearsal(json!({}))).await;
    assert_eq!(response.status, 403);
}

#[tokio::test]
async fn a_provider_of_vectors_alone_is_tested_with_a_text() {
    let fixture = Fixture::start().await;
    let owner = fixture.owner().await;
    let provider = fixture.vendor_of(&owner).await;
    let change = UpdateProvider {
        provider_id: provider.id,
        base_url: None,
        api_key: None,
        more_api_keys: Vec::new(),
        limits: None,
        models: Some(vec![ProviderModel {
            name: "fake-embedding".into(),
            kind: ModelKind::Embedding,
            price: None,
        }]),
    };
    fixture.ask(&owner, &change).await.unwrap();
    fixture.vendor.script(Answer::embeddings([vec![1.0, 2.0]]));
    let test = TestProvider {
        provider_id: provider.id,
    };
    let tested = fixture.ask(&owner, &test).await.unwrap();
    assert!(tested.ok, "{}", tested.message);
    assert_eq!(fixture.vendor.requests()[0].path, "/v1/embeddings");
}

#[tokio::test]
async fn tokens_go_to_whoever_can_read_them_and_past_no_guardrail() {
    let fixture = Fixture::start().await;
    let owner = fixture.owner().await;
    vendor_of(&fixture, &owner).await;
    fixture.vendor.script(two_vectors());
    let input = json!([[15339, 1917], [0]]);
    let ask = json!({"model": "vendor/fake-embedding", "input": input});
    let response = post(&fixture, &owner, &ask).await;
    assert_eq!(response.status, 200, "{:?}", read(&response));
    assert_eq!(fixture.vendor.requests()[0].body["input"], input);

    guarded(&fixture, &owner).await;
    let ask = json!({"model": "route/r", "input": input});
    let response = post(&fixture, &owner, &ask).await;
    assert_eq!(response.status, 422);
    assert_eq!(read(&response)["error"]["param"], "input");
    assert_eq!(fixture.vendor.requests().len(), 1);
}

#[tokio::test]
async fn texts_are_looked_at_before_they_leave() {
    let fixture = Fixture::start().await;
    let owner = fixture.owner().await;
    vendor_of(&fixture, &owner).await;
    guarded(&fixture, &owner).await;
    fixture.vendor.script(two_vectors());
    let mut ask = texts(None, &["I am ada@example.com", "and who are you?"]);
    ask.route = Some("r".into());
    fixture.ask(&owner, &ask).await.unwrap();
    let put = fixture.vendor.requests()[0].body["input"].clone();
    assert_eq!(put, json!(["I am [email]", "and who are you?"]));
    ask.input = vec!["about project x".into()];
    let problem = fixture.ask(&owner, &ask).await.unwrap_err();
    let told = (problem.status, problem.reason.as_deref());
    assert_eq!(told, (400, Some("guardrail")));
    assert_eq!(fixture.vendor.requests().len(), 1);
}

/// A route to the model for vectors, with guardrails.
async fn guarded(fixture: &Fixture, owner: &Principal) {
    let mut spec = RouteSpec::ordered("r", [("vendor", "fake-embedding")]);
    spec.guardrails = Some(Guardrails {
        redact: vec![Redaction::Email],
        blocked: vec!["Project X".into()],
        ..Guardrails::default()
    });
    fixture.ask(owner, &CreateRoute { spec }).await.unwrap();
}
