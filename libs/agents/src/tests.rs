//! Runs played to their end by a model that follows a script.

use std::collections::BTreeMap;

use contracts::{
    agent::{AgentSnapshot, Limits, MemoryScope},
    crew::{CrewSnapshot, Process, Task},
    execution::{StepError, Usage},
    id::{AgentId, CallId, CrewId, ToolId},
    llm::{Complete, Completion, FinishReason, FunctionCall, Message, ToolCall},
    tool::{Approval, ToolSnapshot},
};
use serde_json::{Map, Value, json};

use crate::{AgentRun, Call, CrewRun, Next, Outcome, Wanted, agent, crew};

type Done = BTreeMap<String, Outcome>;

fn snapshot(name: &str) -> AgentSnapshot {
    AgentSnapshot {
        id: AgentId::generate(),
        version: 1,
        name: name.into(),
        role: format!("the {name}"),
        goal: "do well".into(),
        backstory: String::new(),
        model: None,
        tools: Vec::new(),
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
        version: 3,
        name: name.into(),
        description: "does it".into(),
        input_schema: json!({"type": "object"}),
        approval,
        timeout_ms: 1000,
        flow: None,
    }
}

fn run(agent: &AgentSnapshot) -> AgentRun<'_> {
    AgentRun {
        agent,
        before: &[],
        prompt: "Go.".into(),
        output_schema: None,
    }
}

fn completion(content: Value, calls: &[(&str, Value)]) -> Outcome {
    let call = |(index, (name, arguments)): (usize, &(&str, Value))| ToolCall {
        id: format!("call_{index}"),
        kind: "function".into(),
        function: FunctionCall {
            name: (*name).into(),
            arguments: arguments.to_string(),
        },
        extra: Map::new(),
    };
    let calls: Vec<_> = calls.iter().enumerate().map(call).collect();
    let finish_reason = if calls.is_empty() {
        FinishReason::Stop
    } else {
        FinishReason::ToolCalls
    };
    Outcome::Completion {
        completion: Box::new(Completion {
            id: CallId::EXAMPLE,
            provider: "p".into(),
            model: "m".into(),
            message: Message {
                role: "assistant".into(),
                content,
                tool_calls: calls,
                tool_call_id: None,
                extra: Map::new(),
            },
            finish_reason,
            usage: Usage {
                prompt_tokens: 5,
                completion_tokens: 5,
                cost: None,
            },
            rehearsal: false,
            dropped: Vec::new(),
            cached: false,
            similarity: None,
        }),
    }
}

fn says(text: &str) -> Outcome {
    completion(json!(text), &[])
}

fn calls(next: Next) -> Vec<Wanted> {
    match next {
        Next::Calls(calls) => calls,
        other => panic!("{other:?}"),
    }
}

fn paths(next: Next) -> Vec<String> {
    calls(next).into_iter().map(|wanted| wanted.path).collect()
}

fn asked(next: Next) -> Complete {
    match calls(next).remove(0).call {
        Call::Llm(question) => *question,
        other => panic!("{other:?}"),
    }
}

fn code(next: Next) -> String {
    match next {
        Next::Failed(error) => error.code,
        other => panic!("{other:?}"),
    }
}

/// Plays a run: `world` answers each call, from the question or the tool.
fn play(
    mut next: impl FnMut(&Done) -> Next,
    mut world: impl FnMut(&Wanted) -> Outcome,
) -> (Next, Done) {
    let mut done = Done::new();
    for _ in 0..1000 {
        match next(&done) {
            Next::Calls(wanted) => {
                assert!(!wanted.is_empty());
                for call in wanted {
                    let outcome = world(&call);
                    assert!(
                        done.insert(call.path.clone(), outcome).is_none(),
                        "{}",
                        call.path
                    );
                }
            }
            end => return (end, done),
        }
    }
    panic!("the run does not end");
}

#[test]
fn an_agent_asks_calls_and_answers() {
    let mut ada = snapshot("ada");
    ada.tools = vec![tool("add", Approval::None), tool("sub", Approval::None)];
    let mut done = Done::new();
    assert_eq!(paths(agent(&run(&ada), &done)), ["llm:0"]);
    let two = [("add", json!({"a": 1})), ("sub", json!({"a": 2}))];
    done.insert("llm:0".into(), completion(Value::Null, &two));
    assert_eq!(paths(agent(&run(&ada), &done)), ["tool:0.0", "tool:0.1"]);
    done.insert(
        "tool:0.1".into(),
        Outcome::Failed {
            error: StepError::new("timeout", "too slow"),
        },
    );
    // The other one is still waited for.
    assert_eq!(paths(agent(&run(&ada), &done)), ["tool:0.0"]);
    done.insert("tool:0.0".into(), Outcome::Result { value: json!(3) });
    let question = asked(agent(&run(&ada), &done));
    let said: Vec<_> = question
        .messages
        .iter()
        .filter(|message| message.role == "tool")
        .collect();
    assert_eq!(said[0].content, json!("3"));
    assert_eq!(said[0].tool_call_id.as_deref(), Some("call_0"));
    assert!(
        said[1]
            .content
            .as_str()
            .is_some_and(|text| text.contains("too slow"))
    );
    done.insert("llm:1".into(), says("Three."));
    assert_eq!(agent(&run(&ada), &done), Next::Done(json!("Three.")));
}

#[test]
fn what_is_not_granted_is_never_called() {
    let mut ada = snapshot("ada");
    ada.tools = vec![tool("add", Approval::None)];
    let hostile = [
        ("rm", json!({})),
        ("add ", json!({})),
        ("ADD", json!({})),
        ("delegate", json!({"task": "x"})),
        ("accept", json!({})),
    ];
    let (end, done) = play(
        |done| agent(&run(&ada), done),
        |wanted| match wanted.path.as_str() {
            "llm:0" => completion(Value::Null, &hostile),
            _ => says("Sorry."),
        },
    );
    assert_eq!(end, Next::Done(json!("Sorry.")));
    assert!(done.keys().all(|path| path.starts_with("llm:")), "{done:?}");
}

#[test]
fn a_model_that_never_stops_is_stopped() {
    let mut ada = snapshot("ada");
    ada.tools = vec![tool("add", Approval::None)];
    let endless = |limits: Limits| {
        let ada = AgentSnapshot {
            limits,
            ..ada.clone()
        };
        let (end, done) = play(
            |done| agent(&run(&ada), done),
            |wanted| match wanted.call {
                Call::Llm(_) => completion(Value::Null, &[("add", json!({})), ("add", json!({}))]),
                _ => Outcome::Result { value: json!(1) },
            },
        );
        assert_eq!(code(end), "limit_reached");
        let of = |kind: &str| done.keys().filter(|path| path.starts_with(kind)).count();
        (of("llm:"), of("tool:"))
    };
    let limits = Limits::default();
    assert_eq!(
        endless(Limits {
            max_steps: 4,
            ..limits
        }),
        (4, 8)
    );
    assert_eq!(
        endless(Limits {
            max_tool_calls: 5,
            ..limits
        })
        .1,
        4
    );
    assert_eq!(
        endless(Limits {
            max_tokens: 30,
            ..limits
        })
        .0,
        3
    );
    // No price is known, so no bound in money can be kept.
    let cost = Some(rust_decimal::Decimal::ONE);
    assert_eq!(
        endless(Limits {
            max_cost: cost,
            ..limits
        })
        .0,
        1
    );
}

#[test]
fn a_call_that_needs_a_person_waits_for_exactly_these_arguments() {
    let mut ada = snapshot("ada");
    ada.tools = vec![tool("pay", Approval::Required)];
    let mut done = Done::new();
    done.insert(
        "llm:0".into(),
        completion(Value::Null, &[("pay", json!({"usd": 5}))]),
    );
    let wanted = calls(agent(&run(&ada), &done)).remove(0);
    assert_eq!(wanted.path, "tool:0.0/approval");
    let Call::Approval { asked: shown, .. } = wanted.call else {
        panic!("no approval")
    };
    let decided = |approved| Outcome::Decided {
        approved,
        comment: "too much".into(),
    };
    let mut refused = done.clone();
    refused.insert(wanted.path.clone(), decided(false));
    let question = asked(agent(&run(&ada), &refused));
    let last = question
        .messages
        .last()
        .expect("a message")
        .content
        .to_string();
    assert!(last.contains("too much"), "{last}");
    done.insert(wanted.path, decided(true));
    let wanted = calls(agent(&run(&ada), &done)).remove(0);
    assert_eq!(
        (wanted.path.as_str(), wanted.call),
        ("tool:0.0", Call::Tool(shown))
    );
}

#[test]
fn structured_output_is_repaired_once() {
    let mut ada = snapshot("ada");
    ada.output_schema = Some(
        json!({"type": "object", "required": ["n"], "properties": {"n": {"type": "integer"}}}),
    );
    let answers = |texts: &[&str]| {
        let mut texts = texts.iter();
        play(
            |done| agent(&run(&ada), done),
            |_| says(texts.next().expect("no further question")),
        )
        .0
    };
    assert_eq!(
        answers(&["```json\n{\"n\": 1}\n```"]),
        Next::Done(json!({"n": 1}))
    );
    assert_eq!(answers(&["one", "{\"n\": 2}"]), Next::Done(json!({"n": 2})));
    assert_eq!(code(answers(&["one", "{\"n\": \"2\"}"])), "output_schema");
}

fn task(name: &str, agent: &AgentSnapshot, context: &[&str]) -> Task {
    Task {
        name: name.into(),
        description: format!("Do {name}."),
        expected_output: "text".into(),
        agent_id: agent.id,
        context: context.iter().map(|name| (*name).into()).collect(),
        output_schema: None,
        is_async: false,
    }
}

fn team(process: Process) -> CrewSnapshot {
    let (ada, bob) = (snapshot("ada"), snapshot("bob"));
    let tasks = vec![
        task("read", &ada, &[]),
        task("look", &bob, &[]),
        task("write", &ada, &["read", "look"]),
    ];
    CrewSnapshot {
        id: CrewId::EXAMPLE,
        version: 1,
        name: "team".into(),
        process,
        agents: vec![ada, bob],
        tasks,
        manager_model: None,
        limits: Limits::default(),
    }
}

fn play_crew(crew_of: &CrewSnapshot, world: impl FnMut(&Wanted) -> Outcome) -> (Next, Done) {
    let descriptions: Vec<_> = crew_of
        .tasks
        .iter()
        .map(|task| task.description.clone())
        .collect();
    let run = CrewRun {
        crew: crew_of,
        descriptions: &descriptions,
        input: &json!({"x": 1}),
    };
    play(|done| crew(&run, done), world)
}

#[test]
fn tasks_see_what_they_name_and_run_together_where_they_may() {
    for (process, first) in [(Process::Sequential, 1), (Process::Parallel, 2)] {
        let team = team(process);
        let descriptions = vec![String::new(); 3];
        let run = CrewRun {
            crew: &team,
            descriptions: &descriptions,
            input: &Value::Null,
        };
        assert_eq!(calls(crew(&run, &Done::new())).len(), first);
        let mut seen = String::new();
        let (end, done) = play_crew(&team, |wanted| {
            if let (Call::Llm(question), "task:write/llm:0") = (&wanted.call, wanted.path.as_str())
            {
                seen = question
                    .messages
                    .last()
                    .expect("a prompt")
                    .content
                    .to_string();
            }
            says(&format!("result of {}", wanted.path))
        });
        assert_eq!(end, Next::Done(json!("result of task:write/llm:0")));
        assert_eq!(done.len(), 3);
        assert!(
            seen.contains("result of task:read/") && seen.contains("result of task:look/"),
            "{seen}"
        );
    }
}

#[test]
fn a_manager_delegates_until_it_accepts() {
    let mut team = team(Process::Hierarchical);
    team.tasks.truncate(1);
    let delegate = json!({"task": "read", "agent": "bob", "instructions": "Be brief."});
    let script = [
        says("Done, I think."),
        completion(Value::Null, &[("accept", json!({"task": "read"}))]),
        completion(Value::Null, &[("delegate", delegate.clone())]),
        completion(Value::Null, &[("delegate", delegate)]),
        completion(Value::Null, &[("accept", json!({"task": "read"}))]),
        says("The final word."),
    ];
    let (end, done) = play_crew(&team, |wanted| {
        match wanted.path.strip_prefix("manager/llm:") {
            Some(turn) => script[turn.parse::<usize>().expect("a turn")].clone(),
            None => says("bob's work"),
        }
    });
    assert_eq!(end, Next::Done(json!("The final word.")));
    assert!(
        done.contains_key("manager/tool:2.0/llm:0") && done.contains_key("manager/tool:3.0/llm:0")
    );
    assert_eq!(done.len(), 8);
}

#[test]
fn a_crew_that_waits_for_itself_fails() {
    let mut team = team(Process::Parallel);
    team.tasks[0].context = vec!["write".into()];
    let (end, _) = play_crew(&team, |_| says("x"));
    assert_eq!(code(end), "invalid_crew");
    team.tasks[0].agent_id = AgentId::generate();
    team.tasks[0].context.clear();
    assert_eq!(code(play_crew(&team, |_| says("x")).0), "invalid_crew");
}

#[test]
fn tasks_beside_the_row_do_not_hold_it_up() {
    let mut team = team(Process::Sequential);
    team.tasks[0].is_async = true;
    let descriptions = vec![String::new(); 3];
    let run = CrewRun {
        crew: &team,
        descriptions: &descriptions,
        input: &Value::Null,
    };
    let first = ["task:read/llm:0", "task:look/llm:0"];
    assert_eq!(paths(crew(&run, &Done::new())), first);
    let mut done = Done::new();
    done.insert("task:look/llm:0".into(), says("seen"));
    // The last task waits for both, for it names both.
    assert_eq!(paths(crew(&run, &done)), ["task:read/llm:0"]);
    done.insert("task:read/llm:0".into(), says("read"));
    assert_eq!(paths(crew(&run, &done)), ["task:write/llm:0"]);
}

#[test]
fn an_answer_that_breaks_a_guardrail_is_given_back_once() {
    let mut ada = snapshot("ada");
    ada.guardrails = vec![contracts::agent::Guardrail {
        expression: "output | length < 5".into(),
        message: "It is too long.".into(),
    }];
    let mut texts = ["much too long", "ok"].into_iter();
    let (end, _) = play(
        |done| agent(&run(&ada), done),
        |_| says(texts.next().expect("no further question")),
    );
    assert_eq!(end, Next::Done(json!("ok")));
    let (end, done) = play(|done| agent(&run(&ada), done), |_| says("much too long"));
    assert_eq!((code(end).as_str(), done.len()), ("guardrail", 2));
}

#[test]
fn memory_is_asked_first_and_told_last_and_never_fails_a_run() {
    let mut ada = snapshot("ada");
    ada.memory = MemoryScope::User;
    let facts =
        r#"{"facts": [{"entity": "Ada", "text": "likes tea"}, {"entity": null, "text": " "}]}"#;
    let mut kept = None;
    let (end, done) = play(
        |done| agent(&run(&ada), done),
        |wanted| match &wanted.call {
            Call::Recall(_) => Outcome::Result {
                value: json!([{"entity": "Bob", "text": "is away"}]),
            },
            Call::Remember { facts, .. } => {
                kept = Some(facts.clone());
                Outcome::Result { value: Value::Null }
            }
            Call::Llm(question) if wanted.path == "llm:0" => {
                assert!(
                    question.messages[0]
                        .content
                        .to_string()
                        .contains("Bob: is away")
                );
                says("Done.")
            }
            _ => says(facts),
        },
    );
    assert_eq!(end, Next::Done(json!("Done.")));
    assert_eq!(done.len(), 4);
    let kept = kept.expect("facts");
    assert_eq!((kept.len(), kept[0].text.as_str()), (1, "likes tea"));
    let (end, _) = play(
        |done| agent(&run(&ada), done),
        |wanted| match wanted.path.as_str() {
            "llm:0" => says("Done."),
            _ => Outcome::Failed {
                error: StepError::new("unavailable", "nobody answers"),
            },
        },
    );
    assert_eq!(end, Next::Done(json!("Done.")));
}

#[test]
fn only_the_agents_own_knowledge_is_searched() {
    let mut ada = snapshot("ada");
    let base = contracts::agent::KnowledgeSnapshot {
        id: contracts::id::BaseId::EXAMPLE,
        name: "handbook".into(),
        description: "How we work.".into(),
    };
    ada.knowledge = vec![base.clone()];
    let asked = [
        ("search_knowledge", json!({"query": "days off"})),
        (
            "search_knowledge",
            json!({"query": "salaries", "base": "secret"}),
        ),
        ("search_knowledge", json!({"query": " "})),
    ];
    let mut searched = Vec::new();
    let (end, _) = play(
        |done| agent(&run(&ada), done),
        |wanted| match &wanted.call {
            Call::Llm(_) if wanted.path == "llm:0" => completion(Value::Null, &asked),
            Call::Knowledge { base_id, query } => {
                searched.push((*base_id, query.clone()));
                Outcome::Result { value: json!([]) }
            }
            _ => says("Thirty."),
        },
    );
    assert_eq!(end, Next::Done(json!("Thirty.")));
    assert_eq!(searched, [(base.id, "days off".to_owned())]);
}
