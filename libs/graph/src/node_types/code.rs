//! Runs JavaScript in the sandbox.

use serde_json::json;

use super::{Kind, object};

pub(super) fn kind() -> Kind {
    let schema = object(
        &["language", "source"],
        &json!({
            "language": {"type": "string", "enum": ["javascript"], "description": "The language of `source`."},
            "source": {
                "type": "string", "minLength": 1, "maxLength": 262_144,
                "description": "An ES module whose default export is a function of `{input, nodes}` that returns JSON; it may be async. Taken as it is: no expressions."
            }
        }),
    );
    let description = "Runs a function in a locked-down process, without network and files. The output is what it returns.";
    Kind {
        verbatim: &["language", "source"],
        ..super::kind("code", "Code", description, schema)
    }
}
