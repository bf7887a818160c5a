//! `llm.complete` over NATS: rehearsed and by a vendor.

use contracts::{
    ErrorCode, Principal, Role,
    llm::{FinishReason, FunctionSpec, Message, ToolSpec},
};
use llm_gateway::Settings;
use serde_json::{Map, Value, json};
use testkit::fake_llm::{Answer, Usage};

use crate::{Fixture, question, text, vendor_at};

fn weather() -> ToolSpec {
    ToolSpec {
        kind: "function".into(),
        function: FunctionSpec {
            name: "get_weather".into(),
            description: None,
            parameters: json!({"type": "object", "required": ["city", "days"], "properties": {
                "city": {"type": "string"}, "days": {"type": "integer", "minimum": 2}}}),
            extra: Map::new(),
        },
    }
}

#[tokio::test]
async fn without_a_provider_the_rehearsal_answers_and_says_so() {
    let fixture = Fixture::start().await;
    let owner = fixture.owner().await;
    let mut ask = question("x", "Say hello.");
    ask.model = None;
    let (chunks, done) = fixture.complete(&owner, &ask).await;
    let done = done.unwrap();
    assert!(done.rehearsal);
    assert_eq!(
        (done.provider.as_str(), done.model.as_str()),
        ("rehearsal", "rehearsal")
    );
    assert_eq!(
        text(&chunks),
        "Rehearsal: no model was asked. You said: Say hello."
    );
    assert_eq!(done.message.content, text(&chunks).as_str());
    assert_eq!(done.finish_reason, FinishReason::Stop);
    assert_eq!(
        (done.usage.prompt_tokens, done.usage.completion_tokens),
        (3, 9)
    );
    assert_eq!(done.usage.cost, Some("0".parse().unwrap()));
    // The same question, the same answer.
    let again = fixture.complete(&owner, &ask).await.1.unwrap();
    assert_eq!((again.message, again.usage), (done.message, done.usage));
}

#[tokio::test]
async fn what_is_there_at_once_comes_in_one_chunk_and_what_is_spoken_later_in_another() {
    let fixture = Fixture::start().await;
    let owner = fixture.owner().await;
    for (pause_ms, least, most) in [(0, 1, 1), (150, 2, 3)] {
        let said = format!(r#"rehearsal: {{"say": "one two three", "chunk_ms": {pause_ms}}}"#);
        let mut ask = question("x", &said);
        ask.model = None;
        let (chunks, done) = fixture.complete(&owner, &ask).await;
        assert_eq!(text(&chunks), "one two three");
        assert!((least..=most).contains(&chunks.len()), "{chunks:?}");
        assert_eq!(done.unwrap().message.content, "one two three");
    }
}

#[tokio::test]
async fn the_rehearsal_calls_the_tool_that_is_asked_for() {
    let fixture = Fixture::start().await;
    let owner = fixture.owner().await;
    let mut ask = question("rehearsal", "How will it be in Rome?");
    ask.tools = vec![weather()];
    ask.tool_choice = Some(json!({"type": "function", "function": {"name": "get_weather"}}));
    let (chunks, done) = fixture.complete(&owner, &ask).await;
    let done = done.unwrap();
    assert_eq!(done.finish_reason, FinishReason::ToolCalls);
    let call = &done.message.tool_calls[0];
    let arguments: Value = serde_json::from_str(&call.function.arguments).unwrap();
    assert_eq!(arguments, json!({"city": "rehearsal", "days": 2}));
    let pieces = chunks.iter().flat_map(|chunk| &chunk.tool_calls);
    let joined: String = pieces.map(|piece| piece.arguments.as_str()).collect();
    assert_eq!(joined, call.function.arguments);
    ask.tools[0].function.parameters = json!({"type": "object", "required": ["a"], "properties": {"a": {"type": "string", "pattern": "^[0-9]{4}$"}}});
    let problem = fixture.refused(&owner, &ask).await;
    assert_eq!(
        (problem.status, problem.reason.as_deref()),
        (422, Some("rehearsal_schema"))
    );
}

#[tokio::test]
async fn the_rehearsal_follows_its_script() {
    let fixture = Fixture::start().await;
    let owner = fixture.owner().await;
    let script = |line: &str| question("rehearsal", &format!("hi\n`rehearsal: {line}`"));
    let (_, done) = fixture
        .complete(&owner, &script(r#"{"say": "Good evening."}"#))
        .await;
    assert_eq!(done.unwrap().message.content, "Good evening.");
    let (chunks, done) = fixture
        .complete(
            &owner,
            &script(r#"{"say": "one two three four", "cut": true}"#),
        )
        .await;
    assert_eq!(text(&chunks), "one two ");
    assert_eq!(done.unwrap_err().reason.as_deref(), Some("upstream_cut"));
    let problem = fixture
        .refused(
            &owner,
            &script(r#"{"error": {"status": 429, "retry_after_ms": 1234}}"#),
        )
        .await;
    assert_eq!(
        (problem.code, problem.retry_after_ms),
        (ErrorCode::RateLimited, Some(1234))
    );
    let problem = fixture.refused(&owner, &script(r#"{"sing": "x"}"#)).await;
    assert_eq!(
        (problem.status, problem.reason.as_deref()),
        (400, Some("rehearsal_script"))
    );
}

#[tokio::test]
async fn a_vendor_answers_for_its_exact_price() {
    let fixture = Fixture::start().await;
    let owner = fixture.owner().await;
    fixture.vendor_of(&owner).await;
    fixture
        .vendor
        .script(Answer::text("Good evening, Ada.").usage(Usage {
            prompt_tokens: 1_234_567,
            completion_tokens: 7,
        }));
    let mut ask = question("x", "hi");
    ask.model = None;
    ask.idempotency_key = Some("step-1".into());
    ask.extra = json!({"seed": 7, "vendor_thing": {"deep": [1, 2.5]}})
        .as_object()
        .unwrap()
        .clone();
    ask.messages.insert(0, Message::system("Be kind."));
    let (chunks, done) = fixture.complete(&owner, &ask).await;
    let done = done.unwrap();
    assert_eq!(
        (done.provider.as_str(), done.model.as_str(), done.rehearsal),
        ("vendor", "fake-large", false)
    );
    assert_eq!(text(&chunks), "Good evening, Ada.");
    assert_eq!(done.message.content, "Good evening, Ada.");
    assert_eq!(done.usage.prompt_tokens, 1_234_567);
    assert_eq!(done.usage.cost, Some("3.0864875".parse().unwrap()));
    let sent = &fixture.vendor.requests()[0];
    assert_eq!(sent.idempotency_key.as_deref(), Some("step-1"));
    assert_eq!(
        sent.authorization.as_deref(),
        Some("Bearer sk-fake-vendor-key")
    );
    assert_eq!(sent.body["stream_options"], json!({"include_usage": true}));
    assert_eq!(sent.body["vendor_thing"], json!({"deep": [1, 2.5]}));
    assert_eq!(
        sent.body["messages"][0],
        json!({"role": "system", "content": "Be kind."})
    );

    fixture.vendor.script(Answer::text("ok"));
    let done = fixture
        .complete(&owner, &question("fake-small", "hi"))
        .await
        .1
        .unwrap();
    assert_eq!((done.usage.completion_tokens, done.usage.cost), (7, None));
}

#[tokio::test]
async fn arguments_of_tools_arrive_byte_for_byte() {
    let fixture = Fixture::start().await;
    let owner = fixture.owner().await;
    fixture.vendor_of(&owner).await;
    let arguments = "{\"n\":  123456789012345678901234567890, \"x\": 1e-7, \"u\": \"\\u00e9 é\"}";
    let mut body = String::new();
    for (at, piece) in [&arguments[..9], &arguments[9..40], &arguments[40..]]
        .iter()
        .enumerate()
    {
        let head = if at == 0 {
            json!({"id": "call_1", "type": "function"})
        } else {
            json!({})
        };
        let mut call = json!({"index": 0, "function": {"arguments": piece}});
        if at == 0 {
            call["function"]["name"] = "get_weather".into();
        }
        call.as_object_mut()
            .unwrap()
            .extend(head.as_object().unwrap().clone());
        let chunk = json!({"choices": [{"index": 0, "delta": {"tool_calls": [call]}}]});
        body.push_str(&format!("data:{chunk}\r\n\r\n: ping\r\n\r\n"));
    }
    body.push_str("data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n");
    fixture.vendor.script(Answer::garbage(body));
    let mut ask = question("fake-large", "hi");
    ask.tools = vec![weather()];
    let done = fixture.complete(&owner, &ask).await.1.unwrap();
    assert_eq!(done.message.tool_calls[0].function.arguments, arguments);
    assert_eq!(done.finish_reason, FinishReason::ToolCalls);
    // The vendor did not count, so nobody knows the price.
    assert_eq!(done.usage.cost, None);

    // The answer goes back into the next question as it came.
    fixture.vendor.script(Answer::text("ok"));
    ask.messages.push(done.message);
    fixture.complete(&owner, &ask).await.1.unwrap();
    let sent = &fixture.vendor.requests()[1].body["messages"][1];
    assert_eq!(sent["tool_calls"][0]["function"]["arguments"], arguments);
}

#[tokio::test]
async fn names_lead_to_models_or_to_a_clear_refusal() {
    let fixture = Fixture::start().await;
    let owner = fixture.owner().await;
    fixture.vendor_of(&owner).await;
    let mut second = vendor_at(&fixture.vendor.base_url());
    second.name = "second".into();
    fixture.ask(&owner, &second).await.unwrap();
    let check = async |ask: contracts::llm::Complete, status: u16, reason: &str| {
        let problem = fixture.refused(&owner, &ask).await;
        assert_eq!(
            (problem.status, problem.reason.as_deref()),
            (status, Some(reason))
        );
    };
    check(question("fake-large", "hi"), 422, "model_ambiguous").await;
    check(question("vendor/fake-huge", "hi"), 404, "model_not_found").await;
    let mut ask = question("rehearsal", "hi");
    ask.messages.clear();
    check(ask, 422, "invalid_question").await;
    let mut ask = question("rehearsal", "hi");
    ask.extra.insert("n".into(), json!(2));
    check(ask, 422, "invalid_question").await;
    let mut ask = question("rehearsal", "hi");
    ask.extra.insert("logprobs".into(), json!(true));
    check(ask, 400, "unsupported_parameter").await;
    let mut ask = question("rehearsal", "hi");
    ask.route = Some("cheap".into());
    check(ask, 404, "route_not_found").await;
    assert!(fixture.vendor.requests().is_empty());
    let viewer: Principal = testkit::principal(owner.tenant, Role::Viewer);
    let problem = fixture.refused(&viewer, &question("rehearsal", "hi")).await;
    assert_eq!(problem.code, ErrorCode::Forbidden);
}

#[tokio::test]
async fn the_rehearsal_can_be_switched_off() {
    let settings = Settings {
        llm_rehearsal: false,
        ..Settings::default()
    };
    let fixture = Fixture::with(&[], settings).await;
    let owner = fixture.owner().await;
    let mut ask = question("rehearsal", "hi");
    let problem = fixture.refused(&owner, &ask).await;
    assert_eq!(problem.reason.as_deref(), Some("model_not_found"));
    ask.model = None;
    let problem = fixture.refused(&owner, &ask).await;
    assert_eq!(
        (problem.status, problem.reason.as_deref()),
        (422, Some("no_model"))
    );
}
