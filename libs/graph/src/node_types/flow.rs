//! Another flow, as an execution of its own.

use serde_json::json;

use super::{Kind, object};

pub(super) fn kind() -> Kind {
    let schema = object(
        &["flow_id"],
        &json!({
            "flow_id": {"type": "string", "pattern": "^flow_[0-9a-f]{32}$", "description": "The flow. Taken as it is: no expressions."},
            "revision": {"type": "integer", "minimum": 1, "description": "The revision that is run; the newest when this flow is published, when absent."},
            "input": {"description": "The input of that flow, by its schema."}
        }),
    );
    let description = "Runs another flow to its end, as an execution of its own, at the revision that is pinned when this flow is published. The output is that of the flow.";
    Kind {
        verbatim: &["flow_id", "revision"],
        ..super::kind("flow", "Sub-flow", description, schema)
    }
}
