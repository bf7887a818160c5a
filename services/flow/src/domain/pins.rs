//! What a definition names beside its nodes: agents, crews, tools and knowledge bases.

use std::{collections::BTreeMap, str::FromStr};

use contracts::{
    agent::Pin,
    flow::{Definition, Executable, FlowProblem, Node, Position},
    id::{AgentId, BaseId, CrewId, FlowId, ToolId},
    tool::{FlowPin, ToolSnapshot},
};
use serde_json::{Value, json};

/// The type of the nodes that run flows.
const FLOW: &str = "flow";

/// Everything that nodes name, each once, with the versions they ask for.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Names {
    pub(crate) agents: BTreeMap<AgentId, Option<u32>>,
    pub(crate) crews: BTreeMap<CrewId, Option<u32>>,
    pub(crate) tools: BTreeMap<ToolId, Option<u32>>,
    pub(crate) bases: Vec<BaseId>,
    /// Nodes that ask for another version than a node before them.
    problems: Vec<FlowProblem>,
}

impl Names {
    pub(crate) fn of(definition: &Definition) -> Self {
        let mut names = Self::default();
        for (index, node) in definition.nodes.iter().enumerate() {
            let version = version_of(node);
            let fits = match node.kind.as_str() {
                "agent" => note(&mut names.agents, named(node, "agent_id"), version),
                "crew" => note(&mut names.crews, named(node, "crew_id"), version),
                "tool" => note(&mut names.tools, named(node, "tool_id"), version),
                "knowledge" => {
                    names.bases.extend(named::<BaseId>(node, "base_id"));
                    true
                }
                _ => true,
            };
            if !fits {
                let text = "another node asks for another version of the same";
                let problem = problem(index, node, "version", "two_versions", text);
                names.problems.push(problem);
            }
        }
        names.bases.sort_unstable();
        names.bases.dedup();
        names
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.agents.is_empty()
            && self.crews.is_empty()
            && self.tools.is_empty()
            && self.bases.is_empty()
    }

    /// What the nodes name that is not there, and what cannot be pinned together.
    pub(crate) fn problems(self, executable: &Executable, bases: &[BaseId]) -> Vec<FlowProblem> {
        let mut problems = self.problems;
        for (index, node) in executable.definition.nodes.iter().enumerate() {
            let (key, code, is_there) = match node.kind.as_str() {
                "agent" => {
                    let is_there = |id| executable.agents.contains_key(&id);
                    let found = named(node, "agent_id").is_some_and(is_there);
                    ("agent_id", "unknown_agent", found)
                }
                "crew" => {
                    let is_there = |id| executable.crews.contains_key(&id);
                    let found = named(node, "crew_id").is_some_and(is_there);
                    ("crew_id", "unknown_crew", found)
                }
                "tool" => {
                    let is_there = |id| executable.tools.contains_key(&id);
                    let found = named(node, "tool_id").is_some_and(is_there);
                    ("tool_id", "unknown_tool", found)
                }
                "knowledge" => {
                    let found = named(node, "base_id").is_some_and(|id| bases.contains(&id));
                    ("base_id", "unknown_base", found)
                }
                _ => continue,
            };
            if !is_there {
                let id = node.config.get(key).and_then(Value::as_str);
                let text = format!("`{}` does not exist", id.unwrap_or_default());
                problems.push(problem(index, node, key, code, &text));
            }
        }
        problems
    }
}

/// A definition that runs one agent: on the input as it is, or on what was said in a conversation.
pub(crate) fn of_agent(id: AgentId, in_conversation: bool) -> Definition {
    let config = if in_conversation {
        json!({"agent_id": id, "prompt": "{{ input.prompt }}", "messages": "{{ input.messages }}"})
    } else {
        json!({"agent_id": id, "prompt": "{{ input }}"})
    };
    around("agent", &config)
}

/// A definition that runs one crew.
pub(crate) fn of_crew(id: CrewId) -> Definition {
    around("crew", &json!({ "crew_id": id }))
}

/// A definition for people to build on: the agent answers a conversation, or a `prompt` that is executed by itself.
pub(crate) fn in_chat(id: AgentId) -> Definition {
    let config = json!({
        "agent_id": id,
        "prompt": "{{ input.prompt }}",
        "messages": "{{ input.messages | default(none) }}"
    });
    let mut definition = around("agent", &config);
    definition.nodes[0].kind = "chat_trigger".to_owned();
    for (node, x) in definition.nodes.iter_mut().zip([0.0, 280.0, 560.0]) {
        node.position = Some(Position { x, y: 0.0 });
    }
    definition.input_schema = Some(json!({
        "type": "object",
        "required": ["prompt"],
        "properties": {
            "prompt": {"type": "string", "minLength": 1, "description": "What the agent is asked."},
            "messages": {"type": "array", "description": "What was said before, as chat-completions messages."}
        }
    }));
    definition
}

fn around(kind: &str, config: &Value) -> Definition {
    let definition = json!({
        "nodes": [
            {"id": "start", "type": "trigger"},
            {"id": kind, "type": kind, "config": config},
            {"id": "end", "type": "output", "config": {"value": format!("{{{{ nodes.{kind}.output }}}}")}}
        ],
        "edges": [{"from": "start", "to": kind}, {"from": kind, "to": "end"}]
    });
    let mut definition = serde_json::from_value(definition).expect("it is a definition");
    // Some of these are executed without ever being stored.
    graph::pin_versions(&mut definition, None);
    definition
}

/// All flows that are called as tools, by nodes or by agents.
pub(crate) fn flow_tools(executable: &mut Executable) -> impl Iterator<Item = &mut FlowPin> {
    let of_agents = executable
        .agents
        .values_mut()
        .flat_map(|agent| &mut agent.tools);
    let of_crews = executable
        .crews
        .values_mut()
        .flat_map(|crew| &mut crew.agents)
        .flat_map(|agent| &mut agent.tools);
    let of_nodes = executable.tools.values_mut();
    of_nodes
        .chain(of_agents)
        .chain(of_crews)
        .filter_map(|tool: &mut ToolSnapshot| tool.flow.as_mut())
}

/// The flows that nodes run, by the id of the node, not yet pinned.
pub(crate) fn sub_flows(definition: &Definition) -> BTreeMap<String, FlowPin> {
    let runs = definition.nodes.iter().filter(|node| node.kind == FLOW);
    let pin = |node: &Node| {
        let revision = node.config.get("revision").and_then(Value::as_u64);
        let pin = FlowPin {
            flow_id: named(node, "flow_id")?,
            revision: revision.and_then(|number| u32::try_from(number).ok()),
            hash: None,
        };
        Some((node.id.clone(), pin))
    };
    runs.filter_map(pin).collect()
}

/// The problem of a node whose flow cannot be run.
pub(crate) fn no_sub_flow(
    definition: &Definition,
    node: &str,
    key: &str,
    code: &str,
    message: &str,
) -> Option<FlowProblem> {
    let mut nodes = definition.nodes.iter().enumerate();
    let (index, node) = nodes.find(|(_, known)| known.id == node)?;
    Some(problem(index, node, key, code, message))
}

/// The problem of a tool whose flow cannot be run.
pub(crate) fn unpublished(flow: FlowId) -> FlowProblem {
    FlowProblem {
        node: None,
        path: "/nodes".to_owned(),
        code: "flow_not_published".to_owned(),
        message: format!("a tool runs flow `{flow}`, which is not published"),
    }
}

pub(crate) fn pins<I: Copy>(named: &BTreeMap<I, Option<u32>>) -> Vec<Pin<I>> {
    let pin = |(id, version): (&I, &Option<u32>)| Pin {
        id: *id,
        version: *version,
    };
    named.iter().map(pin).collect()
}

fn note<I: Ord>(names: &mut BTreeMap<I, Option<u32>>, id: Option<I>, version: Option<u32>) -> bool {
    match id {
        Some(id) => *names.entry(id).or_insert(version) == version,
        None => true,
    }
}

fn named<I: FromStr>(node: &Node, key: &str) -> Option<I> {
    node.config.get(key)?.as_str()?.parse().ok()
}

fn version_of(node: &Node) -> Option<u32> {
    u32::try_from(node.config.get("version")?.as_u64()?).ok()
}

fn problem(index: usize, node: &Node, key: &str, code: &str, message: &str) -> FlowProblem {
    FlowProblem {
        node: Some(node.id.clone()),
        path: format!("/nodes/{index}/config/{key}"),
        code: code.to_owned(),
        message: message.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn definition(nodes: Value) -> Definition {
        serde_json::from_value(json!({ "nodes": nodes })).unwrap()
    }

    #[test]
    fn what_is_named_is_found_once() {
        let (agent, base) = (AgentId::EXAMPLE, BaseId::EXAMPLE);
        let names = Names::of(&definition(json!([
            {"id": "a", "type": "agent", "config": {"agent_id": agent, "prompt": "x"}},
            {"id": "b", "type": "agent", "config": {"agent_id": agent, "prompt": "y"}},
            {"id": "k", "type": "knowledge", "config": {"base_id": base, "query": "z"}},
            {"id": "l", "type": "knowledge", "config": {"base_id": base, "query": "z"}}
        ])));
        assert_eq!((names.agents.len(), names.bases.len()), (1, 1));
        assert!(names.problems.is_empty() && !names.is_empty());
    }

    #[test]
    fn the_flows_that_nodes_run_are_found_by_node() {
        let flow = FlowId::EXAMPLE;
        let definition = definition(json!([
            {"id": "a", "type": "flow", "config": {"flow_id": flow}},
            {"id": "b", "type": "flow", "config": {"flow_id": flow, "revision": 3}},
            {"id": "c", "type": "tool", "config": {"flow_id": flow}}
        ]));
        let pins = sub_flows(&definition);
        let revisions: Vec<_> = pins
            .iter()
            .map(|(id, pin)| (id.as_str(), pin.revision))
            .collect();
        assert_eq!(revisions, [("a", None), ("b", Some(3))]);
        let problem = no_sub_flow(&definition, "b", "revision", "unknown_revision", "no");
        assert_eq!(problem.unwrap().path, "/nodes/1/config/revision");
    }

    #[test]
    fn what_is_missing_is_named_with_its_place() {
        let agent = AgentId::EXAMPLE;
        let definition = definition(json!([
            {"id": "t", "type": "tool", "config": {"tool_id": ToolId::EXAMPLE}},
            {"id": "a", "type": "agent", "config": {"agent_id": agent, "version": 1}},
            {"id": "b", "type": "agent", "config": {"agent_id": agent, "version": 2}}
        ]));
        let names = Names::of(&definition);
        let executable = Executable {
            definition,
            ..Executable::default()
        };
        let problems = names.problems(&executable, &[]);
        let codes: Vec<_> = problems
            .iter()
            .map(|problem| (problem.path.as_str(), problem.code.as_str()))
            .collect();
        let expected = [
            ("/nodes/2/config/version", "two_versions"),
            ("/nodes/0/config/tool_id", "unknown_tool"),
            ("/nodes/1/config/agent_id", "unknown_agent"),
            ("/nodes/2/config/agent_id", "unknown_agent"),
        ];
        assert_eq!(codes, expected);
    }

    #[test]
    fn what_runs_an_agent_or_a_crew_is_valid() {
        let (agent, crew) = (AgentId::EXAMPLE, CrewId::EXAMPLE);
        for definition in [
            of_agent(agent, true),
            of_agent(agent, false),
            of_crew(crew),
            in_chat(agent),
        ] {
            assert_eq!(graph::validate(&definition), []);
            let mut nodes = definition.nodes.iter();
            assert!(nodes.all(|node| node.type_version.is_some()));
        }
    }
}
