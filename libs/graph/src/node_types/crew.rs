//! Lets a crew work.

use serde_json::json;

use super::{Kind, object};

pub(super) fn kind() -> Kind {
    let schema = object(
        &["crew_id"],
        &json!({
            "crew_id": {"type": "string", "pattern": "^crew_[0-9a-f]{32}$", "description": "The crew. Taken as it is: no expressions."},
            "version": {"type": "integer", "minimum": 1, "description": "The crew's version; the newest when the flow is published, when absent."},
            "input": {"description": "What the tasks' descriptions see as `input`; the flow's input when absent."}
        }),
    );
    let description = "Lets a crew work through its tasks. The output is the last task's result, or the manager's answer.";
    Kind {
        verbatim: &["crew_id", "version"],
        ..super::kind("crew", "Crew", description, schema)
    }
}
