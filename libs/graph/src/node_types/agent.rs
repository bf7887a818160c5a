//! Lets an agent work.

use serde_json::json;

use super::{Kind, object};

pub(super) fn kind() -> Kind {
    let schema = object(
        &["agent_id", "prompt"],
        &json!({
            "agent_id": {"type": "string", "pattern": "^agent_[0-9a-f]{32}$", "description": "The agent. Taken as it is: no expressions."},
            "version": {"type": "integer", "minimum": 1, "description": "The agent's version; the newest when the flow is published, when absent."},
            "prompt": {"type": "string", "minLength": 1, "maxLength": 1_048_576, "description": "What the agent is asked to do."},
            "messages": {"type": ["array", "null"], "description": "What was said before in a conversation, as chat-completions messages; usually `{{ input.messages }}`."}
        }),
    );
    let description = "Lets an agent work until it has an answer. Each question to its model and each call of a tool is a recorded step.";
    Kind {
        verbatim: &["agent_id", "version"],
        ..super::kind("agent", "Agent", description, schema)
    }
}
