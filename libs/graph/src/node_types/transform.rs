//! Makes a value of what is there.

use serde_json::json;

use super::{Kind, object};

pub(super) fn kind() -> Kind {
    let schema = object(
        &["value"],
        &json!({"value": {"description": "Any JSON; strings may hold expressions."}}),
    );
    super::kind(
        "transform",
        "Transform",
        "Makes a new value from input and outputs. The output is `value`.",
        schema,
    )
}
