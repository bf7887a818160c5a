//! Branches that come together.

use serde_json::json;

use super::{Kind, object};

pub(super) fn kind() -> Kind {
    let mut schema = object(
        &[],
        &json!({
            "wait_for": {"type": "string", "enum": ["all", "any", "some"], "default": "all", "description": "`all` waits until each branch has come or was not taken, `any` goes on with the first that comes, `some` with the first `count`."},
            "count": {"type": "integer", "minimum": 1, "maximum": 1000, "description": "How many branches it waits for, with `some`. It is skipped where fewer come."}
        }),
    );
    schema["if"] = json!({"required": ["wait_for"], "properties": {"wait_for": {"const": "some"}}});
    schema["then"] = json!({"required": ["count"]});
    let description = "Waits for branches: for all, for the first, or for some of them. The output is an object with the outputs of the nodes that had come, by their ids. The others go on, and the execution ends when all have ended.";
    Kind {
        verbatim: &["wait_for", "count"],
        ..super::kind(super::JOIN, "Join", description, schema)
    }
}
