//! Agents and crews at work: their calls are steps that survive, are tried again, wait for people, and can be cut.

use std::collections::BTreeMap;

use contracts::{
    agent::{AgentSnapshot, Limits, MemoryScope},
    crew::{CrewSnapshot, Process, Task},
    execution::Approve,
    id::{AgentId, CrewId, ToolId},
    tool::{Approval, FlowPin, ToolSnapshot},
};

use super::*;

fn writer(tools: Vec<ToolSnapshot>) -> AgentSnapshot {
    AgentSnapshot {
        id: AgentId::EXAMPLE,
        version: 1,
        name: "writer".into(),
        role: "a writer".into(),
        goal: "write".into(),
        backstory: String::new(),
        model: None,
        tools,
        knowledge: Vec::new(),
        memory: MemoryScope::Off,
        guardrails: Vec::new(),
        output_schema: None,
        limits: Limits::default(),
    }
}

fn tool(name: &str, approval: Approval) -> ToolSnapshot {
    ToolSnapshot {
        id: ToolId::EXAMPLE,
        version: 2,
        name: name.into(),
        description: "does it".into(),
        input_schema: json!({"type": "object"}),
        approval,
        timeout_ms: 1000,
        flow: None,
    }
}

/// A flow of one agent, with what its node says beside the agent and the prompt.
fn flow(agent: AgentSnapshot, more: Value) -> Arc<Program> {
    let mut node = json!({"id": "a", "type": "agent",
        "config": {"agent_id": agent.id, "prompt": "Write about {{ input.topic }}."}});
    node.as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    let mut nodes = vec![
        json!({"id": "t", "type": "trigger"}),
        node,
        json!({"id": "o", "type": "output", "config": {"value": "{{ nodes.a.output }}"}}),
    ];
    let mut edges = vec![
        json!({"from": "t", "to": "a"}),
        json!({"from": "a", "to": "o"}),
    ];
    if more["on_error"] == json!("branch") {
        nodes.push(
            json!({"id": "e", "type": "output", "config": {"value": "{{ nodes.a.output.code }}"}}),
        );
        edges.push(json!({"from": "a", "from_port": "error", "to": "e"}));
    }
    program(Executable {
        definition: serde_json::from_value(json!({"nodes": nodes, "edges": edges})).unwrap(),
        agents: BTreeMap::from([(agent.id, agent)]),
        ..Executable::default()
    })
}

fn start(program: &Arc<Program>) -> Run {
    Run::start(program, json!({"topic": "tea"}))
}

/// What the worker gives for a question: the model says this, or calls these tools.
fn says(content: Value, calls: &[(&str, Value)]) -> Value {
    let calls: Vec<_> = calls
        .iter()
        .enumerate()
        .map(|(index, (name, arguments))| {
            json!({"id": format!("call_{index}"), "type": "function",
                "function": {"name": name, "arguments": arguments.to_string()}})
        })
        .collect();
    let finish_reason = if calls.is_empty() {
        "stop"
    } else {
        "tool_calls"
    };
    json!({
        "id": contracts::id::CallId::EXAMPLE, "provider": "p", "model": "m",
        "message": {"role": "assistant", "content": content, "tool_calls": calls},
        "finish_reason": finish_reason,
        "usage": {"prompt_tokens": 10, "completion_tokens": 1, "cost": "0.0015"}, "rehearsal": false})
}

fn paths(run: &Run) -> Vec<&str> {
    run.dispatched()
        .iter()
        .map(|item| item.node.as_str())
        .collect()
}

#[test]
fn each_call_of_an_agent_is_a_step() {
    let program = flow(writer(vec![tool("look", Approval::None)]), json!({}));
    let mut run = start(&program);
    assert_eq!(paths(&run), ["a/llm:0"]);
    let question = run.dispatched()[0].config["question"].to_string();
    assert!(question.contains("Write about tea."), "{question}");
    let two = [("look", json!({"x": 1})), ("look", json!({"x": 2}))];
    run.succeed("a/llm:0", 1, says(Value::Null, &two));
    assert_eq!(paths(&run), ["a/tool:0.0", "a/tool:0.1"]);
    let called = &run.dispatched()[1].config;
    assert_eq!(
        (&called["version"], &called["arguments"]),
        (&json!(2), &json!({"x": 2}))
    );
    run.succeed("a/tool:0.1", 1, json!("seen"));
    assert!(paths(&run).is_empty(), "it waits for the other");
    run.fail(
        "a/tool:0.0",
        1,
        StepError::new("http_status", "503").retryable(),
    );
    assert_eq!(
        paths(&run),
        ["a/llm:1"],
        "a tool's failure is for the agent to read"
    );
    run.succeed("a/llm:1", 1, says(json!("Tea."), &[]));
    assert_eq!(
        run.outcome(),
        (ExecutionState::Succeeded, Some(json!("Tea.")))
    );
    // Four calls were paid for.
    assert_eq!(run.state.data.usage.prompt_tokens, 40);
    let events = run.events();
    assert!(events.contains(&"a -> out".to_owned()), "{events:?}");
}

#[test]
fn a_resumed_agent_asks_only_for_what_was_not_answered() {
    let program = flow(writer(vec![tool("look", Approval::None)]), json!({}));
    let mut run = start(&program);
    let two = [("look", json!({})), ("look", json!({}))];
    run.succeed("a/llm:0", 1, says(Value::Null, &two));
    let before: Vec<WorkItem> = run.dispatched().into_iter().cloned().collect();
    run.succeed("a/tool:0.0", 1, json!(1));
    let records = run.records.len();
    run.input(Input::Resume);
    assert_eq!(run.records.len(), records, "nothing is begun twice");
    let again: Vec<WorkItem> = run.dispatched().into_iter().cloned().collect();
    assert_eq!(again, before[1..], "the same item, with the same key");
    run.succeed("a/tool:0.0", 1, json!(2));
    assert_eq!(
        run.records.len(),
        records,
        "a second result of one call changes nothing"
    );
}

#[test]
fn questions_are_tried_again_and_their_failure_is_the_nodes() {
    let flaky = || StepError::new("unavailable", "later").retryable();
    let program = flow(writer(Vec::new()), json!({"on_error": "branch"}));
    let mut run = start(&program);
    for attempt in 1..3 {
        run.fail("a/llm:0", attempt, flaky());
        let (timer, at) = run.timers()[0];
        run.now = at;
        run.fire(timer);
        assert_eq!(run.dispatched()[0].attempt, attempt + 1);
    }
    run.fail("a/llm:0", 3, flaky());
    assert_eq!(
        run.outcome(),
        (ExecutionState::Succeeded, Some(json!("unavailable")))
    );
}

#[test]
fn a_tool_that_was_not_reached_is_called_again_and_one_that_failed_is_not() {
    let program = flow(writer(vec![tool("look", Approval::None)]), json!({}));
    let mut run = start(&program);
    run.succeed("a/llm:0", 1, says(Value::Null, &[("look", json!({}))]));
    let unreached = StepError::new("unavailable", "`tool.invoke` cannot be reached").retryable();
    run.fail("a/tool:0.0", 1, unreached);
    run.fire_next();
    let refused = StepError::new("http_status", "503").retryable();
    run.fail("a/tool:0.0", 2, refused);
    assert_eq!(
        paths(&run),
        ["a/llm:1"],
        "its failure is for the agent to read"
    );
}

#[test]
fn an_agent_that_is_tried_again_goes_on_with_what_it_had_done() {
    let more = json!({"retry": {"max_attempts": 3, "backoff_ms": 10}, "timeout_ms": 60_000});
    let program = flow(writer(vec![tool("look", Approval::None)]), more);
    let mut run = start(&program);
    let limit = run.timers()[0];
    let two = [("look", json!({"x": 1})), ("look", json!({"x": 2}))];
    run.succeed("a/llm:0", 1, says(Value::Null, &two));
    let under_way = run.dispatched()[1].clone();
    assert_eq!(under_way.node, "a/tool:0.1");
    run.succeed("a/tool:0.0", 1, json!("seen"));
    run.now = limit.1;
    run.fire(limit.0);
    run.fire_next();
    let again = run.dispatched()[0].clone();
    assert_eq!(
        again.node, "a#2/tool:0.1",
        "what was finished is not done again"
    );
    assert_eq!(again.key, under_way.key, "it may have been done already");
    run.succeed("a#2/tool:0.1", 1, json!("seen, too"));
    for attempt in 1..=3 {
        let flaky = StepError::new("unavailable", "later").retryable();
        run.fail("a#2/llm:1", attempt, flaky);
        run.fire_next();
    }
    let question = run.dispatched()[0].clone();
    assert_eq!(question.node, "a#3/llm:1");
    let told = question.config["question"].to_string();
    assert!(
        told.contains("seen") && told.contains("seen, too"),
        "{told}"
    );
    run.succeed("a#3/llm:1", 1, says(json!("Tea."), &[]));
    assert_eq!(run.outcome().1, Some(json!("Tea.")));
}

#[test]
fn an_agent_that_came_to_a_bad_end_begins_anew() {
    let schema = json!({"type": "object"});
    let agent = AgentSnapshot {
        output_schema: Some(serde_json::from_value(schema).unwrap()),
        ..writer(Vec::new())
    };
    let more = json!({"retry": {"max_attempts": 2, "backoff_ms": 10, "on": ["output_schema"]}});
    let program = flow(agent, more);
    let mut run = start(&program);
    run.succeed("a/llm:0", 1, says(json!("No."), &[]));
    let begun = run.dispatched()[0].key.clone();
    run.succeed("a/llm:1", 1, says(json!("No."), &[]));
    run.fire_next();
    assert_eq!(paths(&run), ["a#2/llm:0"]);
    assert_ne!(run.dispatched()[0].key, begun);
}

#[test]
fn a_node_that_is_tried_again_begins_its_agent_anew() {
    let program = flow(
        writer(Vec::new()),
        json!({"retry": {"max_attempts": 2, "backoff_ms": 10}, "timeout_ms": 5000}),
    );
    let mut run = start(&program);
    let (limit, at) = run
        .timers()
        .into_iter()
        .find(|(timer, _)| matches!(timer, Timer::Limit { .. }))
        .unwrap();
    assert_eq!(at, run.now + TimeDelta::milliseconds(5000));
    run.now = at;
    run.fire(limit);
    let (timer, at) = run.timers()[0];
    run.now = at;
    run.fire(timer);
    assert_eq!(paths(&run), ["a#2/llm:0"]);
    // The answer to the first attempt's question comes after all: it is paid for, and not applied.
    run.succeed("a/llm:0", 1, says(json!("Late."), &[]));
    assert_eq!(run.events().last().unwrap(), "a/llm:0 late 1");
    run.succeed("a#2/llm:0", 1, says(json!("Tea."), &[]));
    assert_eq!(run.outcome().1, Some(json!("Tea.")));
    assert_eq!(run.state.data.usage.prompt_tokens, 20);
}

fn word(run: &Run, approved: bool) -> Approve {
    let asked = &run.state.data.view().approvals[0];
    Approve {
        execution_id: ExecutionId::EXAMPLE,
        node: asked.node.clone(),
        approved,
        arguments_hash: asked.arguments_hash.clone(),
        comment: "no".into(),
    }
}

#[test]
fn a_call_waits_for_a_person_and_holds_for_exactly_its_arguments() {
    let other = UserId::generate();
    for (approved, approval) in [(true, Approval::Required), (false, Approval::SecondPerson)] {
        let program = flow(writer(vec![tool("pay", approval)]), json!({}));
        let mut run = start(&program);
        run.succeed(
            "a/llm:0",
            1,
            says(Value::Null, &[("pay", json!({"usd": 5}))]),
        );
        assert_eq!(run.outcome().0, ExecutionState::Waiting);
        assert!(paths(&run).is_empty());
        let word = word(&run, approved);
        let forged = Approve {
            arguments_hash: "0".repeat(64),
            ..word.clone()
        };
        let reason =
            |result: Result<Option<At>, contracts::Problem>| result.unwrap_err().reason.unwrap();
        assert_eq!(
            reason(run.state.may_decide(&forged, other)),
            "other_arguments"
        );
        let own = run.state.may_decide(&word, UserId::EXAMPLE);
        match approval {
            Approval::SecondPerson => assert_eq!(reason(own), "second_person"),
            _ => assert!(own.is_ok()),
        }
        let node = run.state.may_decide(&word, other).unwrap().unwrap();
        let decide = || Input::Decide {
            node,
            approved,
            comment: "no".into(),
            by: other,
        };
        run.input(decide());
        let expected = if approved { "a/tool:0.0" } else { "a/llm:1" };
        assert_eq!(paths(&run), [expected]);
        let records = run.records.len();
        run.input(decide());
        assert_eq!(run.records.len(), records);
        assert_eq!(
            run.state.may_decide(&word, other).unwrap(),
            None,
            "the same word again"
        );
        let changed = Approve {
            approved: !approved,
            ..word
        };
        assert_eq!(reason(run.state.may_decide(&changed, other)), "decided");
    }
}

#[test]
fn a_cancel_cuts_the_calls_of_agents() {
    let program = flow(
        writer(vec![
            tool("look", Approval::None),
            tool("pay", Approval::Required),
        ]),
        json!({}),
    );
    let mut run = start(&program);
    run.succeed(
        "a/llm:0",
        1,
        says(Value::Null, &[("look", json!({})), ("pay", json!({}))]),
    );
    run.cancel();
    assert!(run.effects.contains(&Effect::Cut));
    run.fail("a/tool:0.0", 1, StepError::new("cancelled", "cut"));
    assert_eq!(run.outcome().0, ExecutionState::Cancelled);
    assert!(run.state.data.view().approvals.is_empty());
}

#[test]
fn a_tool_that_is_a_flow_is_run_as_an_execution() {
    let flow_tool = ToolSnapshot {
        flow: Some(FlowPin {
            flow_id: FlowId::EXAMPLE,
            revision: Some(1),
            hash: Some("h".into()),
        }),
        ..tool("sub", Approval::None)
    };
    let mut run = start(&flow(writer(vec![flow_tool]), json!({})));
    run.succeed("a/llm:0", 1, says(Value::Null, &[("sub", json!({"n": 1}))]));
    let config = &run.dispatched()[0].config;
    assert_eq!(
        (&config["input"], &config["depth"], &config["max_depth"]),
        (&json!({"n": 1}), &json!(1), &json!(3))
    );
}

/// A crew of one agent and three tasks, of which the last needs the others.
fn crew() -> Arc<Program> {
    let ada = writer(Vec::new());
    let task = |name: &str, context: &[&str]| Task {
        name: name.into(),
        description: format!("Do {name} on {{{{ input.topic }}}}."),
        expected_output: "text".into(),
        agent_id: ada.id,
        context: context.iter().map(|name| (*name).into()).collect(),
        output_schema: None,
        is_async: false,
    };
    let crew = CrewSnapshot {
        id: CrewId::EXAMPLE,
        version: 1,
        name: "team".into(),
        process: Process::Parallel,
        tasks: vec![
            task("read", &[]),
            task("look", &[]),
            task("write", &["read", "look"]),
        ],
        agents: vec![ada],
        manager_model: None,
        limits: Limits::default(),
    };
    program(Executable {
        definition: serde_json::from_value(json!({
            "nodes": [
                {"id": "t", "type": "trigger"},
                {"id": "c", "type": "crew", "config": {"crew_id": crew.id}},
                {"id": "o", "type": "output", "config": {"value": "{{ nodes.c.output }}"}}
            ],
            "edges": [{"from": "t", "to": "c"}, {"from": "c", "to": "o"}]
        }))
        .unwrap(),
        crews: BTreeMap::from([(crew.id, crew)]),
        ..Executable::default()
    })
}

/// An agent that waits for one of two tools.
pub(super) fn an_agent_at_work() -> Run {
    let mut run = start(&flow(writer(vec![tool("look", Approval::None)]), json!({})));
    let two = [("look", json!({"x": 1})), ("look", json!({"x": 2}))];
    run.succeed("a/llm:0", 1, says(Value::Null, &two));
    run.succeed("a/tool:0.1", 1, json!("seen"));
    run
}

/// A crew whose first tasks are done.
pub(super) fn a_crew_at_work() -> Run {
    let mut run = start(&crew());
    run.succeed("c/task:read/llm:0", 1, said("read"));
    run.succeed("c/task:look/llm:0", 1, said("seen"));
    run
}

/// What the worker gives for a question that the model answers with a text.
pub(super) fn said(text: &str) -> Value {
    says(json!(text), &[])
}

#[test]
fn the_tasks_of_a_crew_are_steps_and_a_failed_one_ends_it() {
    let program = crew();
    let mut run = start(&program);
    assert_eq!(paths(&run), ["c/task:read/llm:0", "c/task:look/llm:0"]);
    assert!(
        run.dispatched()[0].config["question"]
            .to_string()
            .contains("Do read on tea.")
    );
    run.succeed("c/task:read/llm:0", 1, says(json!("read"), &[]));
    run.succeed("c/task:look/llm:0", 1, says(json!("seen"), &[]));
    run.succeed("c/task:write/llm:0", 1, says(json!("All."), &[]));
    assert_eq!(
        run.outcome(),
        (ExecutionState::Succeeded, Some(json!("All.")))
    );
    let mut run = start(&program);
    run.fail(
        "c/task:read/llm:0",
        1,
        StepError::new("content_filter", "no"),
    );
    assert_eq!(
        run.outcome().0,
        ExecutionState::Running,
        "the other question is being cut"
    );
    run.fail("c/task:look/llm:0", 1, StepError::new("cancelled", "cut"));
    assert_eq!(run.outcome().0, ExecutionState::Failed);
}

#[test]
fn what_is_not_pinned_is_not_run() {
    let program = flow(writer(Vec::new()), json!({}));
    let executable = Executable {
        definition: program.definition().clone(),
        ..Executable::default()
    };
    let run = start(&super::program(executable));
    assert_eq!(run.outcome().0, ExecutionState::Failed);
    assert_eq!(run.state.data.error().unwrap().code, "not_pinned");
}
