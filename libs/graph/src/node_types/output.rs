//! What an execution returns.

use serde_json::json;

use super::{Kind, object};

pub(super) const KIND: &str = "output";

pub(super) fn kind() -> Kind {
    let schema = object(
        &["value"],
        json!({"value": {"description": "Any JSON; strings may hold expressions."}}),
    );
    let description = "What the execution returns. With several that were reached, it returns an object by node id.";
    let mut kind = super::kind(KIND, "Output", description, schema);
    kind.about.ports = Vec::new();
    kind
}
