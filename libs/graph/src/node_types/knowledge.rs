//! Searches a knowledge base.

use serde_json::json;

use super::{Kind, object};

pub(super) fn kind() -> Kind {
    let schema = object(
        &["base_id", "query"],
        &json!({
            "base_id": {"type": "string", "pattern": "^base_[0-9a-f]{32}$", "description": "The knowledge base. Taken as it is: no expressions."},
            "query": {"type": "string", "minLength": 1, "maxLength": 4000, "description": "What is looked for."},
            "limit": {"type": "integer", "minimum": 1, "maximum": 50, "description": "The most passages; 5 when absent."}
        }),
    );
    let description = "Searches a knowledge base by meaning and by words. The output is the list of passages, the best first.";
    Kind {
        verbatim: &["base_id"],
        ..super::kind("knowledge", "Knowledge", description, schema)
    }
}
