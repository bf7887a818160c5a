//! What becomes of a question.

use serde_json::{Value, json};

use super::super::{
    Bench, Outcome,
    vendor::{Family, Vendor},
    wire::{Said, called, tool},
};

const PASSES: &str = "the vendor has the format of the question, which passes as it came";
const NO_BUDGET: &str =
    "the vendor has no budget of thoughts in tokens that a question could break";

pub(super) async fn system(bench: &Bench, vendor: Vendor) -> Outcome {
    let messages = json!([
        {"role": "system", "content": "one"},
        {"role": "user", "content": "hi"},
        {"role": "system", "content": [{"type": "text", "text": "two"}, {"type": "text", "text": "three"}]},
        {"role": "user", "content": "there"},
    ]);
    let asked = bench
        .sent(vendor, json!({"messages": messages}))
        .await
        .unwrap();
    assert_eq!(asked.path, vendor.path());
    assert!(vendor.is_admitted(&asked), "{:?}", asked.headers);
    if vendor.is_openai_like() {
        assert_eq!(asked.body["messages"], messages);
        return Ok(());
    }
    assert_eq!(vendor.system(&asked.body), ["one", "two", "three"]);
    let turns = vendor.turns(&asked.body);
    assert_eq!(turns.len(), 1, "{turns:?}");
    let texts: Vec<_> = turns[0]
        .1
        .iter()
        .map(|part| part["text"].as_str().unwrap())
        .collect();
    assert_eq!((turns[0].0.as_str(), texts), ("user", vec!["hi", "there"]));
    Ok(())
}

pub(super) async fn developer(bench: &Bench, vendor: Vendor) -> Outcome {
    let messages =
        json!([{"role": "developer", "content": "be kind"}, {"role": "user", "content": "hi"}]);
    let asked = bench
        .sent(vendor, json!({"messages": messages}))
        .await
        .unwrap();
    match vendor {
        Vendor::Openai | Vendor::Azure => assert_eq!(asked.body["messages"], messages),
        _ => assert_eq!(vendor.system(&asked.body), ["be kind"]),
    }
    Ok(())
}

fn history() -> Value {
    json!([
        {"role": "user", "content": "hi"},
        {"role": "assistant", "content": null, "tool_calls": [called("call_a", "f", "{}"), called("call_b", "g", "{}")]},
        {"role": "tool", "tool_call_id": "call_a", "content": "sun"},
        {"role": "user", "content": "quick"},
        {"role": "tool", "tool_call_id": "call_b", "content": "rain"},
    ])
}

pub(super) async fn results(bench: &Bench, vendor: Vendor) -> Outcome {
    let question = json!({"messages": history(), "tools": [tool("f"), tool("g")]});
    let asked = bench.sent(vendor, question).await.unwrap();
    if vendor.is_openai_like() {
        let messages = asked.body["messages"].as_array().unwrap();
        // The ids may be written otherwise, but those of call and result are one.
        assert_eq!(
            messages[1]["tool_calls"][1]["id"],
            messages[4]["tool_call_id"]
        );
        assert_eq!(messages.len(), 5);
        return Ok(());
    }
    let turns = vendor.turns(&asked.body);
    assert_eq!(turns.len(), 3, "{turns:?}");
    let last = &turns[2].1;
    assert_eq!(last.len(), 3);
    let (ids, text) = match vendor.family() {
        Family::Anthropic => (
            [&last[0]["tool_use_id"], &last[1]["tool_use_id"]],
            &last[2]["text"],
        ),
        Family::Gemini => (
            [
                &last[0]["functionResponse"]["id"],
                &last[1]["functionResponse"]["id"],
            ],
            &last[2]["text"],
        ),
        _ => (
            [
                &last[0]["toolResult"]["toolUseId"],
                &last[1]["toolResult"]["toolUseId"],
            ],
            &last[2]["text"],
        ),
    };
    assert_eq!(ids, ["call_a", "call_b"]);
    assert_eq!(text, "quick");
    if vendor == Vendor::Gemini {
        assert_eq!(
            last[0]["functionResponse"],
            json!({"id": "call_a", "name": "f", "response": {"output": "sun"}})
        );
    }
    Ok(())
}

pub(super) async fn unknown_result(bench: &Bench, vendor: Vendor) -> Outcome {
    if vendor.is_openai_like() {
        return Err(PASSES);
    }
    let messages = json!([{"role": "user", "content": "hi"}, {"role": "tool", "tool_call_id": "call_x", "content": "1"}]);
    let problem = bench.refused(vendor, json!({"messages": messages})).await;
    assert_eq!(
        (problem.status, problem.reason.as_deref()),
        (400, Some("invalid_question"))
    );
    assert!(problem.detail.contains("call_x"), "{}", problem.detail);
    Ok(())
}

fn with_arguments(arguments: &str) -> Value {
    json!({"tools": [tool("f")], "messages": [
        {"role": "user", "content": "hi"},
        {"role": "assistant", "tool_calls": [called("call_a", "f", arguments)]},
        {"role": "tool", "tool_call_id": "call_a", "content": "sun"},
    ]})
}

pub(super) async fn empty_arguments(bench: &Bench, vendor: Vendor) -> Outcome {
    let asked = bench.sent(vendor, with_arguments("")).await.unwrap();
    if vendor.is_openai_like() {
        return Err(PASSES);
    }
    let call = &vendor.turns(&asked.body)[1].1[0];
    let arguments = match vendor.family() {
        Family::Anthropic => &call["input"],
        Family::Gemini => &call["functionCall"]["args"],
        _ => &call["toolUse"]["input"],
    };
    assert_eq!(*arguments, json!({}));
    Ok(())
}

pub(super) async fn broken_arguments(bench: &Bench, vendor: Vendor) -> Outcome {
    if vendor.is_openai_like() {
        return Err(PASSES);
    }
    for arguments in ["{\"a\":", "[1]", "7"] {
        let problem = bench.refused(vendor, with_arguments(arguments)).await;
        assert_eq!(
            (problem.status, problem.reason.as_deref()),
            (400, Some("invalid_question"))
        );
        assert!(problem.detail.contains("call_a"), "{}", problem.detail);
    }
    Ok(())
}

pub(super) async fn bare_tool(bench: &Bench, vendor: Vendor) -> Outcome {
    let bare = json!({"type": "function", "function": {"name": "now", "description": "The time."}});
    let asked = bench.sent(vendor, json!({"tools": [bare]})).await.unwrap();
    let nothing = json!({"type": "object", "properties": {}});
    match vendor.family() {
        Family::Openai => assert_eq!(asked.body["tools"], json!([bare])),
        Family::Anthropic => assert_eq!(
            asked.body["tools"],
            json!([{"name": "now", "description": "The time.", "input_schema": nothing}])
        ),
        Family::Gemini => assert_eq!(
            asked.body["tools"][0]["functionDeclarations"],
            json!([{"name": "now", "description": "The time."}])
        ),
        Family::Bedrock => assert_eq!(
            asked.body["toolConfig"]["tools"][0]["toolSpec"]["inputSchema"],
            json!({"json": nothing})
        ),
    }
    Ok(())
}

pub(super) async fn odd_names(bench: &Bench, vendor: Vendor) -> Outcome {
    if vendor.is_openai_like() {
        return Err(PASSES);
    }
    let fields = json!({"tools": [tool("get weather"), tool("get_weather")]});
    let question = bench.question(vendor, fields);
    let said = Said::calls(&[
        ("call_a", "get_weather_2", "{}"),
        ("call_b", "get_weather", "{}"),
    ]);
    let done = bench.ask(&question, vendor.answer(&said)).await.1.unwrap();
    let names: Vec<_> = done
        .message
        .tool_calls
        .iter()
        .map(|call| call.function.name.as_str())
        .collect();
    assert_eq!(names, ["get weather", "get_weather"]);
    let sent = bench.mock.last().text;
    assert!(
        sent.contains("\"get_weather_2\"") && !sent.contains("get weather"),
        "{sent}"
    );
    Ok(())
}

pub(super) async fn tool_choice(bench: &Bench, vendor: Vendor) -> Outcome {
    let named = json!({"type": "function", "function": {"name": "f"}});
    for (choice, parallel) in [
        (json!("auto"), true),
        (json!("none"), true),
        (json!("required"), true),
        (named.clone(), true),
        (json!("auto"), false),
        (json!("none"), false),
        (json!("required"), false),
        (named, false),
    ] {
        let mut fields = json!({"tools": [tool("f")], "tool_choice": choice, "lenient": true});
        if !parallel {
            fields["parallel_tool_calls"] = false.into();
        }
        let question = bench.question(vendor, fields);
        let done = bench
            .ask(&question, vendor.answer(&Said::text("ok")))
            .await
            .1
            .unwrap();
        check_choice(
            vendor,
            (&choice, parallel),
            &bench.mock.last().body,
            &done.dropped,
        );
    }
    Ok(())
}

/// What the vendor was told of a choice, and what was left out.
#[track_caller]
fn check_choice(vendor: Vendor, asked: (&Value, bool), body: &Value, dropped: &[String]) {
    let (choice, parallel) = asked;
    let shown = format!("{choice} {parallel} {body}");
    let parallel_is_dropped = dropped.contains(&"parallel_tool_calls".to_owned());
    match vendor {
        Vendor::Anthropic => {
            let mut expect = match choice.as_str() {
                Some("auto") => json!({"type": "auto"}),
                Some("none") => json!({"type": "none"}),
                Some(_) => json!({"type": "any"}),
                None => json!({"type": "tool", "name": "f"}),
            };
            if !parallel && choice != "none" {
                expect["disable_parallel_tool_use"] = true.into();
            }
            assert_eq!(body["tool_choice"], expect, "{shown}");
            assert!(!parallel_is_dropped);
        }
        Vendor::Gemini => {
            let expect = match choice.as_str() {
                Some("auto") => json!({"mode": "AUTO"}),
                Some("none") => json!({"mode": "NONE"}),
                Some(_) => json!({"mode": "ANY"}),
                None => json!({"mode": "ANY", "allowedFunctionNames": ["f"]}),
            };
            assert_eq!(
                body["toolConfig"]["functionCallingConfig"], expect,
                "{shown}"
            );
            assert_eq!(parallel_is_dropped, !parallel);
        }
        Vendor::Bedrock => {
            let config = &body["toolConfig"];
            match choice.as_str() {
                Some("auto") => assert_eq!(config["toolChoice"], json!({"auto": {}})),
                Some("none") => assert!(config.is_null(), "{shown}"),
                Some(_) => assert_eq!(config["toolChoice"], json!({"any": {}})),
                None => assert_eq!(config["toolChoice"], json!({"tool": {"name": "f"}})),
            }
            assert_eq!(parallel_is_dropped, !parallel);
        }
        Vendor::Ollama => {
            assert!(body.get("tool_choice").is_none(), "{shown}");
            assert_eq!(body.get("tools").is_none(), choice == "none", "{shown}");
            let is_forced = choice != "auto" && choice != "none";
            assert_eq!(
                dropped.contains(&"tool_choice".to_owned()),
                is_forced,
                "{shown}"
            );
        }
        Vendor::Mistral if choice == "required" => assert_eq!(body["tool_choice"], "any"),
        _ => {
            assert_eq!(body["tool_choice"], *choice, "{shown}");
            assert_eq!(
                body.get("parallel_tool_calls").is_none(),
                parallel,
                "{shown}"
            );
        }
    }
}

pub(super) async fn forced_and_thinking(bench: &Bench, vendor: Vendor) -> Outcome {
    if !matches!(vendor, Vendor::Anthropic | Vendor::Bedrock) {
        return Err("the vendor takes both together");
    }
    let fields =
        json!({"tools": [tool("f")], "tool_choice": "required", "reasoning_effort": "low"});
    let problem = bench.refused(vendor, fields.clone()).await;
    assert_eq!(
        (problem.status, problem.reason.as_deref()),
        (400, Some("unsupported_parameter"))
    );
    let mut question = bench.question(vendor, fields);
    question.lenient = true;
    let done = bench
        .ask(&question, vendor.answer(&Said::text("ok")))
        .await
        .1
        .unwrap();
    assert_eq!(done.dropped, ["tool_choice"]);
    Ok(())
}

pub(super) async fn max_tokens(bench: &Bench, vendor: Vendor) -> Outcome {
    if vendor != Vendor::Anthropic {
        return Err("the vendor needs no limit");
    }
    let limit =
        async |fields: Value| bench.sent(vendor, fields).await.unwrap().body["max_tokens"].clone();
    assert_eq!(limit(json!({})).await, 64_000);
    assert_eq!(limit(json!({"max_tokens": 7})).await, 7);
    assert_eq!(limit(json!({"max_completion_tokens": 9})).await, 9);
    let mut question = bench.question(vendor, json!({}));
    question.model = Some(format!("anthropic/{}", vendor.other_model()));
    bench
        .ask(&question, vendor.answer(&Said::text("ok")))
        .await
        .1
        .unwrap();
    assert_eq!(bench.mock.last().body["max_tokens"], 8192);
    Ok(())
}

pub(super) async fn budgets(bench: &Bench, vendor: Vendor) -> Outcome {
    let place = match vendor {
        Vendor::Anthropic => "/thinking",
        Vendor::Bedrock => "/additionalModelRequestFields/thinking",
        _ => return Err(NO_BUDGET),
    };
    let thinking = async |fields: Value| {
        let body = bench.sent(vendor, fields).await.unwrap().body;
        body.pointer(place).cloned().unwrap_or_default()
    };
    let budget = |tokens: u32| json!({"type": "enabled", "budget_tokens": tokens});
    assert_eq!(
        thinking(json!({"reasoning_effort": "none"})).await,
        Value::Null
    );
    assert_eq!(
        thinking(json!({"reasoning_effort": "low"})).await,
        budget(1024)
    );
    assert_eq!(
        thinking(json!({"reasoning_effort": "high"})).await,
        budget(4096)
    );
    let short = json!({"reasoning_effort": "high", "max_tokens": 2000});
    assert_eq!(thinking(short).await, budget(1999));
    let problem = bench
        .refused(
            vendor,
            json!({"reasoning_effort": "high", "max_tokens": 1000}),
        )
        .await;
    assert_eq!(problem.reason.as_deref(), Some("unsupported_parameter"));
    let problem = bench
        .refused(vendor, json!({"reasoning_effort": "much"}))
        .await;
    assert_eq!(problem.reason.as_deref(), Some("invalid_question"));
    if vendor == Vendor::Anthropic {
        for wrong in [budget(1023), budget(64_000)] {
            let problem = bench.refused(vendor, json!({"thinking": wrong})).await;
            assert_eq!(problem.reason.as_deref(), Some("invalid_question"));
        }
    }
    Ok(())
}

pub(super) async fn temperature(bench: &Bench, vendor: Vendor) -> Outcome {
    let question = bench.question(vendor, json!({"temperature": 1.7}));
    let done = bench
        .ask(&question, vendor.answer(&Said::text("ok")))
        .await
        .1
        .unwrap();
    let body = bench.mock.last().body;
    let (sent, dropped) = match vendor.family() {
        Family::Openai => (&body["temperature"], false),
        Family::Anthropic => (&body["temperature"], true),
        Family::Gemini => (&body["generationConfig"]["temperature"], false),
        Family::Bedrock => (&body["inferenceConfig"]["temperature"], true),
    };
    assert_eq!(*sent, json!(if dropped { 1.0 } else { 1.7 }));
    assert_eq!(done.dropped.contains(&"temperature".to_owned()), dropped);
    Ok(())
}

pub(super) async fn blank_stop(bench: &Bench, vendor: Vendor) -> Outcome {
    let place = match vendor {
        Vendor::Anthropic => "/stop_sequences",
        Vendor::Bedrock => "/inferenceConfig/stopSequences",
        _ => return Err("the vendor takes blank stops"),
    };
    let problem = bench.refused(vendor, json!({"stop": ["\n", "END"]})).await;
    assert_eq!(problem.reason.as_deref(), Some("unsupported_parameter"));
    let body = bench
        .sent(vendor, json!({"stop": ["\n", "END"], "lenient": true}))
        .await
        .unwrap()
        .body;
    assert_eq!(body.pointer(place), Some(&json!(["END"])));
    let body = bench
        .sent(vendor, json!({"stop": "END"}))
        .await
        .unwrap()
        .body;
    assert_eq!(body.pointer(place), Some(&json!(["END"])));
    // Bedrock tells at which text a model stopped only when it is asked.
    let asked = body.get("additionalModelResponseFieldPaths");
    assert_eq!(asked.is_some(), vendor == Vendor::Bedrock);
    Ok(())
}

pub(super) async fn many_answers(bench: &Bench, vendor: Vendor) -> Outcome {
    let problem = bench.refused(vendor, json!({"n": 2})).await;
    assert_eq!(
        (problem.status, problem.reason.as_deref()),
        (422, Some("invalid_question"))
    );
    Ok(())
}

pub(super) async fn unknown_parameters(bench: &Bench, vendor: Vendor) -> Outcome {
    let fields = json!({"vendor_thing": {"deep": [1, 2.5]}});
    if vendor.is_openai_like() {
        let body = bench.sent(vendor, fields).await.unwrap().body;
        assert_eq!(body["vendor_thing"], json!({"deep": [1, 2.5]}));
        return Ok(());
    }
    let problem = bench.refused(vendor, fields.clone()).await;
    assert_eq!(
        (problem.status, problem.reason.as_deref()),
        (400, Some("unsupported_parameter"))
    );
    assert!(
        problem.detail.contains("`vendor_thing`"),
        "{}",
        problem.detail
    );
    let mut fields = fields;
    fields["lenient"] = true.into();
    let done = bench
        .ask(
            &bench.question(vendor, fields),
            vendor.answer(&Said::text("ok")),
        )
        .await
        .1;
    assert_eq!(done.unwrap().dropped, ["vendor_thing"]);
    Ok(())
}
