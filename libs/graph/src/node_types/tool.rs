//! Calls a tool.

use serde_json::json;

use super::{Kind, object};

pub(super) fn kind() -> Kind {
    let schema = object(
        &["tool_id"],
        &json!({
            "tool_id": {"type": "string", "pattern": "^tool_[0-9a-f]{32}$", "description": "The tool. Taken as it is: no expressions."},
            "version": {"type": "integer", "minimum": 1, "description": "The tool's version; the newest when the flow is published, when absent."},
            "arguments": {"type": "object", "description": "What the tool is called with, by its JSON Schema."}
        }),
    );
    let description = "Calls a tool. The output is its result.";
    Kind {
        verbatim: &["tool_id", "version"],
        ..super::kind("tool", "Tool", description, schema)
    }
}
