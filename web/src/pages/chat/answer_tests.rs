//! The reducer of an answer, event by event.

use serde_json::json;

use super::*;

fn token(n: u64, node: &str, text: &str, anew: bool) -> ChatEvent {
    attempt(n, node, 1, text, anew)
}

fn attempt(n: u64, node: &str, attempt: u32, text: &str, anew: bool) -> ChatEvent {
    ChatEvent::Token {
        n,
        node: node.into(),
        attempt,
        anew,
        text: text.into(),
    }
}

fn call(n: u64) -> ChatEvent {
    ChatEvent::ToolCall {
        n,
        node: "agent/tool:0.0".into(),
        agent: "clerk".into(),
        name: "search".into(),
        arguments: json!({"q": 1}),
    }
}

fn result(n: u64) -> ChatEvent {
    ChatEvent::ToolResult {
        n,
        node: "agent/tool:0.0".into(),
        result: Some(json!(["hit"])),
        error: None,
    }
}

fn done(n: u64) -> ChatEvent {
    let message = json!({
        "id": "msg_01985d1c7c3a7f008000000000000001", "parent_id": null, "siblings": [], "role": "assistant",
        "content": "All.", "attachments": [], "state": "done", "execution_id": null, "tool_calls": [],
        "usage": null, "error": null, "created_at": "2026-01-01T00:00:00Z", "finished_at": null,
    });
    ChatEvent::Done {
        n,
        message: serde_json::from_value(message).expect("a message"),
    }
}

fn after(events: impl IntoIterator<Item = ChatEvent>) -> Answer {
    let mut answer = Answer::default();
    for event in events {
        answer.apply(event);
    }
    answer
}

fn texts(answer: &Answer) -> Vec<(&str, bool)> {
    let said = answer.parts.iter().filter_map(|part| match part {
        Part::Said(said) => Some((said.text.as_str(), said.partial)),
        Part::Called(_) => None,
    });
    said.collect()
}

#[test]
fn pieces_extend_and_anew_replaces() {
    let mut answer = after([token(3, "a", "Hel", true), token(3, "a", "lo", false)]);
    assert_eq!(texts(&answer), [("Hello", false)]);
    answer.apply(token(4, "a", "Hello, you", true));
    assert_eq!(texts(&answer), [("Hello, you", false)]);
    assert_eq!(answer.last, Some(4));
}

#[test]
fn each_node_has_its_own_text_in_the_order_of_their_beginnings() {
    let answer = after([
        token(1, "a", "1", true),
        token(1, "b", "2", true),
        token(1, "a", "3", false),
    ]);
    assert_eq!(texts(&answer), [("13", false), ("2", false)]);
}

#[test]
fn another_attempt_begins_again_and_the_one_before_is_silent() {
    let answer = after([
        attempt(1, "a", 1, "wrong", true),
        attempt(2, "a", 2, "right", true),
        attempt(2, "a", 1, " late", false),
    ]);
    assert_eq!(texts(&answer), [("right", false)]);
    let answer = after([
        attempt(1, "a", 1, "wrong", true),
        attempt(2, "a", 2, "ght", false),
    ]);
    assert_eq!(texts(&answer), [("ght", true)]);
}

#[test]
fn whoever_comes_in_the_middle_hears_the_whole_later() {
    let mut answer = after([token(5, "a", "ddle", false)]);
    assert_eq!(texts(&answer), [("ddle", true)]);
    answer.apply(token(6, "a", "The middle", true));
    assert_eq!(texts(&answer), [("The middle", false)]);
}

#[test]
fn a_call_that_comes_twice_is_one() {
    let once = after([call(2), result(3)]);
    let twice = after([call(2), result(3), call(2), result(3)]);
    assert_eq!(once, twice);
    assert_eq!(once.parts.len(), 1);
    let Part::Called(call) = &once.parts[0] else {
        panic!("not a call")
    };
    assert_eq!(call.outcome, Outcome::Returned(json!(["hit"])));
    assert_eq!(
        (call.agent.as_str(), call.name.as_str()),
        ("clerk", "search")
    );
}

#[test]
fn a_result_whose_call_was_missed_is_shown_and_filled_in() {
    let mut answer = after([result(3)]);
    assert_eq!(answer.parts.len(), 1);
    answer.apply(call(2));
    let Part::Called(call) = &answer.parts[0] else {
        panic!("not a call")
    };
    assert_eq!(call.name, "search");
    assert_eq!(call.outcome, Outcome::Returned(json!(["hit"])));
    assert_eq!(answer.last, Some(3));
}

#[test]
fn a_call_waits_for_a_person_and_goes_on() {
    let approval = || ChatEvent::ApprovalNeeded {
        n: 2,
        node: "agent/tool:0.0/approval".into(),
        name: "search".into(),
        arguments: json!({}),
        arguments_hash: "x".into(),
    };
    let outcome = |answer: &Answer| match &answer.parts[..] {
        [Part::Called(call)] => call.outcome.clone(),
        parts => panic!("{parts:?}"),
    };
    let mut answer = after([approval()]);
    assert_eq!(outcome(&answer), Outcome::Waiting);
    answer.apply(call(3));
    assert_eq!(outcome(&answer), Outcome::Running);
    answer.apply(result(4));
    answer.apply(approval());
    assert_eq!(outcome(&answer), Outcome::Returned(json!(["hit"])));
}

#[test]
fn nothing_comes_after_done() {
    let mut answer = after([token(1, "a", "All.", true), done(9)]);
    let before = answer.clone();
    answer.apply(token(10, "a", "More", false));
    answer.apply(call(11));
    assert_eq!(answer, before);
    assert_eq!(
        answer.done.map(|message| message.content),
        Some("All.".into())
    );
}
