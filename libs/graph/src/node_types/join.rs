//! Branches that come together.

use serde_json::json;

use super::{Kind, object};

pub(super) fn kind() -> Kind {
    let schema = object(
        &[],
        &json!({
            "wait_for": {
                "default": "all",
                "anyOf": [
                    {"type": "string", "enum": ["all", "any"]},
                    {"type": "integer", "minimum": 1, "maximum": 1000}
                ],
                "description": "`all` waits until each branch has come or was not taken, `any` goes on with the first that comes, a number with that many. It is skipped where fewer can come."
            }
        }),
    );
    let description = "Waits for branches: for all, for the first, or for some of them. The output is an object with the outputs of the nodes that had come, by their ids. The others go on, and the execution ends when all have ended.";
    Kind {
        verbatim: &["wait_for"],
        ..super::kind(super::JOIN, "Join", description, schema)
    }
}
