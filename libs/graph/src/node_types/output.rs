//! What an execution returns.

use serde_json::json;

use super::{Kind, object};

pub(super) fn kind() -> Kind {
    let schema = object(
        &["value"],
        &json!({"value": {"description": "Any JSON; strings may hold expressions."}}),
    );
    let description = "What the execution returns. With several that were reached, it returns an object by node id; with none, null.";
    let mut kind = super::kind("output", "Output", description, schema);
    kind.about.ports = Vec::new();
    Kind {
        ports: |_| Vec::new(),
        ..kind
    }
}
