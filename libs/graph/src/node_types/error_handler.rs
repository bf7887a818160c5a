//! Where a failing execution goes on.

use serde_json::json;

use super::{Kind, object};

pub(super) fn kind() -> Kind {
    let schema = object(&[], &json!({}));
    let description = "Begins the branch that runs once when the execution fails, after what had to be undone. Its output is `{error, uncompensated}`. The execution is `failed` all the same, and `handled`; its output is that of the branch.";
    let mut kind = super::kind(super::ERROR_HANDLER, "On failure", description, schema);
    kind.about.takes_input = false;
    kind
}
