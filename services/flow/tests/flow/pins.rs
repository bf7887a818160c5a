//! What a flow names is pinned: the engine gets the agents, crews and tools as they were, whatever changes later.

use bus::Bucket;
use contracts::{
    Problem, Role,
    agent::{AgentSnapshot, Limits, MemoryScope, Resolve, Resolved},
    flow::{
        CreateFlow, Executable, ExecuteFlow, PublishFlow, RevisionChoice, RunAgent, RunTurn,
        TurnTarget, UpdateFlow, ValidateFlow,
    },
    id::{AgentId, ChatId, ExecutionId, FlowId, ToolId},
    llm::Message,
    owner::Start,
    tool::{Approval, FlowPin, ResolveTools, ResolvedTools, ToolSnapshot},
};
use kernel::{Ctx, Running};
use serde_json::json;

use crate::{Fixture, reason};

const FLOW_TOOL: &str = "tool_01985d1c7c3a7f008000000000000002";

/// Agents of which there is one, at version 7, with a tool that is a flow where one is named.
struct Agents(Option<FlowId>);

async fn resolve(ctx: Ctx<Agents>, request: Resolve) -> Result<Resolved, Problem> {
    let known = |pin: &&contracts::agent::Pin<AgentId>| pin.id == AgentId::EXAMPLE;
    let tools: Vec<_> = ctx.state.0.map(flow_tool).into_iter().collect();
    let agents = request
        .agents
        .iter()
        .filter(known)
        .map(|pin| AgentSnapshot {
            id: pin.id,
            version: pin.version.unwrap_or(7),
            name: "ada".into(),
            role: "a writer".into(),
            goal: "write".into(),
            backstory: String::new(),
            model: None,
            tools: tools.clone(),
            knowledge: Vec::new(),
            memory: MemoryScope::Off,
            guardrails: Vec::new(),
            output_schema: None,
            limits: Limits::default(),
        });
    Ok(Resolved {
        agents: agents.collect(),
        ..Resolved::default()
    })
}

async fn resolve_tools(_: Ctx<()>, request: ResolveTools) -> Result<ResolvedTools, Problem> {
    let known = |pin: &&contracts::agent::Pin<ToolId>| pin.id == ToolId::EXAMPLE;
    let tool = |pin: &contracts::agent::Pin<ToolId>| ToolSnapshot {
        id: pin.id,
        version: pin.version.unwrap_or(3),
        flow: None,
        ..flow_tool(FlowId::EXAMPLE)
    };
    Ok(ResolvedTools {
        items: request.tools.iter().filter(known).map(tool).collect(),
    })
}

fn flow_tool(flow_id: FlowId) -> ToolSnapshot {
    ToolSnapshot {
        id: FLOW_TOOL.parse().unwrap(),
        version: 1,
        name: "greet".into(),
        description: "greets".into(),
        input_schema: json!({"type": "object"}),
        approval: Approval::None,
        timeout_ms: 1000,
        flow: Some(FlowPin {
            flow_id,
            revision: None,
            hash: None,
        }),
    }
}

pub(crate) async fn others(fixture: &Fixture, flow: Option<FlowId>) -> (Running, Running) {
    let runtime = testkit::runtime(&fixture.bus).await;
    let agents = kernel::Service::new("agent", Agents(flow)).on(resolve);
    let tools = kernel::Service::new("tool", ()).on(resolve_tools);
    (
        agents.start(&runtime).await.unwrap(),
        tools.start(&runtime).await.unwrap(),
    )
}

fn draft(agent: AgentId, tool: ToolId) -> CreateFlow {
    CreateFlow {
        name: "Ask".into(),
        description: String::new(),
        definition: serde_json::from_value(json!({
            "nodes": [
                {"id": "start", "type": "trigger"},
                {"id": "ada", "type": "agent", "config": {"agent_id": agent, "prompt": "{{ input }}"}},
                {"id": "look", "type": "tool", "config": {"tool_id": tool, "arguments": {"x": 1}}}
            ],
            "edges": [{"from": "start", "to": "ada"}, {"from": "ada", "to": "look"}]
        }))
        .unwrap(),
    }
}

async fn stored(fixture: &Fixture, start: &Start) -> Executable {
    let bucket = fixture.bus.kv(Bucket::FlowDef).await.unwrap();
    let stored = bucket.get(&start.definition_hash).await.unwrap().unwrap();
    serde_json::from_slice(&stored.value).unwrap()
}

#[tokio::test]
async fn a_revision_holds_what_it_names() {
    let fixture = Fixture::start().await;
    let _others = others(&fixture, None).await;
    let user = fixture.user(Role::Editor).await;
    let draft = draft(AgentId::EXAMPLE, ToolId::EXAMPLE);
    let flow = fixture.ask(&user, &draft).await.unwrap();
    let publish = PublishFlow {
        flow_id: flow.id,
        notes: String::new(),
    };
    fixture.ask(&user, &publish).await.unwrap();
    for revision in [None, Some(RevisionChoice::DRAFT)] {
        let execute = ExecuteFlow {
            flow_id: flow.id,
            input: json!("Hello"),
            revision,
            session: None,
            priority: None,
            idempotency_key: None,
        };
        fixture.ask(&user, &execute).await.unwrap();
    }
    for start in fixture.started() {
        let executable = stored(&fixture, &start).await;
        assert_eq!(executable.agents[&AgentId::EXAMPLE].version, 7);
        assert_eq!(executable.tools[&ToolId::EXAMPLE].version, 3);
    }
}

#[tokio::test]
async fn what_is_not_there_keeps_a_flow_from_being_published() {
    let fixture = Fixture::start().await;
    let _others = others(&fixture, None).await;
    let user = fixture.user(Role::Editor).await;
    let draft = draft(AgentId::generate(), ToolId::generate());
    let flow = fixture.ask(&user, &draft).await.unwrap();
    let validate = ValidateFlow { flow_id: flow.id };
    let problems = fixture.ask(&user, &validate).await.unwrap().problems;
    let codes: Vec<_> = problems
        .iter()
        .map(|problem| problem.code.as_str())
        .collect();
    assert_eq!(codes, ["unknown_agent", "unknown_tool"]);
    let publish = PublishFlow {
        flow_id: flow.id,
        notes: String::new(),
    };
    let problem = fixture.ask(&user, &publish).await.unwrap_err();
    assert_eq!(reason(&problem), (422, "flow_invalid"));
    assert_eq!(
        problem.errors[0].path,
        "/definition/nodes/1/config/agent_id"
    );
}

#[tokio::test]
async fn agents_and_conversations_are_run_by_definitions_of_their_own() {
    let fixture = Fixture::start().await;
    let user = fixture.user(Role::Editor).await;
    let (called, _) = fixture.published(&user).await;
    let _others = others(&fixture, Some(called.id)).await;
    let run = RunAgent {
        agent_id: AgentId::EXAMPLE,
        version: Some(2),
        input: json!("Write."),
        idempotency_key: Some("one".into()),
    };
    let first = fixture.ask(&user, &run).await.unwrap();
    let second = fixture.ask(&user, &run).await.unwrap();
    assert_eq!((first.id, first.origin), (second.id, second.origin));
    assert_eq!(
        (first.origin.agent_id, first.origin.version),
        (Some(AgentId::EXAMPLE), Some(2))
    );
    let start = fixture.started().remove(0);
    let executable = stored(&fixture, &start).await;
    let pin = executable.agents[&AgentId::EXAMPLE].tools[0]
        .flow
        .clone()
        .unwrap();
    assert_eq!((pin.flow_id, pin.revision), (called.id, Some(1)));
    // The flow that the tool runs is where the engine finds it, and stays what it was.
    let of_tool = Start {
        definition_hash: pin.hash.unwrap(),
        ..start
    };
    let change = UpdateFlow {
        flow_id: called.id,
        name: None,
        description: None,
        definition: Some(draft(AgentId::EXAMPLE, ToolId::EXAMPLE).definition),
        if_version: None,
    };
    fixture.ask(&user, &change).await.unwrap();
    assert_eq!(
        stored(&fixture, &of_tool).await.definition,
        called.definition
    );

    let turn = RunTurn {
        principal: user.clone(),
        execution_id: ExecutionId::generate(),
        target: TurnTarget::Agent {
            agent_id: AgentId::EXAMPLE,
        },
        session_id: ChatId::EXAMPLE,
        message: "And now?".into(),
        messages: vec![Message::user("Hello")],
        attachments: Vec::new(),
    };
    fixture.ask(&user, &turn).await.unwrap();
    let start = fixture.started().pop().unwrap();
    assert!(start.notify);
    assert_eq!(start.execution_id, turn.execution_id);
    assert_eq!(start.input["prompt"], json!("And now?"));
    let viewer = RunTurn {
        principal: contracts::Principal {
            role: Role::Viewer,
            ..user.clone()
        },
        ..turn
    };
    let problem = fixture.ask(&user, &viewer).await.unwrap_err();
    assert_eq!(problem.status, 403);
}
