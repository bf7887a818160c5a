use serde_json::json;

use super::*;

fn ask(messages: Value) -> Complete {
    Complete {
        messages: serde_json::from_value(messages).unwrap(),
        ..Complete::default()
    }
}

/// The roles and items of the turns, in short.
fn shape(messages: Value) -> Result<Vec<String>, String> {
    let ask = ask(messages);
    let terms = Terms::of("p", &ask);
    let names = Names::of(&ask);
    let read = Conversation::of(&ask, "anthropic", &names, &terms);
    let read = read.map_err(|fault| fault.detail.unwrap_or_default())?;
    let system = read
        .system
        .iter()
        .map(|text| format!("system {}", text.text));
    let turns = read.turns.iter().map(|turn| {
        let items: Vec<_> = turn.items.iter().map(short).collect();
        let role = if turn.of_model { "model" } else { "user" };
        format!("{role} {}", items.join(", "))
    });
    Ok(system.chain(turns).collect())
}

fn short(item: &Item<'_>) -> String {
    match item {
        Item::Text(text) => text.text.to_owned(),
        Item::Media(_) => "media".to_owned(),
        Item::Kept(kept) => format!("kept {}", kept["signature"]),
        Item::Call { id, arguments, .. } => format!("{id}={arguments}"),
        Item::Result {
            id, name, parts, ..
        } => format!("{id}:{name}/{}", parts.len()),
    }
}

fn call(id: &str, arguments: &str) -> Value {
    json!({"id": id, "type": "function", "function": {"name": "get weather", "arguments": arguments}})
}

#[test]
fn turns_alternate_and_results_come_first() {
    let read = shape(json!([
        {"role": "system", "content": "one"},
        {"role": "user", "content": "hi"},
        {"role": "developer", "content": [{"type": "text", "text": "two"}]},
        {"role": "user", "content": [{"type": "text", "text": ""}, {"type": "text", "text": "there"}]},
        {"role": "assistant", "content": "", "tool_calls": [call("a", ""), call("b", "{\"n\":1e-7}")],
            "reasoning_details": [{"vendor": "anthropic", "signature": 1}, {"vendor": "gemini", "signature": 2}]},
        {"role": "user", "content": "wait"},
        {"role": "tool", "tool_call_id": "a", "content": "sun"},
        {"role": "tool", "tool_call_id": "b", "content": "rain"},
        {"role": "assistant", "content": null},
    ]));
    assert_eq!(
        read.unwrap(),
        [
            "system one",
            "system two",
            "user hi, there",
            "model kept 1, a={}, b={\"n\":1e-7}",
            "user a:get_weather/1, b:get_weather/1, wait",
        ]
    );
}

#[test]
fn what_cannot_be_said_is_told_by_name() {
    let check = |messages: Value, expect: &str| {
        let why = shape(messages).unwrap_err();
        assert!(why.contains(expect), "{why}");
    };
    check(
        json!([{"role": "tool", "tool_call_id": "x", "content": "1"}]),
        "`x`",
    );
    for arguments in ["{", "[]", "7", "{} {}"] {
        check(
            json!([{"role": "assistant", "tool_calls": [call("c", arguments)]}]),
            "`c`",
        );
    }
    check(json!([{"role": "user", "content": 7}]), "`content`");
    check(
        json!([{"role": "user", "content": [{"type": "video"}]}]),
        "`video`",
    );
}
