//! What an execution runs: a plan, and the agents, crews and tools that its nodes name, pinned.

use std::{collections::BTreeMap, ops::Deref, str::FromStr};

use contracts::{
    agent::AgentSnapshot,
    crew::CrewSnapshot,
    execution::StepError,
    flow::{Executable, FlowProblem, Node},
    id::{AgentId, CrewId, ToolId},
    tool::{FlowPin, ToolSnapshot},
};
use graph::Plan;
use serde_json::Value;

/// An [`Executable`] whose definition is valid. It is used as the plan that it has.
#[derive(Debug)]
pub(crate) struct Program {
    plan: Plan,
    agents: BTreeMap<AgentId, AgentSnapshot>,
    crews: BTreeMap<CrewId, CrewSnapshot>,
    tools: BTreeMap<ToolId, ToolSnapshot>,
    flows: BTreeMap<String, FlowPin>,
}

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
        Ok(Self {
            plan: Plan::new(executable.definition)?,
            agents: executable.agents,
            crews: executable.crews,
            tools: executable.tools,
            flows: executable.flows,
        })
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
