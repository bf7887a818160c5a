//! What an execution runs: a plan, and the agents, crews and tools that its nodes name, pinned.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Deref,
    str::FromStr,
};

use contracts::{
    agent::AgentSnapshot,
    crew::CrewSnapshot,
    execution::StepError,
    flow::{Executable, FlowProblem, Node},
    id::{AgentId, CrewId, ToolId},
    tool::{FlowPin, ToolSnapshot},
};
use graph::{NodeIndex, Plan};
use serde_json::Value;

/// An [`Executable`] whose definition is valid. It is used as the plan that it has.
#[derive(Debug)]
pub(crate) struct Program {
    plan: Plan,
    agents: BTreeMap<AgentId, AgentSnapshot>,
    crews: BTreeMap<CrewId, CrewSnapshot>,
    tools: BTreeMap<ToolId, ToolSnapshot>,
    flows: BTreeMap<String, FlowPin>,
    /// By position: the variables that a node, or one in its body, names.
    reads: Vec<BTreeSet<String>>,
    /// Those of all nodes.
    variables: BTreeSet<String>,
}

/// Stands for all variables together, where a node hands them on or its expressions do not say which they read.
pub(crate) const ALL_VARIABLES: &str = "*";

impl Deref for Program {
    type Target = Plan;
    fn deref(&self) -> &Plan {
        &self.plan
    }
}

impl Program {
    /// # Errors
    /// What is wrong with the definition.
    pub(crate) fn new(executable: Executable) -> Result<Self, Vec<FlowProblem>> {
        let mut program = Self {
            plan: Plan::new(executable.definition)?,
            agents: executable.agents,
            crews: executable.crews,
            tools: executable.tools,
            flows: executable.flows,
            reads: Vec::new(),
            variables: BTreeSet::new(),
        };
        program.note_variables();
        Ok(program)
    }

    /// The names of the variables that its nodes read; [`ALL_VARIABLES`] among them where one may read any.
    pub(crate) fn variables(&self) -> impl Iterator<Item = &String> {
        self.variables.iter()
    }

    /// As [`Self::variables`], of one node with what stands in its body.
    pub(crate) fn variables_of(&self, node: NodeIndex) -> &BTreeSet<String> {
        &self.reads[usize::from(node.0)]
    }

    fn note_variables(&mut self) {
        let mut reads: Vec<_> = self.nodes().iter().map(|node| self.read_by(node)).collect();
        for position in 0..reads.len() {
            let own = reads[position].clone();
            self.variables.extend(own.iter().cloned());
            let index = NodeIndex(u16::try_from(position).unwrap_or(u16::MAX));
            let mut around = self.parent(index);
            while let Some(parent) = around {
                reads[usize::from(parent.0)].extend(own.iter().cloned());
                around = self.parent(parent);
            }
        }
        self.reads = reads;
    }

    fn read_by(&self, node: &Node) -> BTreeSet<String> {
        let reads = graph::reads(node);
        let is_flow = |tool: &ToolSnapshot| tool.flow.is_some();
        let hands_on = match node.kind.as_str() {
            "flow" => true,
            "tool" => self.tool(node).is_ok_and(is_flow),
            "agent" => self
                .agent(node)
                .is_ok_and(|it| it.tools.iter().any(is_flow)),
            "crew" => self.crew(node).is_ok_and(|crew| {
                let mut agents = crew.agents.iter();
                agents.any(|agent| agent.tools.iter().any(is_flow))
            }),
            _ => false,
        };
        let mut names = reads.variables;
        if reads.all_variables || hands_on {
            names.insert(ALL_VARIABLES.to_owned());
        }
        names
    }

    /// What it was made of.
    #[cfg(test)]
    pub(crate) fn executable(&self) -> Executable {
        Executable {
            definition: self.plan.definition().clone(),
            agents: self.agents.clone(),
            crews: self.crews.clone(),
            tools: self.tools.clone(),
            flows: self.flows.clone(),
        }
    }

    /// The agent that a node names.
    ///
    /// # Errors
    /// `not_pinned`, when the executable does not hold it.
    pub(crate) fn agent(&self, node: &Node) -> Result<&AgentSnapshot, StepError> {
        named(&self.agents, node, "agent_id")
    }

    /// The crew that a node names.
    ///
    /// # Errors
    /// As [`Self::agent`].
    pub(crate) fn crew(&self, node: &Node) -> Result<&CrewSnapshot, StepError> {
        named(&self.crews, node, "crew_id")
    }

    /// The flow that a node runs.
    ///
    /// # Errors
    /// As [`Self::agent`].
    pub(crate) fn flow(&self, node: &Node) -> Result<&FlowPin, StepError> {
        self.flows.get(&node.id).ok_or_else(|| {
            let text = format!("the flow that `{}` runs is not pinned", node.id);
            StepError::new("not_pinned", text)
        })
    }

    /// The tool that a node names.
    ///
    /// # Errors
    /// As [`Self::agent`].
    pub(crate) fn tool(&self, node: &Node) -> Result<&ToolSnapshot, StepError> {
        named(&self.tools, node, "tool_id")
    }
}

fn named<'a, I: FromStr + Ord, T>(
    pinned: &'a BTreeMap<I, T>,
    node: &Node,
    key: &str,
) -> Result<&'a T, StepError> {
    let text = node
        .config
        .get(key)
        .and_then(Value::as_str)
        .unwrap_or_default();
    let found = text.parse().ok().and_then(|id| pinned.get(&id));
    found.ok_or_else(|| {
        let text = format!("`{text}` is not among what this execution may use");
        StepError::new("not_pinned", text)
    })
}
