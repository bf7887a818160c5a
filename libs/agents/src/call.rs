//! What a run asks for, and what became of it.

use contracts::{
    agent::{Fact, Recall},
    execution::StepError,
    id::{AgentId, BaseId, ToolId},
    live::StepCall,
    llm,
    tool::{Approval, FlowPin},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// A call that is to be done, once, under this path. Paths are unique in a run: `llm:0`, `tool:0.1`, `tool:0.1/approval`,
/// `task:write/llm:0`.
#[derive(Clone, Debug, PartialEq)]
pub struct Wanted {
    pub path: String,
    /// The name of the agent that calls.
    pub agent: String,
    pub call: Call,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Call {
    /// A question to a model.
    Llm(Box<llm::Complete>),
    /// A call of a tool.
    Tool(ToolUse),
    /// A person's word on exactly this call.
    Approval { asked: ToolUse, by: Approval },
    /// A search in a knowledge base.
    Knowledge { base_id: BaseId, query: String },
    /// What the agent remembers of something like this.
    Recall(Recall),
    /// What the agent is to remember.
    Remember { agent_id: AgentId, facts: Vec<Fact> },
}

/// A tool with the arguments that a model chose.
#[derive(Clone, Debug, PartialEq)]
pub struct ToolUse {
    pub tool_id: ToolId,
    pub version: u32,
    pub name: String,
    pub arguments: Value,
    pub timeout_ms: u64,
    pub flow: Option<FlowPin>,
    /// How deep flows may call flows, by the agent's limits.
    pub max_depth: u32,
}

impl ToolUse {
    /// What an approval is bound to: BLAKE3 of the tool, its version and exactly these arguments, hexadecimal.
    pub fn hash(&self) -> String {
        let text = json!([self.tool_id, self.version, self.arguments]).to_string();
        contracts::hash(text.as_bytes())
    }
}

impl Wanted {
    /// What the event of the step says of it; none for an approval, which has an event of its own.
    pub fn step_call(&self) -> Option<StepCall> {
        let agent = self.agent.clone();
        match &self.call {
            Call::Llm(_) => Some(StepCall::Llm { agent }),
            Call::Tool(asked) => Some(StepCall::Tool {
                agent,
                tool_id: asked.tool_id,
                name: asked.name.clone(),
                arguments: asked.arguments.clone(),
            }),
            Call::Knowledge { query, .. } => Some(StepCall::Knowledge {
                agent,
                query: query.clone(),
            }),
            Call::Recall(_) => Some(StepCall::Recall { agent }),
            Call::Remember { .. } => Some(StepCall::Remember { agent }),
            Call::Approval { .. } => None,
        }
    }
}

/// What became of a call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Outcome {
    Completion {
        completion: Box<llm::Completion>,
    },
    Result {
        value: Value,
    },
    /// What a person said; the comment is for the model.
    Decided {
        approved: bool,
        comment: String,
    },
    Failed {
        error: StepError,
    },
}

/// The outcomes recorded so far.
pub trait History {
    fn outcome(&self, path: &str) -> Option<&Outcome>;
}

impl History for std::collections::BTreeMap<String, Outcome> {
    fn outcome(&self, path: &str) -> Option<&Outcome> {
        self.get(path)
    }
}

/// What a run does next.
#[derive(Clone, Debug, PartialEq)]
pub enum Next {
    /// These calls have no outcome yet: those that were not begun are to be begun, the others waited for.
    Calls(Vec<Wanted>),
    Done(Value),
    Failed(StepError),
}
