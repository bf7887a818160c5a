//! What a run asks for, and what became of it.

use contracts::{execution::StepError, llm, tool::Approval};
use serde_json::Value;

/// A call that is to be done, once, under this path. Paths are unique in a run: `llm:0`, `tool:0.1`, `tool:0.1/approval`,
/// `task:write/llm:0`.
#[derive(Clone, Debug, PartialEq)]
pub struct Wanted {
    pub path: String,
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
}

/// A tool with the arguments that a model chose.
#[derive(Clone, Debug, PartialEq)]
pub struct ToolUse {
    pub tool_id: contracts::id::ToolId,
    pub version: u32,
    pub name: String,
    pub arguments: Value,
    pub timeout_ms: u64,
}

/// What became of a call.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    Completion(Box<llm::Completion>),
    Result(Value),
    /// What a person said; the comment is for the model.
    Decided {
        approved: bool,
        comment: String,
    },
    Failed(StepError),
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
