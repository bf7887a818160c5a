use contracts::llm::FunctionSpec;
use serde_json::json;

use super::*;

fn ask(text: &str) -> Complete {
    Complete {
        messages: vec![Message::user(text)],
        ..Complete::default()
    }
}

fn tool(name: &str) -> ToolSpec {
    ToolSpec {
        kind: "function".into(),
        function: FunctionSpec {
            name: name.into(),
            description: None,
            parameters: json!({"type": "object", "required": ["city"], "properties": {"city": {"type": "string"}}}),
            extra: Map::new(),
        },
    }
}

fn with_tools(text: &str, choice: Option<Value>) -> Complete {
    Complete {
        tools: vec![tool("get_time"), tool("get_weather")],
        tool_choice: choice,
        ..ask(text)
    }
}

#[track_caller]
fn called(ask: &Complete) -> Vec<String> {
    let plan = Plan::of(ask).unwrap();
    let names = plan.tool_calls.iter();
    names.map(|call| call.function.name.clone()).collect()
}

fn text(ask: &Complete) -> String {
    Plan::of(ask).unwrap().words.concat()
}

#[test]
fn it_says_what_it_is_and_what_it_heard() {
    assert_eq!(
        text(&ask("Say  hello,\nplease.")),
        "Rehearsal: no model was asked. You said: Say  hello,\nplease."
    );
    let plan = Plan::of(&ask("one two three")).unwrap();
    assert_eq!((plan.prompt_tokens, plan.completion_tokens), (4, 10));
    assert!(text(&ask(&"é".repeat(300))).ends_with("é…"));
}

#[test]
fn it_follows_the_choice_of_tools() {
    let weather = json!({"type": "function", "function": {"name": "get_weather"}});
    assert_eq!(called(&with_tools("hi", Some(weather))), ["get_weather"]);
    assert_eq!(
        called(&with_tools("hi", Some(json!("required")))),
        ["get_time"]
    );
    assert_eq!(called(&with_tools("hi", Some(json!("auto")))), [""; 0]);
    assert_eq!(
        called(&with_tools("use get_weather", Some(json!("none")))),
        [""; 0]
    );
    for choice in [None, Some(json!("auto")), Some(json!("required"))] {
        assert_eq!(
            called(&with_tools("use get_weather", choice)),
            ["get_weather"]
        );
    }
    for choice in [
        json!("sometimes"),
        json!({"type": "function", "function": {"name": "nobody"}}),
        json!({"type": "allowed_tools"}),
        json!(3),
    ] {
        let fault = Plan::of(&with_tools("hi", Some(choice))).unwrap_err();
        assert_eq!(fault.kind, FaultKind::Unsupported);
    }
}

#[test]
fn arguments_fit_and_ids_differ_over_turns() {
    let mut ask = with_tools("use get_weather", None);
    let plan = Plan::of(&ask).unwrap();
    let call = plan.tool_calls[0].clone();
    assert_eq!(call.function.arguments, r#"{"city":"rehearsal"}"#);
    assert!(matches!(
        plan.ending,
        Ending::Finish(FinishReason::ToolCalls)
    ));
    let mut assistant = Message::user("");
    assistant.role = "assistant".into();
    assistant.tool_calls = vec![call];
    let mut result = Message::user("12 degrees");
    result.role = "tool".into();
    ask.messages.extend([assistant, result]);
    assert_eq!(
        text(&ask),
        "Rehearsal: no model was asked. The tool answered: 12 degrees"
    );
    ask.tool_choice = Some(json!("required"));
    assert_eq!(Plan::of(&ask).unwrap().tool_calls[0].id, "call_rehearsal_1");
}

#[test]
fn it_follows_the_format() {
    let format = |format| Complete {
        response_format: Some(format),
        ..ask("hi")
    };
    let schema =
        json!({"type": "object", "required": ["n"], "properties": {"n": {"type": "integer"}}});
    assert_eq!(
        text(&format(
            json!({"type": "json_schema", "json_schema": {"name": "x", "schema": schema}})
        )),
        r#"{"n":1}"#
    );
    let object: Value =
        serde_json::from_str(&text(&format(json!({"type": "json_object"})))).unwrap();
    assert_eq!(object["rehearsal"], true);
    assert_eq!(
        Plan::of(&format(json!({"type": "haiku"})))
            .unwrap_err()
            .kind,
        FaultKind::Unsupported
    );
}

#[test]
fn it_follows_a_script() {
    let plan = Plan::of(&with_tools(
        r#"rehearsal: {"say": "Let me see.", "tool_calls": [{"name": "get_time", "arguments": "{\"city\":  \"Rome\"}"}], "delay_ms": 5, "chunk_ms": 2}"#,
        None,
    ))
    .unwrap();
    assert_eq!(plan.words, ["Let ", "me ", "see."]);
    assert_eq!(
        plan.tool_calls[0].function.arguments,
        "{\"city\":  \"Rome\"}"
    );
    assert_eq!(plan.delay, Duration::from_millis(5));
    assert_eq!(plan.pause, Some(Duration::from_millis(2)));
    let plan = Plan::of(&ask(
        r#"rehearsal: {"error": {"status": 429, "retry_after_ms": 70}}"#,
    ))
    .unwrap();
    let Ending::Fault(fault) = plan.ending else {
        panic!("a fault")
    };
    assert_eq!(
        (fault.kind, fault.retry_after_ms),
        (FaultKind::RateLimited, Some(70))
    );
    let plan = Plan::of(&ask(r#"rehearsal: {"say": "a b c d", "cut": true}"#)).unwrap();
    assert!(matches!(plan.ending, Ending::Cut));
    let unknown = ask(r#"rehearsal: {"tool_calls": [{"name": "nobody"}]}"#);
    assert_eq!(Plan::of(&unknown).unwrap_err().kind, FaultKind::Script);
}

#[test]
fn parameters_are_honoured_or_ignored_or_refused() {
    let limited = Complete {
        max_tokens: Some(3),
        ..ask("hi")
    };
    assert_eq!(text(&limited), "Rehearsal: no model ");
    assert!(matches!(
        Plan::of(&limited).unwrap().ending,
        Ending::Finish(FinishReason::Length)
    ));
    let with = |name: &str| {
        let mut ask = ask("hi");
        ask.extra.insert(name.to_owned(), json!(1));
        ask
    };
    assert_eq!(Plan::of(&with("seed")).unwrap().ignored, ["seed"]);
    for name in ["logprobs", "functions", "vendor_thing"] {
        assert_eq!(
            Plan::of(&with(name)).unwrap_err().kind,
            FaultKind::Unsupported
        );
    }
}
